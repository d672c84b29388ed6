// The gates of one step of an LSTM with limited cells, forward and backward; part of kernels.cpp.
//
//     c' = f c + i g, cut to the clip,   m = o tanh c',   with i, f, o by the logistic function and g by tanh.
//
// The numbers of a row may begin anywhere and be of any number.
#pragma once
#include "kernels.h"
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

// 1 / (1 + exp(-x)), to about 1e-7.
inline vec<float> logistic_of(vec<float> x) {
    const vec<float> t = decay(x);
    return (x < 0.0f ? t : fill<float>(1.0f)) / (t + 1.0f);
}

// tanh x to about 2e-7 relative: near 0 the series' best fit (Cephes), else 1 - 2 / (exp(2 |x|) + 1).
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

void lstm_gates(const LstmStep& s) {
    constexpr int lanes = Lanes<float>::n;
    const int n = s.cells;
    for (int row = 0; row < s.n; ++row) {
        float* gates = s.gates + size_t(row) * 4 * n;
        const float* before = s.before + size_t(row) * n;
        float *after = s.after + size_t(row) * n, *hidden = s.hidden + size_t(row) * n;
        for (int k = 0; k < n; k += lanes) {
            const int left = n - k;
            const vec<float> i = logistic_of(take(gates + k, left)), f = logistic_of(take(gates + n + k, left));
            const vec<float> g = tanh_of(take(gates + 2 * n + k, left)), o = logistic_of(take(gates + 3 * n + k, left));
            const vec<float> c = cut(f * take(before + k, left) + i * g, s.clip);
            put(gates + k, i, left), put(gates + n + k, f, left), put(gates + 2 * n + k, g, left), put(gates + 3 * n + k, o, left);
            put(after + k, c, left), put(hidden + k, o * tanh_of(c), left);
        }
    }
}

// A cell that was cut passes nothing on, as with torch.clamp; one that met the limit exactly does.
void lstm_gates_back(const LstmStep& s, const float* d_hidden, float* d_cells, float* d_gates) {
    constexpr int lanes = Lanes<float>::n;
    const int n = s.cells;
    for (int row = 0; row < s.n; ++row) {
        const size_t at = size_t(row) * n;
        const float *gates = s.gates + 4 * at, *before = s.before + at, *after = s.after + at, *dm = d_hidden + at;
        float *dc = d_cells + at, *out = d_gates + 4 * at;
        for (int k = 0; k < n; k += lanes) {
            const int left = n - k;
            const vec<float> i = take(gates + k, left), f = take(gates + n + k, left), g = take(gates + 2 * n + k, left);
            const vec<float> o = take(gates + 3 * n + k, left), c = take(before + k, left), m = take(dm + k, left);
            const vec<float> t = tanh_of(take(after + k, left)), uncut = f * c + i * g;
            vec<float> d = take(dc + k, left) + m * o * (1.0f - t * t);
            d = uncut <= s.clip && uncut >= -s.clip ? d : vec<float>{};
            put(out + k, d * g * i * (1.0f - i), left), put(out + n + k, d * c * f * (1.0f - f), left);
            put(out + 2 * n + k, d * i * (1.0f - g * g), left), put(out + 3 * n + k, m * t * o * (1.0f - o), left);
            put(dc + k, d * f, left);
        }
    }
}

}  // namespace
}  // namespace firth
