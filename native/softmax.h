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
    const int tile = tile_size(g.n_inputs);
    Group<R> step{};  // borrowed for its sweep of updates
    step.dim = g.dim, step.stride = g.stride, step.n_inputs = g.n_inputs, step.n_targets = g.n_targets;
    step.inputs = g.inputs, step.targets = g.targets;
    step.d_inputs = g.d_inputs, step.d_targets = g.d_targets;
    for (int m = 0; m < g.n_targets; m += kColumns)
        scores<R>(g.inputs, g.n_inputs, g.targets + m, g.n_targets - m, g.dim, g.scores + size_t(m / kColumns) * tile);
    double loss = 0;
    for (int i = 0; i < g.n_inputs; ++i) loss += softmax_row(g, i, tile);
    update<R>(step, g.scores);
    return loss;
}

}  // namespace
}  // namespace firth
