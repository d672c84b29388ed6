// The table of functions that every CPU level provides; kernels.cpp is compiled once per level and fills it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firth {

constexpr int kColumns = 8;   // columns of a tile of coefficients
constexpr int kPad = 16;      // every row is padded with zeros to a multiple of this many numbers

static inline int padded(int dim) { return (dim + kPad - 1) / kPad * kPad; }

// One gradient step of a logistic loss over a group of examples, every parameter frozen at its value before the step.
// Input n meets target m total[n][m] times (or with that weight), seen[n][m] of them as a pair that was seen:
//     loss = sum over (n, m) of  seen * softplus(-s) + (total - seen) * softplus(s) = total * softplus(s) - seen * s,
// s = <input n, target m>, so that dloss/ds = total * sigmoid(s) - seen.
// The matrix of pairs is taken as dense even where most of a window's band is zero: straight loops over whole
// registers cost less than the branches that would skip the zeros.
template <class R>
struct Group {
    int stride;                     // padded row length
    int n_inputs, n_targets;
    const R* const* inputs;         // n_inputs rows
    const R* const* targets;        // n_targets rows
    const R* seen;                  // a tile (tile_size) for every kColumns targets, zero where it is padding
    const R* total;                 // likewise
    R* scratch;                     // tile_size(n_inputs) numbers
    R rate;
    R* d_inputs;                    // out: rate * -gradient, n_inputs x stride
    R* d_targets;                   // out: n_targets x stride; null: no target stands twice, change them in place
};

// A tile holds kColumns numbers for each input, and for one more where their count is odd (tiles take two at once).
static inline int tile_size(int n_inputs) { return (n_inputs + 1) / 2 * 2 * kColumns; }

// Full softmax: input n is seen with target[k] for every k of its list [first[n], first[n+1]).
template <class R>
struct Softmax {
    int stride, n_inputs, n_targets;
    const R* const* inputs;
    const R* const* targets;        // n_targets rows, all different
    const int* first;               // n_inputs + 1
    const int* seen;                // target ids
    R* scores;                      // scratch: a tile for every kColumns targets
    R rate;
    R* d_inputs;                    // n_inputs x stride
    R* d_targets;                   // n_targets x stride; null: change the targets in place
};

// Windows over a run of rows: window k holds rows [begin[k], end[k]) but hole[k].
struct Windows {
    int stride, n;
    float* const* rows;
    const int* begin;
    const int* end;
    const int* hole;
};

struct Kernels {
    const char* level;
    double (*step_f)(const Group<float>&);
    double (*step_d)(const Group<double>&);
    double (*softmax_f)(const Softmax<float>&);
    double (*softmax_d)(const Softmax<double>&);
    void (*add)(float* row, const float* change, int stride);                        // row += change
    void (*axpby)(float* row, float a, const float* other, float b, int stride);      // row = a row + b other
    // sums[k] = share[k] * the sum of window k's rows, n x stride
    void (*sum_windows)(const Windows&, const float* share, float* sums);
    // every row of window k += share[k] * changes[k], n x stride
    void (*spread_windows)(const Windows&, const float* share, const float* changes);
};

}  // namespace firth
