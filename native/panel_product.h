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

// `n` rows of `a`, `depth` numbers each, times one panel: `count` columns of c, set or added to.
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

template <int Rows, int Vectors>
inline void product_tile(const Product& p, int row, int column) {
    constexpr int lanes = Lanes<float>::n;
    const float *a = p.a + size_t(row) * p.a_stride, *b = p.panel + column;
    float* c = p.c + size_t(row) * p.c_stride + column;
    vec<float> sums[Rows][Vectors];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            sums[r][v] = p.add ? take(c + size_t(r) * p.c_stride + v * lanes, p.count - column - v * lanes) : vec<float>{};
    for (int k = 0; k < p.depth; ++k, b += kPanel) {
        vec<float> bs[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) bs[v] = load(b + v * lanes);
#pragma GCC unroll 12
        for (int r = 0; r < Rows; ++r) {
            const vec<float> x = fill<float>(a[size_t(r) * p.a_stride + k]);
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) sums[r][v] += x * bs[v];
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) put(c + size_t(r) * p.c_stride + v * lanes, sums[r][v], p.count - column - v * lanes);
}

template <int Rows, int Vectors>
inline void product_rows(const Product& p, int row) {
    for (int column = 0; column < p.count; column += Vectors * Lanes<float>::n) product_tile<Rows, Vectors>(p, row, column);
}

constexpr int kWide = kPanel / Lanes<float>::n < 4 ? kPanel / Lanes<float>::n : 4;  // registers of a few rows' columns

inline void product(const Product& p, int n) {
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

}  // namespace
}  // namespace firth
