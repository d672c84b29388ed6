// Vectors of the level being compiled. `Lanes<R>` is as wide as the level's registers; everything is written with
// the compilers' vector extensions, so one text serves SSE, AVX2, AVX-512 and NEON.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace firth {
namespace {  // each level's own copy: nothing here may be merged by the linker across levels

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64;
#elif defined(__AVX2__)
constexpr int kRegisterBytes = 32;
#else
constexpr int kRegisterBytes = 16;
#endif

template <class R>
struct Lanes {
    static constexpr int n = kRegisterBytes / int(sizeof(R));
    typedef R v __attribute__((vector_size(kRegisterBytes)));
};
typedef int32_t vint __attribute__((vector_size(kRegisterBytes)));

template <class R>
using vec = typename Lanes<R>::v;

template <class R>
inline vec<R> load(const R* p) {
    return *reinterpret_cast<const vec<R>*>(p);
}
template <class R>
inline void store(R* p, vec<R> v) {
    *reinterpret_cast<vec<R>*>(p) = v;
}
template <class R>
inline vec<R> fill(R value) {
    return vec<R>{} + value;
}

// Lane i of the result is the sum of the lanes of sums[i]. A butterfly: at every level two vectors become one by
// adding what each keeps to what it moves, n - 1 additions in all instead of n full reductions.
template <class R, int Step, int... I>
inline vec<R> fold(vec<R> a, vec<R> b, std::integer_sequence<int, I...>) {
    constexpr int n = Lanes<R>::n;
    // keep: lanes of a where bit Step is clear, of b where it is set; move: the partners of those lanes
    vec<R> keep = __builtin_shufflevector(a, b, ((I & Step) ? I + n : I)...);
    vec<R> move = __builtin_shufflevector(a, b, ((I & Step) ? (I - Step) + n : I + Step)...);
    return keep + move;
}

template <class R, int Count>
inline vec<R> sum_each(const vec<R>* sums) {
    // At the level with `Count` vectors left, neighbours (2i, 2i+1) are folded over bit n / Count... from the lowest.
    if constexpr (Count == 1) {
        return sums[0];
    } else {
        constexpr int n = Lanes<R>::n;
        constexpr int step = n / Count;
        vec<R> half[Count / 2];
        for (int i = 0; i < Count / 2; ++i)
            half[i] = fold<R, step>(sums[2 * i], sums[2 * i + 1], std::make_integer_sequence<int, n>{});
        return sum_each<R, Count / 2>(half);
    }
}

// sigmoid(s) = 1 / (1 + exp(-s)) and softplus(s) = log(1 + exp(s)), to about 2e-7 relative in float.
// With t = exp(-|s|):  sigmoid(s) = (s >= 0 ? 1 : t) / (1 + t),  softplus(s) = max(s, 0) + log(1 + t).
inline void logistic(vec<float> s, vec<float>& sigmoid, vec<float>& softplus) {
    vec<float> y = (s < 0.0f ? s : -s) * 1.442695041f;  // t = 2^y, y <= 0
    y = y < -126.0f ? fill<float>(-126.0f) : y;
    vint whole = __builtin_convertvector(y - 0.5f, vint);           // rounds to nearest, as y <= 0
    vec<float> f = y - __builtin_convertvector(whole, vec<float>);  // in [-0.5, 0.5]
    vec<float> p = fill<float>(1.5403530e-4f);                      // 2^f: the terms ln(2)^k / k! f^k
    p = p * f + 1.3333558e-3f;
    p = p * f + 9.6181291e-3f;
    p = p * f + 5.5504109e-2f;
    p = p * f + 2.4022651e-1f;
    p = p * f + 6.9314718e-1f;
    p = p * f + 1.0f;
    const vec<float> t = p * (vec<float>)((whole + 127) << 23);
    // log(1 + t) = 2 atanh(z), z = t / (2 + t) in [0, 1/3]; one division serves it and the sigmoid
    const vec<float> once = t + 1.0f, twice = t + 2.0f, both = 1.0f / (once * twice);
    const vec<float> z = t * once * both, z2 = z * z;
    vec<float> q = fill<float>(1.0f / 11);
    q = q * z2 + 1.0f / 9;
    q = q * z2 + 1.0f / 7;
    q = q * z2 + 1.0f / 5;
    q = q * z2 + 1.0f / 3;
    q = q * z2 + 1.0f;
    sigmoid = (s < 0.0f ? t : fill<float>(1.0f)) * twice * both;
    softplus = (s < 0.0f ? fill<float>(0.0f) : s) + 2.0f * z * q;
}
inline void logistic(vec<double> s, vec<double>& sigmoid, vec<double>& softplus) {
    for (int i = 0; i < Lanes<double>::n; ++i) {
        const double t = __builtin_exp(s[i] < 0 ? s[i] : -s[i]);
        sigmoid[i] = (s[i] < 0 ? t : 1.0) / (1.0 + t);
        softplus[i] = (s[i] < 0 ? 0.0 : s[i]) + __builtin_log1p(t);
    }
}

}  // namespace
}  // namespace firth
