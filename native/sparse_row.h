// One row of a sparse matrix times a dense block; part of kernels.cpp.
#pragma once
#include <cstdint>

#include "simd.h"

namespace firth {
namespace {

constexpr int kFetchAhead = 8;

// Part of the columns of the block, held in registers from the first number of the row to the last.
template <int Registers>
inline void add_scaled_part(float* out, const float* x, int width, const int32_t* columns, const float* values, int64_t n) {
    vec<float> sums[Registers] = {};
    for (int64_t i = 0; i < n; ++i) {
        if (i + kFetchAhead < n) {
            const float* ahead = x + size_t(columns[i + kFetchAhead]) * size_t(width);
            for (int at = 0; at < Registers * Lanes<float>::n; at += 16) __builtin_prefetch(ahead + at);
        }
        const float* row = x + size_t(columns[i]) * size_t(width);
        for (int k = 0; k < Registers; ++k) sums[k] += load(row + k * Lanes<float>::n) * values[i];
    }
    for (int k = 0; k < Registers; ++k) store(out + k * Lanes<float>::n, sums[k]);
}

// out = the sum of values[i] * x[columns[i]]; width is a multiple of 16, rows begin at multiples of 64 bytes.
void add_scaled(float* out, const float* x, int width, const int32_t* columns, const float* values, int64_t n) {
    constexpr int lanes = Lanes<float>::n, whole = 32 / lanes;
    int at = 0;
    for (; at + 32 <= width; at += 32) add_scaled_part<whole>(out + at, x + at, width, columns, values, n);
    if (at < width) add_scaled_part<16 / lanes>(out + at, x + at, width, columns, values, n);
}

}  // namespace
}  // namespace firth
