// Vectors of words as means of rows: a word's own row, where there is one, and those of its character n-grams.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firth {

// Rows of `dim` float32 values as bytes: those of a mapped file need not lie at a multiple of four.
struct RowBytes {
    const unsigned char* data;
    std::size_t n, dim;
};

// The rows of word i are items[starts[i]] to items[starts[i + 1] - 1] of `grams`.
struct Lists {
    const std::int64_t* starts;
    const std::int32_t* items;
    std::size_t n, n_items;
};

// Whether starts ascend from 0 to n_items and every item is a row below `rows`.
bool fit(const Lists& lists, std::size_t rows);

// out[i] = (own[i] + grams of word i, from the left) * (1 / count), in float32 as Facebook's program adds them; without
// `own` (n == 0) the n-grams alone, and zeros where a word has none. The sums don't depend on the number of threads.
void compose_rows(const RowBytes& own, const RowBytes& grams, const Lists& lists, float* out, std::size_t threads);

}  // namespace firth
