// The steps of a linear classifier over the mean of a bag of rows (Joulin et al. 2017, section 2), over a range of
// columns: threads share a document by its columns, so that each row is changed by one thread, document after document.
//     h = sum of the rows / n;  s[m] = <h, target m>;  e[m] = -rate * dloss/ds[m]
//     d_h = sum over m of e[m] * target m;  target m += e[m] * h;  every row += d_h / n
#pragma once
#include "kernels.h"
#include "loss.h"
#include "simd.h"

namespace firth {
namespace {

constexpr int kRowsAhead = 12;  // rows on their way from memory while one is added

template <class R>
inline void prefetch_columns(const R* row, int width) {
    for (int c = 0; c < width; c += 64 / int(sizeof(R))) __builtin_prefetch(row + c);
}

// values = the sum of the rows, `Registers` vectors of it at a time.
template <class R, int Registers>
inline void gather_strip(const Bag<R>& bag, int first) {
    constexpr int n = Lanes<R>::n;
    vec<R> sums[Registers];
#pragma GCC unroll 8
    for (int k = 0; k < Registers; ++k) sums[k] = vec<R>{};
    for (int i = 0; i < bag.n; ++i) {
        if (i + kRowsAhead < bag.n)
            prefetch_columns(bag.matrix + size_t(bag.rows[i + kRowsAhead]) * bag.stride + first, Registers * n);
        const R* row = bag.matrix + size_t(bag.rows[i]) * bag.stride + first;
#pragma GCC unroll 8
        for (int k = 0; k < Registers; ++k) sums[k] += load(row + k * n);
    }
#pragma GCC unroll 8
    for (int k = 0; k < Registers; ++k) store(bag.values + first + k * n, sums[k]);
}

// Every row += values.
template <class R, int Registers>
inline void scatter_strip(const Bag<R>& bag, int first) {
    constexpr int n = Lanes<R>::n;
    vec<R> change[Registers];
#pragma GCC unroll 8
    for (int k = 0; k < Registers; ++k) change[k] = load(bag.values + first + k * n);
    for (int i = 0; i < bag.n; ++i) {
        if (i + kRowsAhead < bag.n)
            prefetch_columns(bag.matrix + size_t(bag.rows[i + kRowsAhead]) * bag.stride + first, Registers * n);
        R* row = bag.matrix + size_t(bag.rows[i]) * bag.stride + first;
#pragma GCC unroll 8
        for (int k = 0; k < Registers; ++k) store(row + k * n, load(row + k * n) + change[k]);
    }
}

// Strips of eight registers, and one of what is left.
template <class R, bool Gather, int Registers = 1>
inline void strip(const Bag<R>& bag, int first, int count) {
    if constexpr (Registers < 8) {
        if (count != Registers) return strip<R, Gather, Registers + 1>(bag, first, count);
    }
    if constexpr (Gather) gather_strip<R, Registers>(bag, first);
    else scatter_strip<R, Registers>(bag, first);
}

template <class R, bool Gather>
inline void strips(const Bag<R>& bag) {
    const int registers = bag.width / Lanes<R>::n;
    for (int k = 0; k < registers; k += 8) strip<R, Gather>(bag, k * Lanes<R>::n, registers - k < 8 ? registers - k : 8);
}

template <class R>
void gather(const Bag<R>& bag) {
    strips<R, true>(bag);
}
template <class R>
void scatter(const Bag<R>& bag) {
    strips<R, false>(bag);
}

// Strips of `Registers` vectors wherever they lie; then what is left number by number.
template <int Registers>
inline int mean_strips(const float* matrix, size_t stride, int first, int dim, const int32_t* rows, int n, float share, float* mean) {
    constexpr int lanes = Lanes<float>::n, wide = Registers * lanes;
    typedef float loose __attribute__((vector_size(kRegisterBytes), aligned(4), may_alias));
    for (; first + wide <= dim; first += wide) {
        vec<float> sums[Registers];
#pragma GCC unroll 8
        for (int k = 0; k < Registers; ++k) sums[k] = vec<float>{};
        for (int i = 0; i < n; ++i) {
            if (i + kRowsAhead < n) prefetch_columns(matrix + size_t(rows[i + kRowsAhead]) * stride + first, wide);
            const float* row = matrix + size_t(rows[i]) * stride + first;
#pragma GCC unroll 8
            for (int k = 0; k < Registers; ++k) sums[k] += *reinterpret_cast<const loose*>(row + k * lanes);
        }
#pragma GCC unroll 8
        for (int k = 0; k < Registers; ++k) *reinterpret_cast<loose*>(mean + first + k * lanes) = sums[k] * share;
    }
    return first;
}

void mean_rows(const float* matrix, size_t stride, int dim, const int32_t* rows, int n, float* mean) {
    const float share = n ? 1.0f / float(n) : 0.0f;
    int c = mean_strips<8>(matrix, stride, 0, dim, rows, n, share, mean);
    c = mean_strips<2>(matrix, stride, c, dim, rows, n, share, mean);
    c = mean_strips<1>(matrix, stride, c, dim, rows, n, share, mean);
    for (; c < dim; ++c) {
        float sum = 0;
        for (int i = 0; i < n; ++i) sum += matrix[size_t(rows[i]) * stride + c];
        mean[c] = sum * share;
    }
}

// scores[b][m] = <hidden, target m> over the b-th kPad columns; a row of `scores` is pitch numbers, n rounded up to eight.
// A score is the sum of its parts in their order, whoever computed them.
template <class R>
void score_parts(const Targets<R>& t) {
    constexpr int n = Lanes<R>::n;
    for (int m = 0; m < t.n; m += 8) {
        const R* rows[8];
        for (int k = 0; k < 8; ++k) rows[k] = t.rows[m + k < t.n ? m + k : m];
        for (int b = 0; b * kPad < t.width; ++b) {
            vec<R> sums[8];
#pragma GCC unroll 8
            for (int k = 0; k < 8; ++k) sums[k] = vec<R>{};
            for (int c = b * kPad; c < (b + 1) * kPad; c += n) {
                const vec<R> h = load(t.hidden + c);
#pragma GCC unroll 8
                for (int k = 0; k < 8; ++k) sums[k] += h * load(rows[k] + c);
            }
            store_eight<R>(sums, t.scores + size_t(b) * t.pitch + m);
        }
    }
}

// change = sum of factors[m] * target m, then target m += factors[m] * hidden.
template <class R>
void push_targets(const Targets<R>& t) {
    constexpr int n = Lanes<R>::n;
    for (int first = 0; first < t.width; first += kPad) {
        constexpr int registers = kPad / n;
        vec<R> h[registers], change[registers];
#pragma GCC unroll 8
        for (int k = 0; k < registers; ++k) h[k] = load(t.hidden + first + k * n), change[k] = vec<R>{};
        for (int m = 0; m < t.n; ++m) {
            const vec<R> factor = fill<R>(t.factors[m]);
            R* row = t.rows[m] + first;
#pragma GCC unroll 8
            for (int k = 0; k < registers; ++k) {
                const vec<R> y = load(row + k * n);
                change[k] += factor * y;
                store(row + k * n, y + factor * h[k]);
            }
        }
#pragma GCC unroll 8
        for (int k = 0; k < registers; ++k) store(t.change + first + k * n, change[k]);
    }
}

// Scores -> factors, in place, and the loss. `scores` has room for whole registers.
//     softmax:   loss = - log p(target),  p(m) = exp(s[m]) / sum of exp(s),  e[m] = rate * ([m = target] - p(m))
template <class R>
double softmax_factors(R* scores, int n_targets, int target, R rate) {
    constexpr int n = Lanes<R>::n;
    R top = scores[0];
    for (int m = 1; m < n_targets; ++m) top = scores[m] > top ? scores[m] : top;
    const R own = scores[target] - top;
    vec<R> sums = {};
    double sum = 0;
    for (int m = 0; m < n_targets; m += n) {
        vec<R> p = decay(load(scores + m) - top);
        if (n_targets - m < n) p = lane_numbers<R>() < R(n_targets - m) ? p : vec<R>{};
        store(scores + m, p), sums += p;
        if (m % (64 * n) == 0) sum += sum_of<R>(sums), sums = vec<R>{};
    }
    sum += sum_of<R>(sums);
    const R scale = R(double(-rate) / sum);
    for (int m = 0; m < n_targets; m += n) store(scores + m, load(scores + m) * scale);
    scores[target] += rate;
    return __builtin_log(sum) - double(own);
}

//     logistic:  loss = sum of total[m] * softplus(s[m]) - seen[m] * s[m],  e[m] = rate * (seen[m] - total[m] * sigmoid(s[m]))
template <class R>
double logistic_factors(R* scores, const R* seen, const R* total, int n_targets, R rate) {
    constexpr int n = Lanes<R>::n;
    vec<R> lost = {};
    double sum = 0;
    for (int m = 0; m < n_targets; m += n) {
        const auto there = lane_numbers<R>() < R(n_targets - m);
        const vec<R> s = there ? load(scores + m) : vec<R>{};
        const vec<R> once = there ? load(seen + m) : vec<R>{}, all = there ? load(total + m) : vec<R>{};
        vec<R> sigmoid, softplus;
        logistic(s, sigmoid, softplus);
        lost += all * softplus - once * s;
        store(scores + m, rate * (once - all * sigmoid));
        if (m % (64 * n) == 0) sum += sum_of<R>(lost), lost = vec<R>{};
    }
    return sum + sum_of<R>(lost);
}

}  // namespace
}  // namespace firth
