// Filters over the characters of words, the largest value of each filter in each word (Kim et al. 2016, section 2.2).
//
// What a filter of width w gives at one place is the sum of w numbers, one for each character under it and its place
// there: table[u][k] = <vector of character u, weights of the filter at place k>. A text has few characters, so the
// table is made once and every place costs w additions, not w dim multiplications. kFilters filters go together, so
// that their table stays in the cache.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firth {

constexpr int kFilters = 32;

// Words of `length` characters each, the filler behind them with them. Windows begin at places [0, starts[i]] of word i,
// as far as they fit: behind those all windows hold filler alone, as the last does.
struct CharacterRows {
    const int32_t* ids;  // n_words x length, each in [0, n_ids)
    const int32_t* starts;
    int64_t n_words;
    int length, n_ids, dim;
    const float* vectors;  // n_ids x dim
};

// Up to kFilters filters of one width.
struct FilterChunk {
    int width, count;
    const float* weights;  // width x dim x kFilters, zeros behind `count`
    float* table;          // n_ids x width x kFilters
    float* best;           // at the first filter of the first word; `stride` numbers a word
    uint16_t* place;       // likewise: where the best window begins
    int64_t stride;
};

// Filters of one width as a library has them, number x dim x width.
struct Filters {
    const float* weights;
    int number, width;
    float* d_weights;  // backward: out
};

// best: n_words x all filters. False: some weight or vector is no finite number, and nothing of `best` counts.
bool char_filters(const CharacterRows& rows, const Filters* groups, int n_groups, float* best, uint16_t* place, int threads);
// From the gradient of `best`; d_vectors: n_ids x dim. The same bytes on any number of threads.
void char_filters_back(const CharacterRows& rows, const Filters* groups, int n_groups, const float* d_best, const uint16_t* place,
                       float* d_vectors, int threads);

}  // namespace firth
