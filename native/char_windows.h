// The loops of char_filters.h, kFilters filters at a time; part of kernels.cpp.
#pragma once
#include "char_filters.h"
#include "simd.h"

namespace firth {
namespace {

constexpr int kFilterRegisters = kFilters / Lanes<float>::n;

// Fills the table; false: it holds what is no finite number.
bool char_table(const CharacterRows& rows, const FilterChunk& chunk) {
    constexpr int lanes = Lanes<float>::n;
    vec<float> odd = {};
    float* out = chunk.table;
    for (int u = 0; u < rows.n_ids; ++u) {
        const float* x = rows.vectors + size_t(u) * rows.dim;
        const float* w = chunk.weights;
        for (int k = 0; k < chunk.width; ++k, out += kFilters) {
            vec<float> sums[kFilterRegisters] = {};
            for (int d = 0; d < rows.dim; ++d, w += kFilters)
#pragma GCC unroll 8
                for (int r = 0; r < kFilterRegisters; ++r) sums[r] += x[d] * load(w + r * lanes);
#pragma GCC unroll 8
            for (int r = 0; r < kFilterRegisters; ++r) odd += sums[r] - sums[r], store(out + r * lanes, sums[r]);
        }
    }
    for (int i = 0; i < lanes; ++i)
        if (odd[i] != 0) return false;
    return true;
}

template <int Width>
inline void char_word(const FilterChunk& chunk, const int32_t* ids, int starts, int width, vec<float>* best, vec<float>* place) {
    constexpr int lanes = Lanes<float>::n;
    const int w = Width ? Width : width;
    for (int p = 0; p <= starts; ++p) {
        vec<float> sums[kFilterRegisters] = {};
#pragma GCC unroll 8
        for (int k = 0; k < w; ++k) {
            const float* row = chunk.table + (size_t(ids[p + k]) * w + k) * kFilters;
#pragma GCC unroll 8
            for (int r = 0; r < kFilterRegisters; ++r) sums[r] += load(row + r * lanes);
        }
#pragma GCC unroll 8
        for (int r = 0; r < kFilterRegisters; ++r) {
            const auto better = sums[r] > best[r];
            best[r] = better ? sums[r] : best[r];
            place[r] = better ? fill<float>(float(p)) : place[r];  // a place is far below 2^24
        }
    }
}

template <int Width>
inline void char_words(const CharacterRows& rows, const FilterChunk& chunk) {
    constexpr int lanes = Lanes<float>::n;
    for (int64_t i = 0; i < rows.n_words; ++i) {
        vec<float> best[kFilterRegisters], place[kFilterRegisters];
#pragma GCC unroll 8
        for (int r = 0; r < kFilterRegisters; ++r) best[r] = fill<float>(-__builtin_inff()), place[r] = vec<float>{};
        const int fit = rows.length - chunk.width, starts = rows.starts[i] < fit ? rows.starts[i] : fit;
        char_word<Width>(chunk, rows.ids + i * rows.length, starts, chunk.width, best, place);
        alignas(64) float values[kFilters], places[kFilters];
#pragma GCC unroll 8
        for (int r = 0; r < kFilterRegisters; ++r) store(values + r * lanes, best[r]), store(places + r * lanes, place[r]);
        for (int f = 0; f < chunk.count; ++f) chunk.best[i * chunk.stride + f] = values[f];
        if (chunk.place)
            for (int f = 0; f < chunk.count; ++f) chunk.place[i * chunk.stride + f] = uint16_t(places[f]);
    }
}

void char_windows(const CharacterRows& rows, const FilterChunk& chunk) {
    switch (chunk.width) {
        case 1: return char_words<1>(rows, chunk);
        case 2: return char_words<2>(rows, chunk);
        case 3: return char_words<3>(rows, chunk);
        case 4: return char_words<4>(rows, chunk);
        case 5: return char_words<5>(rows, chunk);
        case 6: return char_words<6>(rows, chunk);
        case 7: return char_words<7>(rows, chunk);
        default: return char_words<0>(rows, chunk);
    }
}

// From the gradient of the table: d_weights (width x dim x kFilters) and d_vectors (n_ids x dim), both set.
void char_table_back(const CharacterRows& rows, const FilterChunk& chunk, float* d_weights, float* d_vectors) {
    constexpr int lanes = Lanes<float>::n;
    const int width = chunk.width, dim = rows.dim;
    for (int64_t i = 0; i < int64_t(width) * dim * kFilters; ++i) d_weights[i] = 0;
    for (int u = 0; u < rows.n_ids; ++u) {
        const float* x = rows.vectors + size_t(u) * dim;
        const float* d = chunk.table + size_t(u) * width * kFilters;
        for (int k = 0; k < width; ++k)
            for (int j = 0; j < dim; ++j) {
                float* out = d_weights + (size_t(k) * dim + j) * kFilters;
#pragma GCC unroll 8
                for (int r = 0; r < kFilterRegisters; ++r)
                    store(out + r * lanes, load(out + r * lanes) + x[j] * load(d + k * kFilters + r * lanes));
            }
        for (int j = 0; j < dim; j += 8) {
            const int some = dim - j < 8 ? dim - j : 8;
            vec<float> sums[8] = {};
            for (int k = 0; k < width; ++k)
                for (int m = 0; m < some; ++m)
#pragma GCC unroll 8
                    for (int r = 0; r < kFilterRegisters; ++r)
                        sums[m] += load(d + k * kFilters + r * lanes) * load(chunk.weights + (size_t(k) * dim + j + m) * kFilters + r * lanes);
            alignas(64) float eight[8];
            store_eight<float>(sums, eight);
            for (int m = 0; m < some; ++m) d_vectors[size_t(u) * dim + j + m] = eight[m];
        }
    }
}

}  // namespace
}  // namespace firth
