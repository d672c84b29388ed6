// The table of functions that every CPU level provides; kernels.cpp is compiled once per level and fills it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "char_filters.h"
#include "lstm.h"
#include "tiles.h"

namespace firth {

constexpr int kColumns = 4;   // columns of a tile of coefficients
constexpr int kPad = 16;      // every row is padded with zeros to a multiple of this many numbers

static inline int padded(int dim) { return (dim + kPad - 1) / kPad * kPad; }

// A tile holds kColumns numbers for each input, and room for whole registers of them.
static inline int tile_size(int n_inputs) { return (n_inputs + 3) / 4 * 4 * kColumns; }
static inline size_t tiles_size(int n_inputs, int n_targets) {
    return size_t((n_targets + kColumns - 1) / kColumns) * tile_size(n_inputs);
}

// A group of examples: rows of the two matrices that meet, one gradient step of a loss over them, every parameter frozen
// at its value before the step.
template <class R>
struct Group {
    int dim, stride;                // numbers of a row; padded row length
    int n_inputs, n_targets;        // one or more of each
    const R* const* inputs;         // n_inputs rows
    const R* const* targets;        // n_targets rows
    R* scratch;                     // tiles_size(n_inputs, n_targets) numbers
    R rate;
    R* d_inputs;                    // out: rate * -gradient, n_inputs x stride
    R* d_targets;                   // out: n_targets x stride; null: no target stands twice, change them in place
};

// Logistic losses. Input n meets target m total[n][m] times (or with that weight), seen[n][m] of them as a pair that was
// seen:  loss = sum over (n, m) of  seen * softplus(-s) + (total - seen) * softplus(s) = total * softplus(s) - seen * s,
// s = <input n, target m>, so that dloss/ds = total * sigmoid(s) - seen.
// The matrix of pairs is taken as dense even where most of a window's band is zero: straight loops over whole
// registers cost less than the branches that would skip the zeros.
template <class R>
struct Pairs {
    const R* seen;                  // a tile (tile_size) for every kColumns targets
    const R* total;                 // likewise
};

// Full softmax: input n is seen with target[k] for every k of its list [first[n], first[n+1]).
template <class R>
struct Softmax {
    int dim, stride, n_inputs, n_targets;
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
    int dim, stride, n;
    float* const* rows;
    const int* begin;
    const int* end;
    const int* hole;
};

// A row of weights for every place from `reach` before the centre to as many after it.
struct Positions {
    int reach;
    const float* weights;           // (2 reach + 1) x stride
    float* changes;                 // likewise: what a step adds to them
};

// Rows of a matrix, with repetitions, and `width` of their columns (a multiple of kPad): what the rows add up to, or what
// is added to each.
template <class R>
struct Bag {
    R* matrix;  // at the first of the columns
    size_t stride;
    const int32_t* rows;
    int n, width;
    R* values;
};

// Targets that one hidden vector meets, over `width` columns.
template <class R>
struct Targets {
    R* const* rows;    // at the first of the columns, all different
    int n, width;
    const R* hidden;
    R* scores;         // width / kPad x pitch
    size_t pitch;
    const R* factors;  // n
    R* change;         // width
};

// The nearest of 256 centroids to each of n points of `dims` numbers, `stride` apart.
struct Nearest {
    const float* points;
    size_t n, stride;
    int dims;
    const float* centroids;  // dims x 256, aligned
    uint8_t* codes;          // code_stride apart
    size_t code_stride;
};

// Entries of a matrix, and the parameters of GloVe that they meet. A word's record on one side is `width` numbers, its
// vector, bias and a 1 that meets the other side's bias (in the other order there), and then as many sums of squares.
constexpr int kRecord = 8;    // width is a multiple of this
template <class R>
struct Stripe {
    const Entry* entries;
    int64_t n;
    R *rows, *columns;  // records
    int width;
    R rate;
};

struct Kernels {
    const char* level;
    // The steps of logistic losses, which they return.
    double (*pairs_f)(const Group<float>&, const Pairs<float>&);
    double (*pairs_d)(const Group<double>&, const Pairs<double>&);
    // Every input meets every target, the nodes of a path, and has seen those at which the path turns left (code 0).
    // Up to codes[n_targets + 2] is read. The loss is what is returned and the logarithm of what `product`, below 1e150,
    // is multiplied by.
    double (*path_f)(const Group<float>&, const uint8_t* codes, double& product);
    double (*path_d)(const Group<double>&, const uint8_t* codes, double& product);
    // Input i was seen with target i and meets no other; adds to d_inputs, fills d_targets, needs no scratch.
    double (*own_f)(const Group<float>&);
    double (*own_d)(const Group<double>&);
    double (*softmax_f)(const Softmax<float>&);
    double (*softmax_d)(const Softmax<double>&);
    void (*add_rows)(float* const* rows, const float* changes, int n, int dim, int stride);  // rows[i] += changes[i], one by one
    void (*axpby)(float* row, float a, const float* other, float b, int dim);         // row = a row + b other
    // sums[k] = share[k] * the sum of window k's rows, n x stride
    void (*sum_windows)(const Windows&, const float* share, float* sums);
    // every row of window k += share[k] * changes[k], n x stride
    void (*spread_windows)(const Windows&, const float* share, const float* changes);
    // The same two with weights by position; the second adds to the weights' changes too.
    void (*weigh_windows)(const Windows&, const Positions&, const float* share, float* sums);
    void (*unweigh_windows)(const Windows&, const Positions&, const float* share, const float* changes);
    // A row of a sparse matrix times a block: out = the sum of values[i] * x[columns[i]], width a multiple of kPad.
    void (*add_scaled)(float* out, const float* x, int width, const int32_t* columns, const float* values, int64_t n);
    void (*nearest)(const Nearest&);
    void (*gather_f)(const Bag<float>&);
    void (*scatter_f)(const Bag<float>&);
    // The mean of rows of any alignment and length; zeros of none.
    void (*mean_rows)(const float* matrix, size_t stride, int dim, const int32_t* rows, int n, float* mean);
    void (*score_parts_f)(const Targets<float>&);
    void (*score_parts_d)(const Targets<double>&);
    void (*push_targets_f)(const Targets<float>&);
    void (*push_targets_d)(const Targets<double>&);
    double (*softmax_factors_f)(float* scores, int n, int target, float rate);
    double (*softmax_factors_d)(double* scores, int n, int target, double rate);
    double (*logistic_factors_f)(float* scores, const float* seen, const float* total, int n, float rate);
    double (*logistic_factors_d)(double* scores, const double* seen, const double* total, int n, double rate);
    // A step of AdaGrad for each entry in turn; the sum of the losses before each.
    double (*glove_f)(const Stripe<float>&);
    double (*glove_d)(const Stripe<double>&);
    void (*lstm_steps)(const LstmPart&, const LstmForward&);
    void (*lstm_steps_back)(const LstmPart&, const LstmBackward&);
    bool (*char_table)(const CharacterRows&, const FilterChunk&);
    void (*char_windows)(const CharacterRows&, const FilterChunk&);
    void (*char_table_back)(const CharacterRows&, const FilterChunk&, float* d_weights, float* d_vectors);
};

}  // namespace firth
