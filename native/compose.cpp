#include "compose.h"

#include <algorithm>
#include <cstring>

#include "parallel.h"

namespace firth {
namespace {

constexpr std::size_t kWordsAtOnce = 256;

void add(float* __restrict sum, const unsigned char* __restrict row, std::size_t dim) {
    for (std::size_t j = 0; j < dim; ++j) {
        float value;
        std::memcpy(&value, row + 4 * j, 4);
        sum[j] += value;
    }
}

void compose_word(const RowBytes& own, const RowBytes& grams, const Lists& lists, std::size_t word, float* sum) {
    const std::size_t dim = grams.dim;
    const std::int64_t first = lists.starts[word], last = lists.starts[word + 1];
    if (own.n)
        std::memcpy(sum, own.data + word * dim * 4, dim * 4);
    else
        std::fill(sum, sum + dim, 0.0f);
    for (std::int64_t at = first; at < last; ++at) {
        // The rows lie anywhere in memory: those of the next word are asked for while this one is added.
        if (std::size_t(at) + 8 < lists.n_items) __builtin_prefetch(grams.data + std::size_t(lists.items[at + 8]) * dim * 4);
        add(sum, grams.data + std::size_t(lists.items[at]) * dim * 4, dim);
    }
    const std::size_t count = std::size_t(last - first) + (own.n ? 1 : 0);
    const float share = count ? float(1.0 / double(count)) : 0.0f;
    for (std::size_t j = 0; j < dim; ++j) sum[j] *= share;
}

}  // namespace

bool fit(const Lists& lists, std::size_t rows) {
    if (lists.starts[0] != 0 || lists.starts[lists.n] != std::int64_t(lists.n_items)) return false;
    for (std::size_t i = 0; i < lists.n; ++i)
        if (lists.starts[i + 1] < lists.starts[i]) return false;
    return std::all_of(lists.items, lists.items + lists.n_items,
                       [rows](std::int32_t item) { return item >= 0 && std::size_t(item) < rows; });
}

void compose_rows(const RowBytes& own, const RowBytes& grams, const Lists& lists, float* out, std::size_t threads) {
    parallel(threads, (lists.n + kWordsAtOnce - 1) / kWordsAtOnce, [&](std::size_t, std::size_t part) {
        const std::size_t last = std::min(lists.n, (part + 1) * kWordsAtOnce);
        for (std::size_t word = part * kWordsAtOnce; word < last; ++word)
            compose_word(own, grams, lists, word, out + word * grams.dim);
    });
}

}  // namespace firth
