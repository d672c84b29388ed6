#include "text.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <stdexcept>
#include <system_error>

#include "parallel.h"

namespace firth {

namespace {

constexpr std::size_t kRemapBlock = 1 << 17;  // tokens renumbered at a time

void write_at(int file, const void* data, std::size_t n, uint64_t offset) {
    const auto* bytes = static_cast<const char*>(data);
    while (n > 0) {
        const ssize_t done = ::pwrite(file, bytes, n, static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) throw std::system_error(errno, std::generic_category());
        bytes += done;
        offset += static_cast<uint64_t>(done);
        n -= static_cast<std::size_t>(done);
    }
}

std::size_t read_at(int file, void* data, std::size_t n, uint64_t offset) {
    auto* bytes = static_cast<char*>(data);
    std::size_t total = 0;
    while (total < n) {
        const ssize_t done = ::pread(file, bytes + total, n - total, static_cast<off_t>(offset + total));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) throw std::system_error(errno, std::generic_category());
        if (done == 0) break;
        total += static_cast<std::size_t>(done);
    }
    return total;
}

// Looks words up a few at a time, so that their cache lines are on the way while the text is split further.
struct BlockSink {
    WordTable& table;
    std::vector<uint32_t>& ids;
    std::vector<uint64_t>& line_ends;
    struct Waiting {
        WordTable::Key key;
        const uint8_t* word;
    };
    std::array<Waiting, 16> waiting{};
    std::size_t n_waiting = 0;

    void token(const uint8_t* word, std::size_t length) {
        const WordTable::Key key = table.key(word, length);
        table.prefetch(key);
        waiting[n_waiting++] = {key, word};
        if (n_waiting == waiting.size()) flush();
    }
    void line() { line_ends.push_back(ids.size() + n_waiting); }
    void flush() {
        for (std::size_t i = 0; i < n_waiting; ++i) ids.push_back(table.add(waiting[i].key, waiting[i].word, 1));
        n_waiting = 0;
    }
};

uint64_t random_seed() {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
}

}  // namespace

TextPass::TextPass(const TextOptions& options) : options_(options), waiting_(kPadding) {
    options_.threads = std::max<std::size_t>(options_.threads, 1);
    options_.block = std::max<std::size_t>(options_.block, 1);
    tables_.assign(options_.threads, WordTable(random_seed()));
}

void TextPass::feed(const uint8_t* bytes, std::size_t n) {
    if (waiting_.size() < used_ + n + kPadding) waiting_.resize(used_ + n + kPadding);
    std::copy(bytes, bytes + n, waiting_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += n;
    if (used_ - seen_ >= options_.block) process(false);
}

std::size_t TextPass::feed_file(int file, uint64_t offset, std::size_t n) {
    if (waiting_.size() < used_ + n + kPadding) waiting_.resize(used_ + n + kPadding);
    const std::size_t block = options_.block, parts = (n + block - 1) / block;
    std::vector<std::size_t> got(parts);
    parallel(options_.threads, parts, [&](std::size_t, std::size_t part) {
        const std::size_t begin = part * block, length = std::min(block, n - begin);
        got[part] = read_at(file, waiting_.data() + used_ + begin, length, offset + begin);
    });
    // A file that was cut short meanwhile: only what lies before the first gap counts.
    std::size_t total = 0;
    for (std::size_t part = 0; part < parts; ++part) {
        total += got[part];
        if (got[part] < std::min(block, n - part * block)) break;
    }
    used_ += total;
    process(false);
    return total;
}

void TextPass::end_text() {
    process(true);
    std::vector<int64_t> ends;
    const uint64_t before = sentences_;
    close_sentence(tokens_, false, ends);
    write_at(options_.ends_file, ends.data(), ends.size() * sizeof(int64_t), before * sizeof(int64_t));
}

// Where blocks of the first `end` waiting bytes begin and end.
std::vector<std::size_t> TextPass::cut_points(std::size_t end) const {
    const uint8_t* text = waiting_.data();
    std::vector<std::size_t> points{0};
    while (points.back() < end) {
        std::size_t point = std::min(points.back() + options_.block, end);
        while (point < end && !is_cut(options_.tokenizer, text, text + point, text + end)) ++point;
        points.push_back(point);
    }
    return points;
}

void TextPass::process(bool everything) {
    const uint8_t* text = waiting_.data();
    std::size_t end = used_;
    if (!everything) {
        const std::size_t known = seen_ > 4 ? seen_ - 4 : 0;  // a cut shows in the four bytes around it
        while (end > known && !is_cut(options_.tokenizer, text, text + end, text + used_)) --end;
        if (end <= known) end = 0;
    }
    seen_ = used_;
    if (end == 0) return;
    const std::vector<std::size_t> points = cut_points(end);
    std::vector<Block> blocks(points.size() - 1);
    parallel(options_.threads, blocks.size(), [&](std::size_t thread, std::size_t i) {
        blocks[i].table = static_cast<uint32_t>(thread);
        blocks[i].ids.reserve((points[i + 1] - points[i]) / 4);
        BlockSink sink{tables_[thread], blocks[i].ids, blocks[i].line_ends};
        split(options_.tokenizer, text + points[i], text + points[i + 1], sink);
        sink.flush();
    });
    write(blocks);
    std::copy(waiting_.begin() + static_cast<std::ptrdiff_t>(end), waiting_.begin() + static_cast<std::ptrdiff_t>(used_),
              waiting_.begin());
    used_ -= end;
    seen_ = used_;
}

void TextPass::close_sentence(uint64_t end, bool keep_empty, std::vector<int64_t>& ends) {
    if (end == last_end_ && !keep_empty) return;
    ends.push_back(static_cast<int64_t>(end));
    last_end_ = end;
    ++sentences_;
}

void TextPass::write(std::vector<Block>& blocks) {
    const uint64_t sentences_before = sentences_;
    std::vector<int64_t> ends;
    std::vector<uint64_t> offsets;
    for (Block& block : blocks) {
        offsets.push_back(tokens_);
        for (const uint64_t line_end : block.line_ends) close_sentence(tokens_ + line_end, options_.blank_lines, ends);
        tokens_ += block.ids.size();
        if (!extents_.empty() && extents_.back().table == block.table) {
            extents_.back().end = tokens_;
        } else {
            extents_.push_back({block.table, tokens_});
        }
    }
    parallel(options_.threads, blocks.size(), [&](std::size_t, std::size_t i) {
        write_at(options_.ids_file, blocks[i].ids.data(), blocks[i].ids.size() * sizeof(uint32_t),
                 offsets[i] * sizeof(uint32_t));
    });
    write_at(options_.ends_file, ends.data(), ends.size() * sizeof(int64_t), sentences_before * sizeof(int64_t));
}

void TextPass::feed_tokens(const Tokens& tokens) {
    std::vector<Block> blocks(1);
    Block& block = blocks.front();
    std::vector<uint8_t> padded;
    std::size_t sentence = 0;
    int64_t before = -static_cast<int64_t>(tokens.separator);
    for (std::size_t i = 0; i <= tokens.n_tokens; ++i) {
        for (; sentence < tokens.n_sentences && tokens.sentence_ends[sentence] <= static_cast<int64_t>(i); ++sentence) {
            block.line_ends.push_back(block.ids.size());
        }
        if (i == tokens.n_tokens) break;
        const int64_t begin = before + static_cast<int64_t>(tokens.separator), end = tokens.token_ends[i];
        if (end < begin || static_cast<std::size_t>(end) > tokens.n_bytes) {
            throw std::invalid_argument("token ends must ascend within the bytes");
        }
        before = end;
        if (end == begin) {
            ++empty_;
            continue;
        }
        padded.assign(tokens.bytes + begin, tokens.bytes + end);
        padded.resize(padded.size() + kPadding);
        block.ids.push_back(tables_.front().add(padded.data(), static_cast<std::size_t>(end - begin)));
    }
    if (sentence < tokens.n_sentences) throw std::invalid_argument("a sentence ends after the last token");
    write(blocks);
}

void TextPass::remap(const Vocabulary& vocabulary) {
    const std::size_t parts = (tokens_ + kRemapBlock - 1) / kRemapBlock;
    std::vector<std::vector<int32_t>> buffers(options_.threads);
    parallel(options_.threads, parts, [&](std::size_t thread, std::size_t part) {
        const uint64_t begin = part * kRemapBlock, end = std::min<uint64_t>(begin + kRemapBlock, tokens_);
        auto& ids = buffers[thread];
        ids.resize(kRemapBlock);
        const std::size_t n = (end - begin) * sizeof(int32_t);
        if (read_at(options_.ids_file, ids.data(), n, begin * sizeof(int32_t)) != n) {
            throw std::system_error(EIO, std::generic_category());
        }
        auto extent = std::upper_bound(extents_.begin(), extents_.end(), begin,
                                       [](uint64_t at, const Extent& found) { return at < found.end; });
        for (uint64_t at = begin; at < end; ++extent) {
            const int32_t* final_ids = vocabulary.final_ids[extent->table].data();
            for (const uint64_t stop = std::min(extent->end, end); at < stop; ++at) {
                ids[at - begin] = final_ids[ids[at - begin]];
            }
        }
        write_at(options_.ids_file, ids.data(), n, begin * sizeof(int32_t));
    });
}

Vocabulary TextPass::finish() {
    end_text();
    Vocabulary vocabulary = merge(tables_, options_.normalisation, options_.threads);
    remap(vocabulary);
    return vocabulary;
}

}  // namespace firth
