// The gates of an LSTM, a few cells of a few rows at a time; part of kernels.cpp.
#pragma once
#include "panel_product.h"

namespace firth {
namespace {

// 1 / (1 + exp(-x)), to about 1e-7.
inline vec<float> logistic_of(vec<float> x) {
    const vec<float> t = decay(x);
    return (x < 0.0f ? t : fill<float>(1.0f)) / (t + 1.0f);
}

// tanh x to about 2e-7 relative: near 0 the series' best fit (Cephes), else (1 - t) / (1 + t) with t = exp(-2 |x|).
inline vec<float> tanh_of(vec<float> x) {
    const vec<float> t = decay(x + x), z = x * x;
    const vec<float> far = (1.0f - t) / (1.0f + t);
    vec<float> p = fill<float>(-5.70498872745e-3f);
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const vec<float> near = p * z * x + x;
    return z < 0.390625f ? near : x < 0.0f ? -far : far;  // 0.625 squared; what is no number goes on as none
}

inline vec<float> cut(vec<float> x, float limit) {
    return x > limit ? fill<float>(limit) : x < -limit ? fill<float>(-limit) : x;
}

// Cells [0, kPanel) of a row, or the `count` that are left of them.
template <bool Whole>
inline vec<float> cells_at(const float* p, int k, int count) {
    return take(p + k, Whole ? Lanes<float>::n : count - k);
}
template <bool Whole>
inline void put_cells(float* p, int k, vec<float> v, int count) {
    put(p + k, v, Whole ? Lanes<float>::n : count - k);
}

// A row's cells in one step; the gates stand `apart` numbers from one another, in `sums` kPanel.
struct GateRow {
    float* sums;            // of the state's part; aligned, and used up
    const float* bias;
    float* gates;           // in: the inputs' part; out: the gates
    const float* before;
    float *after, *hidden;
};

// Loops of one thing each: their turns don't wait for one another.
template <bool Whole>
inline void open_gates(const GateRow& row, size_t apart, int count, float clip) {
    constexpr int lanes = Lanes<float>::n;
    float* s = row.sums;
    for (int g = 0; g < 4; ++g)
        for (int k = 0; k < kPanel; k += lanes)
            store(s + g * kPanel + k, load(s + g * kPanel + k) + cells_at<Whole>(row.gates + g * apart, k, count) +
                                          cells_at<Whole>(row.bias + g * apart, k, count));
    for (int k = 0; k < 2 * kPanel; k += lanes) store(s + k, logistic_of(load(s + k)));
    for (int k = 2 * kPanel; k < 3 * kPanel; k += lanes) store(s + k, tanh_of(load(s + k)));
    for (int k = 3 * kPanel; k < 4 * kPanel; k += lanes) store(s + k, logistic_of(load(s + k)));
    alignas(64) float c[kPanel];
    for (int k = 0; k < kPanel; k += lanes) {
        store(c + k, cut(load(s + kPanel + k) * cells_at<Whole>(row.before, k, count) + load(s + k) * load(s + 2 * kPanel + k), clip));
        put_cells<Whole>(row.after, k, load(c + k), count);
    }
    for (int k = 0; k < kPanel; k += lanes) put_cells<Whole>(row.hidden, k, load(s + 3 * kPanel + k) * tanh_of(load(c + k)), count);
    for (int g = 0; g < 4; ++g)
        for (int k = 0; k < kPanel; k += lanes) put_cells<Whole>(row.gates + g * apart, k, load(s + g * kPanel + k), count);
}

struct GateRowBack {
    const float *gates, *before, *after;
    const float* d_hidden;  // aligned
    float* d_cells;         // in: of the cells after; out: of those before
    float* d_sums;          // kPanel apart, aligned, zeros behind `count`
    float* out;             // the same, as far apart as the gates
};

// A cell that was cut passes nothing on, as with torch.clamp; one that met the limit exactly does.
template <bool Whole>
inline void close_gates(const GateRowBack& row, size_t apart, int count, float clip) {
    constexpr int lanes = Lanes<float>::n;
    alignas(64) float tanhs[kPanel];
    for (int k = 0; k < kPanel; k += lanes) store(tanhs + k, tanh_of(cells_at<Whole>(row.after, k, count)));
    for (int k = 0; k < kPanel; k += lanes) {
        vec<float> gate[4];
#pragma GCC unroll 4
        for (int g = 0; g < 4; ++g) gate[g] = cells_at<Whole>(row.gates + g * apart, k, count);
        const vec<float> c = cells_at<Whole>(row.before, k, count), m = load(row.d_hidden + k), t = load(tanhs + k);
        const vec<float> i = gate[0], f = gate[1], g = gate[2], o = gate[3], uncut = f * c + i * g;
        vec<float> d = cells_at<Whole>(row.d_cells, k, count) + m * o * (1.0f - t * t);
        d = uncut <= clip && uncut >= -clip ? d : vec<float>{};
        const vec<float> found[4] = {d * g * i * (1.0f - i), d * c * f * (1.0f - f), d * i * (1.0f - g * g), m * t * o * (1.0f - o)};
#pragma GCC unroll 4
        for (int n = 0; n < 4; ++n) store(row.d_sums + n * kPanel + k, found[n]), put_cells<Whole>(row.out + n * apart, k, found[n], count);
        put_cells<Whole>(row.d_cells, k, d * f, count);
    }
}

}  // namespace
}  // namespace firth
