// The part of the binding that is the projected LSTM's; included by bind.cpp alone.
#pragma once
#include <limits>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include "lstm_weights.h"

namespace firth::lstm_binding {

namespace nb = nanobind;
using namespace nb::literals;

using In = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Begin = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline void require(bool right, const char* message) {
    if (!right) throw nb::value_error(message);
}

template <class Array>
void require_shape(const Array& array, size_t rows, size_t columns) {
    require(array.shape(0) == rows && array.shape(1) == columns, "the arrays of an LSTM don't fit one another");
}

inline float limit(float clip) { return clip > 0 ? clip : std::numeric_limits<float>::infinity(); }

// From the projection's weights and the cells before; the rest is checked against it.
inline LstmShape checked(const In& w_hr, const In& c0, size_t n_in, const Begin& begin, float cell_clip, float projection_clip, int threads) {
    require(threads >= 1 && threads <= 1024, "threads must be 1 to 1024");
    require(begin.shape(0) >= 2 && begin.data()[0] == 0, "there must be a step, and rows begin at 0");
    const int64_t most = int64_t(1) << 24;
    require(int64_t(w_hr.shape(0)) < most && int64_t(w_hr.shape(1)) < most && int64_t(n_in) < most && int64_t(c0.shape(0)) < most &&
            int64_t(begin.shape(0)) < most, "an LSTM of such sizes is none");
    int64_t before = int64_t(c0.shape(0));
    for (size_t t = 0; t + 1 < begin.shape(0); ++t) {
        const int64_t n = begin.data()[t + 1] - begin.data()[t];
        require(n >= 0 && n <= before, "sentences must be over from the last to the first");
        before = n;
    }
    return {int(n_in), int(w_hr.shape(1)), int(w_hr.shape(0)), int(begin.shape(0) - 1), int(c0.shape(0)), begin.data(),
            limit(cell_clip), limit(projection_clip)};
}

// One direction's arrays, by place.
struct ForwardArrays {
    In x, h0, c0, w_ih, w_hh;
    Row bias;
    In w_hr;
    Out out;
    const LstmWeights* packed;
    std::vector<Out> kept;  // opened, after, hidden, uncut; or the cells behind each sentence
};

inline LstmForward forward_of(const LstmShape& s, const ForwardArrays& a) {
    const size_t rows = size_t(s.begin[s.n_steps]), cells = s.cells, projection = s.projection, batch = s.batch;
    require_shape(a.x, rows, s.n_in), require_shape(a.h0, batch, projection), require_shape(a.c0, batch, cells);
    require_shape(a.w_ih, 4 * cells, s.n_in), require_shape(a.w_hh, 4 * cells, projection), require_shape(a.w_hr, projection, cells);
    require(a.bias.shape(0) == 4 * cells, "the arrays of an LSTM don't fit one another");
    require_shape(a.out, rows, projection);
    require(a.kept.size() == 4 || a.kept.size() == 1, "what is kept are four arrays, or the last cells");
    if (a.packed)
        require(a.packed->n_in == s.n_in && a.packed->cells == s.cells && a.packed->projection == s.projection,
                "the arrays of an LSTM don't fit one another");
    LstmForward run{a.x.data(), a.h0.data(), a.c0.data(), a.w_ih.data(), a.w_hh.data(), a.bias.data(), a.w_hr.data(), a.packed, a.out.data(),
                    nullptr, nullptr, nullptr, nullptr, nullptr};
    if (a.kept.size() == 1) {
        require_shape(a.kept[0], batch, cells);
        run.last = a.kept[0].data();
        return run;
    }
    require_shape(a.kept[0], rows, 4 * cells), require_shape(a.kept[1], rows, cells), require_shape(a.kept[2], rows, cells);
    require_shape(a.kept[3], rows, projection);
    run.opened = a.kept[0].data(), run.after = a.kept[1].data(), run.hidden = a.kept[2].data(), run.uncut = a.kept[3].data();
    return run;
}

inline void forward(nb::list directions, Begin begin, float cell_clip, float projection_clip, int threads) {
    std::vector<ForwardArrays> arrays;
    for (nb::handle each : directions) {
        const nb::tuple t = nb::cast<nb::tuple>(each);
        require(t.size() == 10, "a direction is eight arrays, weights in panels or None, and what is kept");
        arrays.push_back({nb::cast<In>(t[0], false), nb::cast<In>(t[1], false), nb::cast<In>(t[2], false), nb::cast<In>(t[3], false),
                          nb::cast<In>(t[4], false), nb::cast<Row>(t[5], false), nb::cast<In>(t[6], false), nb::cast<Out>(t[7], false),
                          t[8].is_none() ? nullptr : nb::cast<const LstmWeights*>(t[8]), nb::cast<std::vector<Out>>(t[9])});
    }
    require(!arrays.empty(), "there must be a direction");
    const LstmShape shape = checked(arrays[0].w_hr, arrays[0].c0, arrays[0].x.shape(1), begin, cell_clip, projection_clip, threads);
    std::vector<LstmForward> runs;
    for (const ForwardArrays& each : arrays) runs.push_back(forward_of(shape, each));
    for (const LstmForward& run : runs) require(!run.opened == !runs[0].opened, "all directions are kept or none");
    nb::gil_scoped_release free;
    lstm_forward(shape, runs.data(), int(runs.size()), threads);
}

inline LstmBackward backward_of(const LstmShape& s, const std::vector<In>& in, const std::vector<Out>& out) {
    const size_t rows = size_t(s.begin[s.n_steps]), cells = s.cells, projection = s.projection, batch = s.batch;
    require(in.size() == 7 && out.size() == 4, "a direction is seven arrays and four to fill");
    require_shape(in[0], batch, cells), require_shape(in[1], 4 * cells, projection), require_shape(in[2], projection, cells);
    require_shape(in[3], rows, 4 * cells), require_shape(in[4], rows, cells), require_shape(in[5], rows, projection);
    require_shape(in[6], rows, projection), require_shape(out[0], batch, projection), require_shape(out[1], batch, cells);
    require_shape(out[2], rows, 4 * cells), require_shape(out[3], rows, projection);
    return {in[0].data(), in[1].data(), in[2].data(), in[3].data(), in[4].data(), in[5].data(), in[6].data(),
            out[0].data(), out[1].data(), out[2].data(), out[3].data()};
}

inline void backward(nb::list directions, Begin begin, float cell_clip, float projection_clip, int threads) {
    std::vector<std::vector<In>> in;
    std::vector<std::vector<Out>> out;
    for (nb::handle each : directions) {
        const nb::tuple t = nb::cast<nb::tuple>(each);
        require(t.size() == 11, "a direction is seven arrays and four to fill");
        in.emplace_back(), out.emplace_back();
        for (size_t i = 0; i < 7; ++i) in.back().push_back(nb::cast<In>(t[i], false));
        for (size_t i = 7; i < 11; ++i) out.back().push_back(nb::cast<Out>(t[i], false));
    }
    require(!in.empty(), "there must be a direction");
    const LstmShape shape = checked(in[0][2], in[0][0], 0, begin, cell_clip, projection_clip, threads);
    std::vector<LstmBackward> runs;
    for (size_t d = 0; d < in.size(); ++d) runs.push_back(backward_of(shape, in[d], out[d]));
    nb::gil_scoped_release free;
    lstm_backward(shape, runs.data(), int(runs.size()), threads);
}

inline void pack_weights(LstmWeights* made, In w_ih, In w_hh, In w_hr) {
    const size_t cells = w_hr.shape(1), projection = w_hr.shape(0), most = size_t(1) << 24;
    require(cells < most && projection < most && w_ih.shape(1) < most, "an LSTM of such sizes is none");
    require_shape(w_ih, 4 * cells, w_ih.shape(1)), require_shape(w_hh, 4 * cells, projection);
    nb::gil_scoped_release free;
    new (made) LstmWeights(w_ih.data(), w_hh.data(), w_hr.data(), int(w_ih.shape(1)), int(cells), int(projection));
    made->mark(w_ih.data(), w_hh.data(), w_hr.data());
}

inline bool holds(const LstmWeights& packed, In w_ih, In w_hh, In w_hr) {
    const size_t cells = size_t(packed.cells), projection = size_t(packed.projection), n_in = size_t(packed.n_in);
    if (w_ih.shape(0) != 4 * cells || w_ih.shape(1) != n_in || w_hh.shape(0) != 4 * cells || w_hh.shape(1) != projection ||
        w_hr.shape(0) != projection || w_hr.shape(1) != cells)
        return false;
    nb::gil_scoped_release free;
    return packed.holds(w_ih.data(), w_hh.data(), w_hr.data());
}

inline void bind_lstm(nb::module_& m) {
    nb::class_<LstmWeights>(m, "LstmWeights", "The weights of a projected LSTM as lstm_forward reads them.")
        .def("__init__", &pack_weights, "w_ih"_a.noconvert(), "w_hh"_a.noconvert(), "w_hr"_a.noconvert())
        .def("holds", &holds, "w_ih"_a.noconvert(), "w_hh"_a.noconvert(), "w_hr"_a.noconvert(), "Whether these very weights were packed.");
    m.def("lstm_forward", &forward, "directions"_a, "begin"_a.noconvert(), "cell_clip"_a, "projection_clip"_a, "threads"_a,
          "Projected LSTMs over whole sequences: their outputs, and what the way back needs or the last cells.");
    m.def("lstm_backward", &backward, "directions"_a, "begin"_a.noconvert(), "cell_clip"_a, "projection_clip"_a, "threads"_a,
          "The way back: the gradients of the gates' sums, of the outputs before they are cut, and of the state.");
}

}  // namespace firth::lstm_binding
