#include "lstm.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <vector>

#include "dispatch.h"
#include "kernels.h"
#include "lstm_weights.h"
#include "parallel.h"

namespace firth {
namespace {

constexpr int64_t kBlockRows = 256;  // rows whose inputs are multiplied at once where their gates are not kept

// A panel of the transpose of some of `rows` rows, zeros behind the last.
void pack_rows(const float* w, int rows, int depth, float* out) {
    const int count = std::min(kPanel, rows);
    for (int k = 0; k < depth; ++k, out += kPanel) {
        for (int j = 0; j < count; ++j) out[j] = w[size_t(j) * depth + k];
        std::fill(out + count, out + kPanel, 0.0f);
    }
}

void pack_transposed(const float* w, int rows, int depth, float* out) {
    for (int p = 0; p < panels(rows); ++p) {
        const size_t at = size_t(p) * kPanel * depth;
        pack_rows(w + at, rows - p * kPanel, depth, out + at);
    }
}

// The same of four gates, each padded by itself, their panels by turns.
void pack_gates(const float* w, int cells, int depth, float* out) {
    for (int p = 0; p < panels(cells); ++p)
        for (int gate = 0; gate < 4; ++gate, out += size_t(kPanel) * depth)
            pack_rows(w + (size_t(gate) * cells + p * kPanel) * depth, cells - p * kPanel, depth, out);
}

// Panels of `columns` columns as they are.
void pack(const float* w, int depth, int columns, float* out) {
    for (int p = 0; p < panels(columns); ++p)
        for (int k = 0; k < depth; ++k, out += kPanel)
            for (int j = 0; j < kPanel; ++j) out[j] = p * kPanel + j < columns ? w[size_t(k) * columns + p * kPanel + j] : 0.0f;
}

// For each panel of cells the rows of its four gates, 4 kPanel in all, in panels of `columns` columns.
void pack_gate_rows(const float* w, int cells, int columns, float* out) {
    for (int p = 0; p < panels(cells); ++p)
        for (int q = 0; q < panels(columns); ++q)
            for (int gate = 0; gate < 4; ++gate)
                for (int k = 0; k < kPanel; ++k, out += kPanel) {
                    const int cell = p * kPanel + k;
                    for (int j = 0; j < kPanel; ++j)
                        out[j] = cell < cells && q * kPanel + j < columns
                                     ? w[(size_t(gate) * cells + cell) * columns + q * kPanel + j] : 0.0f;
                }
}

size_t padded_panels(int columns) { return size_t(panels(columns)) * kPanel; }

// Each direction's sentences in as many parts as leave every thread one; no part is empty.
struct Parts {
    Parts(int batch, int n_runs, int threads) {
        const int each = std::clamp((threads + n_runs - 1) / n_runs, 1, std::max(1, batch));
        for (int i = 0; i < each; ++i) {
            const int from = int(int64_t(batch) * i / each), to = int(int64_t(batch) * (i + 1) / each);
            bounds.push_back({from, to});
        }
    }
    std::vector<std::pair<int, int>> bounds;
};

}  // namespace

namespace {

// Four chains of steps that lose nothing, so that any one change shows, and several but by a chance of 1 in 2^64.
uint64_t digest_of(const float* numbers, size_t n, uint64_t seed) {
    uint64_t chains[4] = {seed, seed + 1, seed + 2, seed + 3};
    const auto step = [](uint64_t h, uint64_t x) { return std::rotl(h ^ x, 29) * 0x9E3779B97F4A7C15u; };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t c = 0; c < 4; ++c) {
            uint64_t x;
            std::memcpy(&x, numbers + i + 2 * c, sizeof x);
            chains[c] = step(chains[c], x);
        }
    for (; i < n; ++i) {
        uint32_t x;
        std::memcpy(&x, numbers + i, sizeof x);
        chains[0] = step(chains[0], x);
    }
    return step(step(step(chains[0], chains[1]), chains[2]), chains[3]);
}

uint64_t digest_of(const float* w_ih, const float* w_hh, const float* w_hr, const LstmWeights& sizes) {
    const size_t gates = 4 * size_t(sizes.cells);
    uint64_t found = digest_of(w_ih, gates * sizes.n_in, 1);
    found = digest_of(w_hh, gates * sizes.projection, found);
    return digest_of(w_hr, size_t(sizes.projection) * sizes.cells, found);
}

}  // namespace

void LstmWeights::mark(const float* ih, const float* hh, const float* hr) { digest = digest_of(ih, hh, hr, *this); }
bool LstmWeights::holds(const float* ih, const float* hh, const float* hr) const { return digest_of(ih, hh, hr, *this) == digest; }

LstmWeights::LstmWeights(const float* ih, const float* hh, const float* hr, int inputs, int n, int outputs)
    : n_in(inputs), cells(n), projection(outputs), w_ih(aligned_room(4 * padded_panels(n) * inputs)),
      w_hh(aligned_room(4 * padded_panels(n) * outputs)), w_hr(aligned_room(padded_panels(outputs) * n)) {
    pack_gates(ih, n, inputs, w_ih.get());
    pack_gates(hh, n, outputs, w_hh.get());
    pack_transposed(hr, outputs, n, w_hr.get());
}

void lstm_forward(const LstmShape& s, const LstmForward* runs, int n_runs, int threads) {
    const bool keep = runs[0].opened;
    const int block = keep ? std::max(1, s.n_steps) : int(std::max<int64_t>(1, kBlockRows / std::max(1, s.batch)));
    const size_t block_rows = keep ? 0 : size_t(s.batch) * std::min(block, std::max(1, s.n_steps));
    struct Own {
        LstmWeights weights;
        AlignedRoom opened, hidden;
    };
    std::vector<Own> own{size_t(n_runs)};
    const auto prepare = [&](size_t d) {
        own[d].opened = aligned_room(block_rows * 4 * s.cells), own[d].hidden = aligned_room(keep ? 0 : size_t(s.batch) * s.cells);
        if (!runs[d].packed) own[d].weights = LstmWeights(runs[d].w_ih, runs[d].w_hh, runs[d].w_hr, s.n_in, s.cells, s.projection);
    };
    const Parts parts(s.batch, n_runs, threads);
    const auto run = [&](size_t d, size_t part) {
        const auto [from, to] = parts.bounds[part];
        const AlignedRoom scratch = aligned_room(kLstmRows * 5 * kPanel);
        const LstmWeights& w = runs[d].packed ? *runs[d].packed : own[d].weights;
        kernels().lstm_steps({&s, from, to, w.w_ih.get(), w.w_hh.get(), w.w_hr.get(), scratch.get(), block, own[d].opened.get(),
                              own[d].hidden.get()}, runs[d]);
    };
    if (parts.bounds.size() == 1) {  // one round of threads serves both
        parallel(size_t(threads), size_t(n_runs), [&](size_t, size_t d) { prepare(d), run(d, 0); });
        return;
    }
    parallel(size_t(threads), size_t(n_runs), [&](size_t, size_t d) { prepare(d); });
    parallel(size_t(threads), parts.bounds.size() * n_runs, [&](size_t, size_t item) { run(item % n_runs, item / n_runs); });
}

void lstm_backward(const LstmShape& s, const LstmBackward* runs, int n_runs, int threads) {
    struct Weights { AlignedRoom w_hh, w_hr; };
    std::vector<Weights> weights{size_t(n_runs)};
    parallel(size_t(threads), size_t(n_runs), [&](size_t, size_t d) {
        weights[d] = {aligned_room(4 * padded_panels(s.cells) * padded_panels(s.projection)), aligned_room(padded_panels(s.cells) * s.projection)};
        pack_gate_rows(runs[d].w_hh, s.cells, s.projection, weights[d].w_hh.get());
        pack(runs[d].w_hr, s.projection, s.cells, weights[d].w_hr.get());
    });
    const Parts parts(s.batch, n_runs, threads);
    parallel(size_t(threads), parts.bounds.size() * n_runs, [&](size_t, size_t item) {
        const size_t d = item % n_runs;
        const auto [from, to] = parts.bounds[item / n_runs];
        const AlignedRoom scratch = aligned_room(kLstmRows * 5 * kPanel);
        const LstmPart part{&s, from, to, nullptr, weights[d].w_hh.get(), weights[d].w_hr.get(), scratch.get(), 0, nullptr, nullptr};
        kernels().lstm_steps_back(part, runs[d]);
    });
}

}  // namespace firth
