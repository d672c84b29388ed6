// Rows times a matrix in panels (lstm.h), in registers; part of kernels.cpp. What a row gives doesn't depend on the others.
#pragma once
#include "lstm.h"
#include "simd.h"

namespace firth {
namespace {

typedef float loose_floats __attribute__((vector_size(kRegisterBytes), aligned(4), may_alias));

// A register, or the `n` numbers that are left of a row.
inline vec<float> take(const float* p, int n) {
    if (n >= Lanes<float>::n) return *reinterpret_cast<const loose_floats*>(p);
    vec<float> v = {};
    for (int i = 0; i < n; ++i) v[i] = p[i];
    return v;
}
inline void put(float* p, vec<float> v, int n) {
    if (n >= Lanes<float>::n) *reinterpret_cast<loose_floats*>(p) = v;
    else
        for (int i = 0; i < n; ++i) p[i] = v[i];
}

// Rows of `a`, `depth` numbers each, times one panel: `count` columns of c, set or added to.
struct Product {
    const float* a;
    size_t a_stride;
    int depth;
    const float* panel;
    float* c;
    size_t c_stride;
    int count;
    bool add;
};

// Sums of so many products are added up by themselves: rounding stays small, and that much of a panel in the nearest cache.
constexpr int kDepth = 128;

constexpr int kAhead = kDepth * kPanel;  // a panel is asked for while the one before it is at work

template <int Rows, int Vectors>
inline void product_tile(const Product& p, int row, int column) {
    constexpr int lanes = Lanes<float>::n;
    const size_t a_stride = p.a_stride;
    const float *a = p.a + size_t(row) * a_stride, *b = p.panel + column;
    float* c = p.c + size_t(row) * p.c_stride + column;
    vec<float> sums[Rows][Vectors] = {};
    for (int k = 0; k < p.depth; ++k, b += kPanel) {
        __builtin_prefetch(b + kAhead, 0, 2);
        vec<float> bs[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) bs[v] = load(b + v * lanes);
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
            const vec<float> x = fill<float>(a[size_t(r) * a_stride + k]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) sums[r][v] += x * bs[v];
        }
    }
    const int left = p.count - column;
    if (left >= Vectors * lanes) {
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) {
                float* at = c + size_t(r) * p.c_stride + v * lanes;
                put(at, p.add ? sums[r][v] + take(at, lanes) : sums[r][v], lanes);
            }
        return;
    }
    for (int r = 0; r < Rows; ++r)
        for (int v = 0; v < Vectors; ++v) {
            float* at = c + size_t(r) * p.c_stride + v * lanes;
            put(at, p.add ? sums[r][v] + take(at, left - v * lanes) : sums[r][v], left - v * lanes);
        }
}

template <int Rows, int Vectors>
inline void product_rows(const Product& p, int row) {
    for (int column = 0; column < p.count; column += Vectors * Lanes<float>::n) product_tile<Rows, Vectors>(p, row, column);
}

constexpr int kWide = kPanel / Lanes<float>::n < 4 ? kPanel / Lanes<float>::n : 4;  // registers of a few rows' columns

inline void product_block(const Product& p, int n) {
    int row = 0;
    if constexpr (kRegisters >= 32)
        for (; n - row >= 12; row += 12) product_rows<12, 2>(p, row);
    for (; n - row >= 6; row += 6) product_rows<6, 2>(p, row);
    switch (n - row) {
        case 1: return product_rows<1, kWide>(p, row);
        case 2: return product_rows<2, kWide>(p, row);
        case 3: return product_rows<3, 2>(p, row);
        case 4: return product_rows<4, 2>(p, row);
        case 5: return product_rows<5, 2>(p, row);
    }
}

inline void product(Product p, int n) {
    for (int depth = p.depth; depth > 0; depth -= kDepth, p.a += kDepth, p.panel += size_t(kDepth) * kPanel, p.add = true) {
        p.depth = depth < kDepth ? depth : kDepth;
        product_block(p, n);
    }
}

}  // namespace
}  // namespace firth
