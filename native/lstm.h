// Projected LSTMs over whole sequences, forward and backward:
//
//     i, f, o = s(W x + U h + b), g = tanh(W x + U h + b);  c' = f c + i g, cut;  m = o tanh c';  h' = P m, cut.
//
// Sentences stand side by side, longer ones before shorter ones. Only rows of sentences that go on are kept: those of step
// t are the rows [begin[t], begin[t + 1]) of every array of n_rows rows. A sentence's numbers don't depend on those beside
// it, nor on the threads.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firth {

constexpr int kPanel = 32;  // columns of a matrix that lie together, for each of its rows: (columns / kPanel, rows, kPanel)

static inline int panels(int columns) { return (columns + kPanel - 1) / kPanel; }

// Sizes and steps, of all directions.
struct LstmShape {
    int n_in, cells, projection, n_steps, batch;
    const int64_t* begin;  // n_steps + 1, from 0; the steps' rows fall from `batch` or fewer
    float cell_clip, projection_clip;  // infinity: none
};

struct LstmWeights;  // in panels, as lstm_forward reads them

// One direction forward. Gates are in the order input, forget, cell, output.
struct LstmForward {
    const float *x, *h0, *c0;              // n_rows x n_in, batch x projection, batch x cells
    const float *w_ih, *w_hh, *bias, *w_hr;  // as torch has them
    const LstmWeights* packed;             // the same three in panels; null: they are made for this call
    float* out;                            // n_rows x projection
    // What the way back needs, or null. Then c0 may be `last`.
    float *opened, *after, *hidden, *uncut;  // n_rows x 4 cells, cells, cells, projection
    float* last;                           // batch x cells: the cells behind each sentence, without the four above only
};

// One direction backward.
struct LstmBackward {
    const float *c0, *w_hh, *w_hr, *opened, *after, *uncut;
    const float* d_out;         // n_rows x projection
    float *d_h, *d_c;           // batch rows: of the state behind each sentence; out: of the state before
    float *d_sums, *d_uncut;    // out: n_rows x 4 cells, n_rows x projection
};

void lstm_forward(const LstmShape& shape, const LstmForward* runs, int n_runs, int threads);
void lstm_backward(const LstmShape& shape, const LstmBackward* runs, int n_runs, int threads);

// What the kernels work on: sentences [from, to) of one direction, its weights in panels.
struct LstmPart {
    const LstmShape* shape;
    int from, to;
    const float *w_ih, *w_hh, *w_hr;  // forward: panels of a gate's cells, the four gates of one panel together; of outputs
    float* scratch;                   // kLstmRows x 5 kPanel numbers, aligned
    int block;                        // steps whose inputs are multiplied at once, without `opened` to keep
    float *opened, *hidden;           // room for such a block's gates and a step's m
};

constexpr int kLstmRows = 24;  // rows that go through the gates together

}  // namespace firth
