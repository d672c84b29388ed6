// Vectors of the level being compiled. `Lanes<R>` is as wide as the level's registers; everything is written with
// the compilers' vector extensions, so one text serves SSE, AVX2, AVX-512 and NEON.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

namespace firth {
namespace {  // each level's own copy: nothing here may be merged by the linker across levels

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64, kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kRegisterBytes = 32, kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kRegisterBytes = 16, kRegisters = 32;
#else
constexpr int kRegisterBytes = 16, kRegisters = 16;
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
    return value - vec<R>{};  // 0 + value would be an addition, since it turns -0 into 0; value - 0 is none
}

// Lane i of the result is the sum of the lanes of sums[i], for as many vectors as lanes (of fewer, each stands several
// times, in parts). A butterfly: at every level two vectors become one by adding what each keeps to what it moves,
// n - 1 additions in all instead of n full reductions.
template <class R, int Step, int... I>
inline vec<R> fold(vec<R> a, vec<R> b, std::integer_sequence<int, I...>) {
    constexpr int n = Lanes<R>::n;
    // keep: lanes of a where bit Step is clear, of b where it is set; move: the partners of those lanes
    vec<R> keep = __builtin_shufflevector(a, b, ((I & Step) ? I + n : I)...);
    vec<R> move = __builtin_shufflevector(a, b, ((I & Step) ? (I - Step) + n : I + Step)...);
    return keep + move;
}

template <class R, int Count, int Step = 1>
inline vec<R> sum_each(const vec<R>* sums) {
    if constexpr (Count == 1) {
        return sums[0];
    } else {
        vec<R> half[Count / 2];
#pragma GCC unroll 8
        for (int i = 0; i < Count / 2; ++i)
            half[i] = fold<R, Step>(sums[2 * i], sums[2 * i + 1], std::make_integer_sequence<int, Lanes<R>::n>{});
        return sum_each<R, Count / 2, 2 * Step>(half);
    }
}

// out[i] = the sum of the lanes of sums[i], for eight vectors.
template <class R, int... I>
inline void store_eight(const vec<R>* sums, R* out, std::integer_sequence<int, I...>) {
    constexpr int n = Lanes<R>::n;
    if constexpr (n == 16) {
        const vec<R> both = sum_each<R, 8>(sums);  // lanes i and i + 8 belong to the same sum
        typedef R half __attribute__((vector_size(kRegisterBytes / 2)));
        *reinterpret_cast<half*>(out) = __builtin_shufflevector(both, both, I...) + __builtin_shufflevector(both, both, (I + 8)...);
    } else {
#pragma GCC unroll 4
        for (int i = 0; i < 8; i += n) store(out + i, sum_each<R, n>(sums + i));
    }
}
template <class R>
inline void store_eight(const vec<R>* sums, R* out) {
    store_eight<R>(sums, out, std::make_integer_sequence<int, 8>{});
}

// 0, 1, 2, ... in the lanes.
template <class R, int... I>
inline vec<R> lane_numbers(std::integer_sequence<int, I...>) {
    return vec<R>{R(I)...};
}
template <class R>
inline vec<R> lane_numbers() {
    return lane_numbers<R>(std::make_integer_sequence<int, Lanes<R>::n>{});
}

// Four numbers again and again, from number `at` (a multiple of the lanes) on.
template <class R>
struct Four {
    typedef R v __attribute__((vector_size(4 * sizeof(R))));
};
template <class R>
using four = typename Four<R>::v;
template <class R, int... I>
inline vec<R> repeat_four(four<R> v, int at, std::integer_sequence<int, I...>) {
    if constexpr (Lanes<R>::n >= 4) return __builtin_shufflevector(v, v, (I % 4)...);
    else return vec<R>{v[at % 4 + I]...};
}
template <class R>
inline vec<R> repeat_four(four<R> v, int at) {
    return repeat_four<R>(v, at, std::make_integer_sequence<int, Lanes<R>::n>{});
}

// Keeps v in its register; compilers would else read it from memory again for every use.
template <class V>
inline void hold(V& v) {
#if defined(__x86_64__)
    asm("" : "+v"(v));
#elif defined(__aarch64__)
    asm("" : "+w"(v));
#endif
}

// exp(-|s|), to about 1e-7 relative in float.
inline vec<float> decay(vec<float> s) {
    vec<float> y = (s < 0.0f ? s : -s) * 1.442695041f;  // 2^y, y <= 0
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
    return p * (vec<float>)((whole + 127) << 23);
}
inline vec<double> decay(vec<double> s) {
    vec<double> t;
    for (int i = 0; i < Lanes<double>::n; ++i) t[i] = __builtin_exp(s[i] < 0 ? s[i] : -s[i]);
    return t;
}

// sigmoid(s) = 1 / (1 + exp(-s)) and softplus(s) = log(1 + exp(s)), to about 2e-7 relative in float.
// With t = exp(-|s|):  sigmoid(s) = (s >= 0 ? 1 : t) / (1 + t),  softplus(s) = max(s, 0) + log(1 + t).
inline void logistic(vec<float> s, vec<float>& sigmoid, vec<float>& softplus) {
    const vec<float> t = decay(s);
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
    const vec<double> t = decay(s);
    for (int i = 0; i < Lanes<double>::n; ++i) {
        sigmoid[i] = (s[i] < 0 ? t[i] : 1.0) / (1.0 + t[i]);
        softplus[i] = (s[i] < 0 ? 0.0 : s[i]) + __builtin_log1p(t[i]);
    }
}

}  // namespace
}  // namespace firth
