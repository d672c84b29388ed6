// The gradients of word2vec's losses over a group of examples (kernels.h says what a group is).
// Three sweeps: scores = inputs x targets; scores -> factors e = -rate * dloss/dscore; then
//     d_input n = sum over m of e[n][m] * target m,    d_target m = sum over n of e[n][m] * input n.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace firth {
namespace {

// ---- scores: a tile of 2 inputs x 4 targets fills eight sums, as many as keep the multipliers busy
template <class R, int Rows, int Columns>
inline void score_tile(const R* const* inputs, const R* const* targets, int dim, R* out) {
    vec<R> sums[8];
    const R *x[Rows], *y[Columns];
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) sums[k] = vec<R>{};
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r) x[r] = inputs[r];
#pragma GCC unroll 4
    for (int m = 0; m < Columns; ++m) y[m] = targets[m];
    for (int c = 0; c < dim; c += Lanes<R>::n) {
        vec<R> xs[Rows];
#pragma GCC unroll 2
        for (int r = 0; r < Rows; ++r) xs[r] = load(x[r] + c);
#pragma GCC unroll 4
        for (int m = 0; m < Columns; ++m) {
            vec<R> ys = load(y[m] + c);
            hold(ys);
#pragma GCC unroll 2
            for (int r = 0; r < Rows; ++r) sums[r * kColumns + m] += xs[r] * ys;
        }
    }
    store_eight<R>(sums, out);
}

template <class R, int Columns>
inline void score_columns(const R* const* inputs, int n_inputs, const R* const* targets, int dim, R* out) {
    int i = 0;
    for (; i + 2 <= n_inputs; i += 2) score_tile<R, 2, Columns>(inputs + i, targets, dim, out + i * kColumns);
    if (i < n_inputs) score_tile<R, 1, Columns>(inputs + i, targets, dim, out + i * kColumns);
}

// The scores of all inputs with the next kColumns targets, or the `count` that are left, into a tile.
template <class R>
inline void scores(const R* const* inputs, int n_inputs, const R* const* targets, int count, int dim, R* out) {
    switch (count) {
        case 1: return score_columns<R, 1>(inputs, n_inputs, targets, dim, out);
        case 2: return score_columns<R, 2>(inputs, n_inputs, targets, dim, out);
        case 3: return score_columns<R, 3>(inputs, n_inputs, targets, dim, out);
        default: return score_columns<R, 4>(inputs, n_inputs, targets, dim, out);
    }
}

// ---- scores -> factors, in place, and the loss

// Of all lanes, in double: halves meet until two numbers are left.
template <class R, class Meet>
inline double of_lanes(vec<R> v, Meet meet) {
    double kept[Lanes<R>::n];
#pragma GCC unroll 16
    for (int i = 0; i < Lanes<R>::n; ++i) kept[i] = double(v[i]);
#pragma GCC unroll 4
    for (int half = Lanes<R>::n / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < half; ++i) kept[i] = meet(kept[i], kept[i + half]);
    }
    return kept[0];
}
template <class R>
inline double sum_of(vec<R> v) {
    return of_lanes<R>(v, [](double a, double b) { return a + b; });
}
template <class R>
inline double product_of(vec<R> v) {
    return of_lanes<R>(v, [](double a, double b) { return a * b; });
}

// Factors take a register of scores at a time: after tile(m) those of a few inputs with the targets [m, m + kColumns), from
// place `at` of their tile on. Of the last inputs' register only `count` lanes may be there.

// Pairs whose weights are given one by one.
template <class R>
struct PairFactors {
    const Pairs<R>& pairs;
    const size_t size;
    size_t first = 0;
    vec<R> lost = {};

    void tile(int m) { first = m / kColumns * size; }

    vec<R> operator()(vec<R> s, vec<R> seen, vec<R> total) {
        vec<R> sigmoid, softplus;
        logistic(s, sigmoid, softplus);
        lost += total * softplus - seen * s;
        return seen - total * sigmoid;
    }
    vec<R> operator()(vec<R> s, int at, int count) {
        vec<R> seen = load(pairs.seen + first + at), total = load(pairs.total + first + at);
        if (count < Lanes<R>::n) {
            const auto there = lane_numbers<R>() < R(count);
            s = there ? s : vec<R>{}, seen = there ? seen : vec<R>{}, total = there ? total : vec<R>{};
        }
        return (*this)(s, seen, total);
    }
    double loss() const { return sum_of<R>(lost); }
};

// Every input meets every target once, and has seen those whose code is 0.
// The logarithms in softplus(s) = max(s, 0) + log(1 + t), t = exp(-|s|), are taken of products of many.
template <class R>
class PathFactors {
public:
    PathFactors(const uint8_t* codes, int n_targets, double& product) : codes_(codes), n_targets_(n_targets), product_(product) {}

    [[gnu::always_inline]] void tile(int m) {
        typedef uint8_t bytes __attribute__((vector_size(kColumns), aligned(1)));
        const four<R> columns = {0, 1, 2, 3}, code = __builtin_convertvector(*reinterpret_cast<const bytes*>(codes_ + m), four<R>);
        met_ = columns < R(n_targets_ - m) ? four<R>{} + R(1) : four<R>{};
        left_ = code == R(0) ? met_ : four<R>{};
    }
    [[gnu::always_inline]] vec<R> operator()(vec<R> s, int at, int count) {
        auto met = repeat_four<R>(met_, at) > R(0);
        if (count < n) met &= lane_numbers<R>() < R(count);
        const vec<R> seen = met ? repeat_four<R>(left_, at) : vec<R>{};
        s = met ? s : vec<R>{};
        const vec<R> t = met ? decay(s) : vec<R>{}, once = t + R(1);
        linear_ += (s > R(0) ? s : vec<R>{}) - seen * s;
        grown_ *= once;
        if (++factors_ == 384 / n) settle();  // while it is below 2^384
        return seen - (met ? (s < R(0) ? t : fill<R>(1)) / once : vec<R>{});
    }
    [[gnu::always_inline]] double loss() {
        settle();
        return lost_ + sum_of<R>(linear_);
    }

private:
    static constexpr int n = Lanes<R>::n;
    [[gnu::always_inline]] void settle() {  // a call would keep the sums in memory
        product_ *= product_of<R>(grown_);
        if (product_ > 1e150) lost_ += __builtin_log(product_), product_ = 1;
        grown_ = fill<R>(1), factors_ = 0;
    }
    const uint8_t* const codes_;
    const int n_targets_;
    double& product_;
    four<R> met_, left_;  // 1 where the tile has a target; where the path turns left
    vec<R> linear_ = {}, grown_ = fill<R>(1);
    int factors_ = 0;
    double lost_ = 0;
};

// The scores of a tile -> factors.
template <class R, class Factors>
inline void tile_factors(R* tile, int n_inputs, int m, R rate, Factors& factors) {
    constexpr int n = Lanes<R>::n;
    const int scores = n_inputs * kColumns;
    factors.tile(m);
    for (int at = 0; at < scores; at += n) store(tile + at, rate * factors(load(tile + at), at, scores - at));
}

// ---- updates of some targets and of every input
constexpr int kUpdateColumns = kRegisters >= 32 ? 8 : 4;  // targets whose rows and changes stay in registers

// One strip of a register's width: what `Rows` inputs from g.inputs[i] on give to the targets, and take from them.
// `e` and `change` are these inputs' own.
template <class R, int Rows, int Columns, bool First>
inline void update_rows(const Group<R>& g, int i, int c, const R* e, R* change, const vec<R>* y, vec<R>* dy) {
    const int tile = tile_size(g.n_inputs);
    vec<R> x[Rows], dx[Rows];
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r) {
        x[r] = load(g.inputs[i + r] + c);
        dx[r] = First ? vec<R>{} : load(change + r * g.stride);
    }
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int m = 0; m < Columns; ++m) {
            const vec<R> factor = fill<R>(e[m / kColumns * tile + r * kColumns + m % kColumns]);
            dx[r] += factor * y[m];
            dy[m] += factor * x[r];
        }
#pragma GCC unroll 2
    for (int r = 0; r < Rows; ++r) store(change + r * g.stride, dx[r]);
}

template <class R, int Columns, bool First>
inline void update_tile(const Group<R>& g, const R* const* targets, const R* factors, R* d_targets) {
    const R* y_rows[Columns];
#pragma GCC unroll 8
    for (int m = 0; m < Columns; ++m) y_rows[m] = targets[m];
    for (int c = 0; c < g.dim; c += Lanes<R>::n) {
        vec<R> y[Columns], dy[Columns];
#pragma GCC unroll 8
        for (int m = 0; m < Columns; ++m) y[m] = load(y_rows[m] + c), dy[m] = vec<R>{};
        R* change = g.d_inputs + c;
        const R* e = factors;
        int i = 0;  // two inputs at a time share the loop's own work
        for (; i + 2 <= g.n_inputs; i += 2, change += 2 * g.stride, e += 2 * kColumns)
            update_rows<R, 2, Columns, First>(g, i, c, e, change, y, dy);
        if (i < g.n_inputs) update_rows<R, 1, Columns, First>(g, i, c, e, change, y, dy);
#pragma GCC unroll 8
        for (int m = 0; m < Columns; ++m) {
            if (d_targets) store(d_targets + size_t(m) * g.stride + c, dy[m]);
            else store(const_cast<R*>(y_rows[m]) + c, y[m] + dy[m]);
        }
    }
}

template <class R, bool First, int Columns = 1>
inline void update_columns(int count, const Group<R>& g, const R* const* targets, const R* e, R* d_targets) {
    if constexpr (Columns < kUpdateColumns) {
        if (count != Columns) return update_columns<R, First, Columns + 1>(count, g, targets, e, d_targets);
    }
    update_tile<R, Columns, First>(g, targets, e, d_targets);
}

// The factors of all pairs are in `e`, tile after tile.
template <class R>
inline void update(const Group<R>& g, const R* e) {
    const size_t tile = tile_size(g.n_inputs);
    for (int m = 0; m < g.n_targets; m += kUpdateColumns) {
        R* dy = g.d_targets ? g.d_targets + size_t(m) * g.stride : nullptr;
        const int columns = g.n_targets - m < kUpdateColumns ? g.n_targets - m : kUpdateColumns;
        const R* factors = e + m / kColumns * tile;
        if (m == 0) update_columns<R, true>(columns, g, g.targets, factors, dy);
        else update_columns<R, false>(columns, g, g.targets + m, factors, dy);
    }
}

template <class R, class Factors>
inline double step(const Group<R>& g, Factors factors) {
    const size_t size = tile_size(g.n_inputs);
    R* tile = g.scratch;
    for (int m = 0; m < g.n_targets; m += kColumns, tile += size) {
        scores<R>(g.inputs, g.n_inputs, g.targets + m, g.n_targets - m, g.dim, tile);
        tile_factors<R>(tile, g.n_inputs, m, g.rate, factors);  // while the next tile's scores are under way
    }
    const double loss = factors.loss();
    update<R>(g, g.scratch);
    return loss;
}

template <class R>
double pairs_step(const Group<R>& g, const Pairs<R>& pairs) {
    return step<R>(g, PairFactors<R>{pairs, size_t(tile_size(g.n_inputs))});
}

template <class R>
double path_step(const Group<R>& g, const uint8_t* codes, double& product) {
    return step<R>(g, PathFactors<R>(codes, g.n_targets, product));
}

// ---- pairs one by one: input i was seen with target i, and meets no other
template <class R>
double own_step(const Group<R>& g) {
    constexpr int n = Lanes<R>::n;
    const Pairs<R> none{};
    PairFactors<R> factors{none, 0};
    for (int first = 0; first < g.n_inputs; first += 8) {
        const int count = g.n_inputs - first < 8 ? g.n_inputs - first : 8;
        const R *x[8], *y[8];
        for (int k = 0; k < 8; ++k) x[k] = g.inputs[first + (k < count ? k : 0)], y[k] = g.targets[first + (k < count ? k : 0)];
        vec<R> sums[8];
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k) sums[k] = vec<R>{};
        for (int c = 0; c < g.dim; c += n) {
#pragma GCC unroll 8
            for (int k = 0; k < 8; ++k) sums[k] += load(x[k] + c) * load(y[k] + c);
        }
        alignas(64) R e[16];  // eight are used
        store_eight<R>(sums, e);
        for (int i = 0; i < 8; i += n) {
            const vec<R> once = lane_numbers<R>() < R(count - i) ? fill<R>(1) : vec<R>{};
            store(e + i, g.rate * factors(once > R(0) ? load(e + i) : vec<R>{}, once, once));
        }
        for (int k = 0; k < count; ++k) {
            const vec<R> factor = fill<R>(e[k]);
            R *dx = g.d_inputs + size_t(first + k) * g.stride, *dy = g.d_targets + size_t(first + k) * g.stride;
            for (int c = 0; c < g.dim; c += n) {
                store(dx + c, load(dx + c) + factor * load(y[k] + c));
                store(dy + c, factor * load(x[k] + c));
            }
        }
    }
    return factors.loss();
}

}  // namespace
}  // namespace firth
