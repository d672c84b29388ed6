// The counter of co-occurrences under a fuzzer: any text, windows, sides, subsampling, budgets and threads must give the
// sums of the plain double loop, whether rows stay in memory or go through a file.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "cooc.h"
#include "sampling.h"

namespace {

using Cells = std::map<std::pair<uint32_t, uint32_t>, uint64_t>;

Cells plain(const firth::CoocText& text, const firth::CoocOptions& options) {
    Cells cells;
    int64_t begin = 0;
    for (const int64_t end : text.ends) {
        std::vector<uint32_t> words;
        for (int64_t at = begin; at < end; ++at) {
            const int32_t word = text.word_of[std::size_t(text.ids[std::size_t(at)])];
            const auto drawn = uint32_t(firth::random_at(text.key, uint64_t(at)) >> 32);
            if (word >= 0 && (text.keep.empty() || drawn <= text.keep[std::size_t(word)])) words.push_back(uint32_t(word));
        }
        for (std::size_t i = 0; i < words.size(); ++i)
            for (std::size_t j = i + 1; j < words.size() && j - i <= options.weights.size(); ++j) {
                if (options.left) cells[{words[j], words[i]}] += options.weights[j - i - 1];
                if (options.right) cells[{words[i], words[j]}] += options.weights[j - i - 1];
            }
        begin = end;
    }
    return cells;
}

Cells counted(const firth::CoocText& text, firth::CoocOptions options, const std::vector<int64_t>& occurrences, bool file) {
    std::FILE* spill = std::tmpfile();
    options.spill = fileno(spill);
    firth::CoocCounter counter(occurrences, options);
    for (std::size_t at = 0; at < text.ids.size(); at += counter.piece()) {
        counter.place(text, at, std::min(at + counter.piece(), text.ids.size()));
        while (counter.work(0)) {}
    }
    counter.close();
    while (counter.work(0)) {}
    std::vector<int64_t> lengths(occurrences.size());
    counter.lengths(lengths.data());
    const std::size_t pairs = counter.pairs();
    std::vector<int32_t> columns(pairs);
    std::vector<double> values(pairs);
    if (file) {
        std::FILE* out = std::tmpfile();
        counter.write(1.0, fileno(out));
        if (std::fread(columns.data(), sizeof(int32_t), pairs, out) != pairs) std::abort();
        if (std::fread(values.data(), sizeof(double), pairs, out) != pairs) std::abort();
        std::fclose(out);
    } else {
        counter.fill(1.0, columns.data(), values.data());
    }
    std::fclose(spill);
    Cells cells;
    std::size_t at = 0;
    for (uint32_t row = 0; row < lengths.size(); ++row)
        for (int64_t i = 0; i < lengths[row]; ++i, ++at) {
            if (i && columns[at] <= columns[at - 1]) std::abort();
            cells[{row, uint32_t(columns[at])}] = uint64_t(values[at]);
        }
    if (at != pairs) std::abort();
    return cells;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 6) return 0;
    const std::size_t types = 1 + bytes[0] % 200, words = 1 + bytes[1] % types;
    std::vector<int32_t> ids, word_of(types, -1);
    for (std::size_t type = 0; type < words; ++type) word_of[type * 7 % types] = int32_t(type);
    std::vector<int64_t> ends;
    for (std::size_t at = 6; at < size; ++at) {
        if (bytes[at] == '\n' && !ids.empty() && (ends.empty() || ends.back() < int64_t(ids.size()))) ends.push_back(int64_t(ids.size()));
        if (bytes[at] != '\n') ids.push_back(int32_t(bytes[at] % types));
    }
    if (ids.empty()) return 0;
    if (ends.empty() || ends.back() < int64_t(ids.size())) ends.push_back(int64_t(ids.size()));
    std::vector<int64_t> occurrences(words);
    for (const int32_t id : ids)
        if (word_of[std::size_t(id)] >= 0) ++occurrences[std::size_t(word_of[std::size_t(id)])];
    std::vector<uint32_t> keep(bytes[2] & 1 ? words : 0, uint32_t(1) << 31);
    firth::CoocOptions options;
    for (std::size_t d = 1; d <= 1u + bytes[3] % 12; ++d) options.weights.push_back(720720 / d);
    options.left = bytes[2] & 2, options.right = !options.left || bytes[2] & 4;
    options.budget = std::size_t(bytes[4]) << (bytes[2] >> 5), options.threads = 1 + bytes[5] % 3;
    const firth::CoocText text{ids, ends, word_of, keep, bytes[5]};
    if (counted(text, options, occurrences, bytes[2] & 8) != plain(text, options)) std::abort();
    return 0;
}
