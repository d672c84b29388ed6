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

// One row's cells [0, count) of a step; the gates stand `apart` numbers from one another.
struct GateRow {
    const float* sums;      // of what the step adds to the inputs' part; its gates are kPanel apart
    float* gates;           // in: the inputs' part; out: the gates
    const float* before;
    float *after, *hidden;
};

inline void open_gates(const GateRow& row, size_t apart, int count, float clip) {
    constexpr int lanes = Lanes<float>::n;
    for (int k = 0; k < count; k += lanes) {
        const int left = count - k;
        vec<float> gate[4];
#pragma GCC unroll 4
        for (int g = 0; g < 4; ++g) {
            const vec<float> sum = take(row.gates + g * apart + k, left) + load(row.sums + g * kPanel + k);
            gate[g] = g == 2 ? tanh_of(sum) : logistic_of(sum);
        }
        const vec<float> c = cut(gate[1] * take(row.before + k, left) + gate[0] * gate[2], clip);
#pragma GCC unroll 4
        for (int g = 0; g < 4; ++g) put(row.gates + g * apart + k, gate[g], left);
        put(row.after + k, c, left), put(row.hidden + k, gate[3] * tanh_of(c), left);
    }
}

struct GateRowBack {
    const float *gates, *before, *after;
    const float* d_hidden;  // aligned
    float* d_cells;         // in: of the cells after; out: of those before
    float* d_sums;          // kPanel apart, aligned, zeros behind `count`
};

// A cell that was cut passes nothing on, as with torch.clamp; one that met the limit exactly does.
inline void close_gates(const GateRowBack& row, size_t apart, int count, float clip) {
    constexpr int lanes = Lanes<float>::n;
    for (int k = 0; k < kPanel; k += lanes) {
        const int left = count - k;
        const float* gates = row.gates + k;
        const vec<float> i = take(gates, left), f = take(gates + apart, left), g = take(gates + 2 * apart, left);
        const vec<float> o = take(gates + 3 * apart, left), c = take(row.before + k, left), m = load(row.d_hidden + k);
        const vec<float> t = tanh_of(take(row.after + k, left)), uncut = f * c + i * g;
        vec<float> d = take(row.d_cells + k, left) + m * o * (1.0f - t * t);
        d = uncut <= clip && uncut >= -clip ? d : vec<float>{};
        store(row.d_sums + k, d * g * i * (1.0f - i)), store(row.d_sums + kPanel + k, d * c * f * (1.0f - f));
        store(row.d_sums + 2 * kPanel + k, d * i * (1.0f - g * g)), store(row.d_sums + 3 * kPanel + k, m * t * o * (1.0f - o));
        put(row.d_cells + k, d * f, left);
    }
}

}  // namespace
}  // namespace firth
