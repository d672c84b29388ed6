// The steps of some sentences through one projected LSTM (lstm.h); part of kernels.cpp.
#pragma once
#include "lstm_gates.h"

namespace firth {
namespace {

inline int least(int a, int b) { return a < b ? a : b; }

// Sentences of the part that go on at step t.
inline int going(const LstmPart& part, int t) {
    const LstmShape& s = *part.shape;
    const int n = least(int(s.begin[t + 1] - s.begin[t]), part.to) - part.from;
    return n < 0 ? 0 : n;
}

// The row of `opened` that step t begins with, from step `first` on. Gates that are kept lie one step after the other; in a
// block's room each step has a place for all sentences, the same in every block: parts are in different blocks at one time,
// and none may write where another reads.
inline size_t opened_row(const LstmPart& part, const LstmForward& run, int first, int t) {
    const LstmShape& s = *part.shape;
    return run.opened ? size_t(s.begin[t] - s.begin[first]) : size_t(t - first) * s.batch;
}

// opened = W x, of the steps [first, last); `opened` is at the first row of step `first`.
inline void multiply_inputs(const LstmPart& part, const LstmForward& run, int first, int last, float* opened) {
    const LstmShape& s = *part.shape;
    const size_t n_panels = size_t(panels(s.cells)), width = 4 * size_t(s.cells);
    for (size_t p = 0; p < n_panels; ++p)
        for (size_t gate = 0; gate < 4; ++gate) {
            const float* panel = part.w_ih + (p * 4 + gate) * s.n_in * kPanel;
            const size_t column = gate * s.cells + p * kPanel;
            const int count = least(kPanel, s.cells - int(p) * kPanel);
            for (int t = first; t < last; ++t) {
                const int n = going(part, t);
                const float* x = run.x + (s.begin[t] + part.from) * s.n_in;
                float* out = opened + (opened_row(part, run, first, t) + part.from) * width + column;
                product({x, size_t(s.n_in), s.n_in, panel, out, width, count, false}, n);
            }
        }
}

struct StepRows {
    int n;
    const float *h, *before;
    float *opened, *after, *hidden, *uncut, *out;
};

inline void step_gates(const LstmPart& part, const StepRows& rows, const float* bias) {
    const LstmShape& s = *part.shape;
    const size_t panel_size = size_t(s.projection) * kPanel;
    for (int p = 0; p < panels(s.cells); ++p) {
        const int count = least(kPanel, s.cells - p * kPanel);
        for (int first = 0; first < rows.n; first += kLstmRows) {
            const int n = least(kLstmRows, rows.n - first);
            const float* h = rows.h + size_t(first) * s.projection;
            for (size_t gate = 0; gate < 4; ++gate)
                product({h, size_t(s.projection), s.projection, part.w_hh + (size_t(p) * 4 + gate) * panel_size,
                         part.scratch + gate * kPanel, 4 * kPanel, kPanel, false}, n);
            for (int r = 0; r < n; ++r) {
                const size_t at = size_t(first + r) * s.cells + p * kPanel;
                const GateRow row{part.scratch + r * 4 * kPanel, bias + p * kPanel, rows.opened + size_t(first + r) * 4 * s.cells + p * kPanel,
                                  rows.before + at, rows.after + at, rows.hidden + at};
                count == kPanel ? open_gates<true>(row, s.cells, count, s.cell_clip) : open_gates<false>(row, s.cells, count, s.cell_clip);
            }
        }
    }
}

inline void step_out(const LstmPart& part, const StepRows& rows) {
    const LstmShape& s = *part.shape;
    for (int p = 0; p < panels(s.projection); ++p)
        product({rows.hidden, size_t(s.cells), s.cells, part.w_hr + size_t(p) * s.cells * kPanel, rows.uncut + p * kPanel,
                 size_t(s.projection), least(kPanel, s.projection - p * kPanel), false}, rows.n);
    const int size = rows.n * s.projection;
    for (int i = 0; i < size; i += Lanes<float>::n)
        put(rows.out + i, cut(take(rows.uncut + i, size - i), s.projection_clip), size - i);
}

void lstm_steps(const LstmPart& part, const LstmForward& run) {
    const LstmShape& s = *part.shape;
    const size_t cells = s.cells, projection = s.projection, from = part.from;
    const float *h = run.h0 + from * projection, *c = run.c0 + from * cells;
    for (int first = 0; first < s.n_steps; first += part.block) {
        const int last = least(s.n_steps, first + part.block);
        float* opened = run.opened ? run.opened + s.begin[first] * 4 * cells : part.opened;
        multiply_inputs(part, run, first, last, opened);
        for (int t = first; t < last; ++t) {
            const size_t at = s.begin[t] + from;
            float* out = run.out + at * projection;
            const StepRows rows{going(part, t), h, c, opened + (opened_row(part, run, first, t) + from) * 4 * cells,
                                run.opened ? run.after + at * cells : run.last + from * cells,
                                run.opened ? run.hidden + at * cells : part.hidden + from * cells,
                                run.opened ? run.uncut + at * projection : out, out};
            if (!rows.n) return;
            step_gates(part, rows, run.bias);
            step_out(part, rows);
            h = out, c = rows.after;
        }
    }
}

// ---- backward

// What the clip of outputs lets through of the gradients that meet there; those of the state are begun anew.
inline void meet_outputs(const LstmShape& s, const LstmBackward& run, size_t at, size_t sentence, int n) {
    const size_t size = size_t(n) * s.projection, rows = at * s.projection;
    float* d_h = run.d_h + sentence * s.projection;
    for (size_t i = 0; i < size; ++i) {
        const float y = run.uncut[rows + i], d = d_h[i] + run.d_out[rows + i];
        run.d_uncut[rows + i] = y <= s.projection_clip && y >= -s.projection_clip ? d : 0.0f;
        d_h[i] = 0;
    }
}

// Rows [first, first + n) of a step and one panel of cells, from `at` on in the arrays of all rows.
inline void back_panel(const LstmPart& part, const LstmBackward& run, size_t at, size_t sentence, int p, int n, const float* before) {
    const LstmShape& s = *part.shape;
    const size_t projection = s.projection, cells = s.cells, column = size_t(p) * kPanel;
    const int count = least(kPanel, s.cells - p * kPanel);
    float *d_hidden = part.scratch, *d_sums = part.scratch + kLstmRows * kPanel;
    product({run.d_uncut + at * projection, projection, s.projection, part.w_hr + column * projection, d_hidden, kPanel, kPanel, false}, n);
    for (int r = 0; r < n; ++r) {
        const size_t row = (at + r) * cells + column;
        const GateRowBack gates{run.opened + (at + r) * 4 * cells + column, before + r * cells + column, run.after + row,
                                d_hidden + r * kPanel, run.d_c + (sentence + r) * cells + column, d_sums + r * 4 * kPanel,
                                run.d_sums + (at + r) * 4 * cells + column};
        count == kPanel ? close_gates<true>(gates, cells, count, s.cell_clip) : close_gates<false>(gates, cells, count, s.cell_clip);
    }
    const float* w = part.w_hh + size_t(p) * panels(s.projection) * 4 * kPanel * kPanel;
    for (int q = 0; q < panels(s.projection); ++q, w += 4 * kPanel * kPanel)
        product({d_sums, 4 * kPanel, 4 * kPanel, w, run.d_h + sentence * projection + q * kPanel, projection,
                 least(kPanel, s.projection - q * kPanel), true}, n);
}

void lstm_steps_back(const LstmPart& part, const LstmBackward& run) {
    const LstmShape& s = *part.shape;
    for (int t = s.n_steps - 1; t >= 0; --t) {
        const int n = going(part, t);
        if (!n) continue;
        const size_t at = s.begin[t] + part.from, sentence = part.from;
        const float* before = (t ? run.after + s.begin[t - 1] * s.cells : run.c0) + sentence * s.cells;
        meet_outputs(s, run, at, sentence, n);
        for (int p = 0; p < panels(s.cells); ++p)
            for (int first = 0; first < n; first += kLstmRows)
                back_panel(part, run, at + first, sentence + first, p, least(kLstmRows, n - first), before + size_t(first) * s.cells);
    }
}

}  // namespace
}  // namespace firth
