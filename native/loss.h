// The gradients of word2vec's losses over a group of examples (kernels.h says what a group is).
// Three sweeps: scores = inputs x targets; scores -> factors e = -rate * dloss/dscore; then
//     d_input n = sum over m of e[n][m] * target m,    d_target m = sum over n of e[n][m] * input n.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace firth {
namespace {

// ---- scores: tiles of `rows` inputs x kColumns targets, one lane each
template <class R, int Columns>
inline void score_tile(const R* const* inputs, int n_inputs, const R* const* targets, int stride, R* out) {
    constexpr int n = Lanes<R>::n;
    constexpr int rows = n >= kColumns ? n / kColumns : 1;
    constexpr int columns = n >= kColumns ? kColumns : n;  // narrow registers take the tile in pieces
    for (int i = 0; i < n_inputs; i += rows) {
        for (int j = 0; j < kColumns; j += columns) {
            vec<R> sums[rows * columns] = {};
            const R* x[rows];
            for (int r = 0; r < rows; ++r) x[r] = inputs[i + r < n_inputs ? i + r : i];
            for (int c = 0; c < stride; c += n) {
                vec<R> xs[rows];
                for (int r = 0; r < rows; ++r) xs[r] = load(x[r] + c);
#pragma GCC unroll 8
                for (int m = 0; m < columns; ++m) {
                    if (j + m < Columns) {
                        vec<R> y = load(targets[j + m] + c);
                        for (int r = 0; r < rows; ++r) sums[r * columns + m] += xs[r] * y;
                    }
                }
            }
            store(out + i * kColumns + j, sum_each<R, rows * columns>(sums));
        }
    }
}

template <class R, int Columns = 1>
inline void scores(const R* const* inputs, int n_inputs, const R* const* targets, int count, int stride, R* out) {
    if constexpr (Columns < kColumns) {
        if (count != Columns) return scores<R, Columns + 1>(inputs, n_inputs, targets, count, stride, out);
    }
    score_tile<R, Columns>(inputs, n_inputs, targets, stride, out);
}

// ---- scores -> factors, in place; adds to the loss
template <class R>
inline vec<R> factors(vec<R> s, vec<R> seen, vec<R> total, R rate, vec<R>& loss) {
    vec<R> sigmoid, softplus;
    logistic(s, sigmoid, softplus);
    loss += total * softplus - seen * s;
    return rate * (seen - total * sigmoid);
}

template <class R>
inline double sum_of(vec<R> v) {
    double sum = 0;
    for (int i = 0; i < Lanes<R>::n; ++i) sum += double(v[i]);
    return sum;
}

// ---- updates of a tile of targets and of every input
template <class R, int Columns, bool First>
inline void update_tile(const Group<R>& g, const R* const* targets, const R* e, R* d_targets) {
    constexpr int n = Lanes<R>::n;
    for (int c = 0; c < g.stride; c += n) {
        vec<R> y[Columns], dy[Columns] = {};
        for (int m = 0; m < Columns; ++m) y[m] = load(targets[m] + c);
        for (int i = 0; i < g.n_inputs; ++i) {
            R* change = g.d_inputs + size_t(i) * g.stride + c;
            vec<R> x = load(g.inputs[i] + c), dx = {}, dx2 = {};
            if constexpr (!First) dx = load(change);
            const R* row = e + i * kColumns;
#pragma GCC unroll 8
            for (int m = 0; m < Columns; ++m) {
                vec<R> factor = fill<R>(row[m]);
                if (m % 2) dx2 += factor * y[m]; else dx += factor * y[m];
                dy[m] += factor * x;
            }
            store(change, dx + dx2);
        }
        for (int m = 0; m < Columns; ++m) {
            if (d_targets) store(d_targets + size_t(m) * g.stride + c, dy[m]);
            else store(const_cast<R*>(targets[m]) + c, y[m] + dy[m]);
        }
    }
}

template <class R, bool First, int Columns = 1>
inline void update_columns(int count, const Group<R>& g, const R* const* targets, const R* e, R* d_targets) {
    if constexpr (Columns < kColumns) {
        if (count != Columns) return update_columns<R, First, Columns + 1>(count, g, targets, e, d_targets);
    }
    update_tile<R, Columns, First>(g, targets, e, d_targets);
}

// Narrow registers are fewer too: they take half a tile at a time. `first`: nothing is in d_inputs yet.
template <class R>
void update(const Group<R>& g, int first, int count, const R* e) {
    constexpr int most = kRegisterBytes == 64 ? 8 : 4;
    for (int m = 0; m < count; m += most) {
        const R* const* y = g.targets + first + m;
        R* dy = g.d_targets ? g.d_targets + size_t(first + m) * g.stride : nullptr;
        const int columns = count - m < most ? count - m : most;
        if (first + m == 0) update_columns<R, true>(columns, g, y, e + m, dy);
        else update_columns<R, false>(columns, g, y, e + m, dy);
    }
}

template <class R>
double step(const Group<R>& g) {
    constexpr int n = Lanes<R>::n;
    const int tile = tile_size(g.n_inputs);
    double sum = 0;
    if (!g.n_targets)
        for (size_t i = 0; i < size_t(g.n_inputs) * g.stride; i += n) store(g.d_inputs + i, vec<R>{});
    for (int m = 0; m < g.n_targets; m += kColumns) {
        const int count = g.n_targets - m < kColumns ? g.n_targets - m : kColumns;
        const R *seen = g.seen + size_t(m / kColumns) * tile, *total = g.total + size_t(m / kColumns) * tile;
        scores<R>(g.inputs, g.n_inputs, g.targets + m, count, g.stride, g.scratch);
        vec<R> loss = {};
        for (int i = 0; i < g.n_inputs * kColumns; i += n)  // whole registers, no row that has no scores
            store(g.scratch + i, factors<R>(load(g.scratch + i), load(seen + i), load(total + i), g.rate, loss));
        sum += sum_of<R>(loss);
        update<R>(g, m, count, g.scratch);
    }
    return sum;
}

}  // namespace
}  // namespace firth
