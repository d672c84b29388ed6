// The gradient of the full softmax over every target:
//     loss = - sum over (n, k seen with n) of log p(k | n),   p(k | n) = exp(s[n][k]) / sum over m of exp(s[n][m])
//     dloss/ds[n][m] = (number of pairs of n) p(m | n) - (times that m was seen with n)
#pragma once
#include "loss.h"

namespace firth {
namespace {

inline float exponential(float a) { return __builtin_expf(a); }
inline double exponential(double a) { return __builtin_exp(a); }

// Scores of one input -> step factors, in place; returns its loss.
template <class R>
double softmax_row(const Softmax<R>& g, int i, int tile) {
    auto at = [&](int m) -> R& { return g.scores[size_t(m / kColumns) * tile + i * kColumns + m % kColumns]; };
    const int pairs = g.first[i + 1] - g.first[i];
    R top = at(0);
    for (int m = 1; m < g.n_targets; ++m) top = at(m) > top ? at(m) : top;
    double partition = 0, loss = 0;
    for (int m = 0; m < g.n_targets; ++m) partition += double(exponential(at(m) - top));
    const double log_partition = __builtin_log(partition);
    for (int k = g.first[i]; k < g.first[i + 1]; ++k) loss += log_partition - double(at(g.seen[k]) - top);
    const R scale = R(-g.rate * pairs / partition);
    for (int m = 0; m < g.n_targets; ++m) at(m) = scale * exponential(at(m) - top);
    for (int k = g.first[i]; k < g.first[i + 1]; ++k) at(g.seen[k]) += g.rate;
    return loss;
}

template <class R>
double softmax(const Softmax<R>& g) {
    constexpr int n = Lanes<R>::n;
    const int tile = tile_size(g.n_inputs);
    auto rows_of = [&](int m, const R** rows) {
        const int count = g.n_targets - m < kColumns ? g.n_targets - m : kColumns;
        for (int k = 0; k < count; ++k) rows[k] = g.targets + size_t(m + k) * g.stride;
        return count;
    };
    const R* rows[kColumns];
    for (size_t i = 0; i < size_t(g.n_inputs) * g.stride; i += n) store(g.d_inputs + i, vec<R>{});
    for (int m = 0; m < g.n_targets; m += kColumns) {
        const int count = rows_of(m, rows);
        scores<R>(g.inputs, g.n_inputs, rows, count, g.stride, g.scores + size_t(m / kColumns) * tile);
    }
    double loss = 0;
    for (int i = 0; i < g.n_inputs; ++i) loss += softmax_row(g, i, tile);
    Group<R> step{};
    step.stride = g.stride;
    step.n_inputs = g.n_inputs;
    step.inputs = g.inputs;
    step.d_inputs = g.d_inputs;
    for (int m = 0; m < g.n_targets; m += kColumns) {
        const int count = rows_of(m, rows);
        update(step, rows, count, g.scores + size_t(m / kColumns) * tile, g.d_targets + size_t(m) * g.stride);
    }
    return loss;
}

}  // namespace
}  // namespace firth
