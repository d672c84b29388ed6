// GloVe's step: weighted least squares of one entry after the other, each number with an AdaGrad rate of its own.
// Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation", equation 8; Duchi, Hazan and
// Singer 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization".
#pragma once
#include "kernels.h"
#include "simd.h"

namespace firth {
namespace {

// 1 / sqrt(x), x >= 1, from arithmetic alone: the CPUs' own approximations differ between makers. Half the exponent gives
// y within 3.5 %; with r = 1 - x y^2 the root is y (1 - r)^(-1/2), whose series in r, cut off and fitted to the range of r,
// is exact to 1e-6.
template <class V>
inline V inverse_root(V x) {
    if constexpr (sizeof(x[0]) == 4) {
        typedef int32_t bits __attribute__((vector_size(sizeof(V))));
        const V y = (V)(0x5F374800 - ((bits)x >> 1)), r = 1.0f - x * y * y;
        return y + y * r * (0.49999944f + r * (0.37606596f + r * 0.31366412f));
    } else {
        V y;
        for (size_t i = 0; i < sizeof(V) / sizeof(x[0]); ++i) y[i] = 1 / __builtin_sqrt(x[i]);
        return y;
    }
}

// Registers at any place; half of one where a record ends so.
template <class R, int Numbers>
struct Loose {
    typedef R v __attribute__((vector_size(Numbers * sizeof(R)), aligned(sizeof(R)), may_alias));
    typedef R plain __attribute__((vector_size(Numbers * sizeof(R))));
    static plain get(const R* p) { return *reinterpret_cast<const v*>(p); }
    static void put(R* p, plain value) { *reinterpret_cast<v*>(p) = value; }
};

// With e = rate * f(x) * diff, the gradient of f(x) diff^2 / 2 to a number of one side is the other side's number times
// e / rate; the sums of squares hold the squares of e times that number, as the authors' program has them.
template <class R, int n>
inline void adagrad(R* row, R* column, int width, int at, R e) {
    using L = Loose<R, n>;
    const typename L::plain a = L::get(row + at), b = L::get(column + at), da = e * b, db = e * a;
    const typename L::plain sa = L::get(row + width + at), sb = L::get(column + width + at);
    L::put(row + at, a - da * inverse_root(sa));
    L::put(column + at, b - db * inverse_root(sb));
    L::put(row + width + at, sa + da * da);
    L::put(column + width + at, sb + db * db);
}

template <class R, int n, int... I>
inline R sum_lanes(typename Loose<R, n>::plain v, std::integer_sequence<int, I...>) {
    if constexpr (n == 2) {
        return v[0] + v[1];
    } else {
        const typename Loose<R, n / 2>::plain half =
            __builtin_shufflevector(v, v, I...) + __builtin_shufflevector(v, v, (I + n / 2)...);
        return sum_lanes<R, n / 2>(half, std::make_integer_sequence<int, n / 4>{});
    }
}

template <class R, int n>
inline R dot(const R* row, const R* column, int width) {
    using L = Loose<R, n>;
    typename L::plain s0 = {}, s1 = {}, s2 = {}, s3 = {};
    int at = 0;
    for (; at + 4 * n <= width; at += 4 * n) {
        s0 += L::get(row + at) * L::get(column + at);
        s1 += L::get(row + at + n) * L::get(column + at + n);
        s2 += L::get(row + at + 2 * n) * L::get(column + at + 2 * n);
        s3 += L::get(row + at + 3 * n) * L::get(column + at + 3 * n);
    }
    for (; at + n <= width; at += n) s0 += L::get(row + at) * L::get(column + at);
    R sum = sum_lanes<R, n>((s0 + s1) + (s2 + s3), std::make_integer_sequence<int, n / 2>{});
    if constexpr (n > kRecord) {
        if (at < width) {
            using Half = Loose<R, kRecord>;
            const typename Half::plain rest = Half::get(row + at) * Half::get(column + at);
            sum += sum_lanes<R, kRecord>(rest, std::make_integer_sequence<int, kRecord / 2>{});
        }
    }
    return sum;
}

// Into the first cache, while the entry before is worked on.
template <class R>
inline void fetch(const R* record, int width) {
    for (int at = 0; at < 2 * width; at += 64 / int(sizeof(R))) __builtin_prefetch(record + at, 1);
}

template <class R>
double glove_step(const Stripe<R>& stripe) {
    constexpr int n = Lanes<R>::n;
    const int width = stripe.width;
    const R rate = stripe.rate;
    R *const rows = stripe.rows, *const columns = stripe.columns;
    double loss = 0;
    for (const Entry *at = stripe.entries, *end = at + stripe.n; at != end; ++at) {
        R* row = rows + size_t(at->row) * 2 * width;
        R* column = columns + size_t(at->column) * 2 * width;
        if (at + 1 != end) {
            fetch(columns + size_t(at[1].column) * 2 * width, width);
            if (at[1].row != at->row) fetch(rows + size_t(at[1].row) * 2 * width, width);
        }
        const R diff = dot<R, n>(row, column, width) - R(at->log_x), pull = R(at->weight) * diff;
        loss += double(pull) * double(diff);
        const R e = rate * pull;
        int c = 0;
        for (; c + n <= width; c += n) adagrad<R, n>(row, column, width, c, e);
        if constexpr (n > kRecord) {
            if (c < width) adagrad<R, kRecord>(row, column, width, c, e);
        }
    }
    return 0.5 * loss;
}

}  // namespace
}  // namespace firth
