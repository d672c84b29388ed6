// The second half of making phrases: a corpus goes through the pass again, its pairs replaced by phrases.
#include <algorithm>
#include <stdexcept>

#include "parallel.h"
#include "text.h"

namespace firth {

namespace {

constexpr std::size_t kJoinBlock = 1 << 16;  // tokens that one thread rewrites at a time

}  // namespace

void TextPass::add_words(const uint8_t* bytes, std::size_t n_bytes, const int64_t* ends, std::size_t n_words) {
    std::vector<uint8_t> padded(bytes, bytes + n_bytes);
    padded.resize(n_bytes + kPadding);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < n_words; ++i) {
        const auto end = static_cast<std::size_t>(ends[i]);
        if (ends[i] < 0 || end < begin || end > n_bytes) throw std::invalid_argument("word ends must ascend");
        for (WordTable& table : tables_) numbers_.push_back(table.add(padded.data() + begin, end - begin, 0));
        numbers_.resize(numbers_.size() - tables_.size() + 1);  // the same in every table
        begin = end;
    }
}

void TextPass::feed_ids(std::span<const int32_t> ids, std::span<const int64_t> ends, const PairMap& phrases) {
    const auto known = static_cast<int64_t>(numbers_.size());
    for (const int32_t id : ids) {
        if (id < 0 || id >= known) throw std::invalid_argument("an id has no word");
    }
    // A block begins a sentence or at a token that no phrase ties to the one before it.
    std::vector<std::size_t> points{0};
    while (points.back() < ids.size()) {
        std::size_t point = std::min(points.back() + kJoinBlock, ids.size());
        while (point < ids.size() && phrases.find(ids[point - 1], ids[point]) >= 0) ++point;
        points.push_back(point);
    }
    std::vector<Block> blocks(points.size() - 1);
    parallel(options_.threads, blocks.size(), [&](std::size_t thread, std::size_t b) {
        Block& block = blocks[b];
        block.table = static_cast<uint32_t>(thread);
        auto end = std::upper_bound(ends.begin(), ends.end(), static_cast<int64_t>(points[b]));
        for (std::size_t i = points[b]; i < points[b + 1];) {
            const std::size_t last = end == ends.end() ? ids.size() : static_cast<std::size_t>(*end);
            const bool paired = i + 1 < std::min(last, points[b + 1]);
            const int32_t phrase = paired ? phrases.find(ids[i], ids[i + 1]) : -1;
            const uint32_t word = numbers_[static_cast<std::size_t>(phrase >= 0 ? phrase : ids[i])];
            tables_[thread].count_again(word);
            block.ids.push_back(word);
            i += phrase >= 0 ? 2 : 1;
            if (i == last) {
                block.line_ends.push_back(block.ids.size());
                if (end != ends.end()) ++end;
            }
        }
    });
    write(blocks);
}

}  // namespace firth
