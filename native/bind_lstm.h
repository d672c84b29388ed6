// The part of the binding that is an LSTM's; included by bind.cpp alone.
#pragma once
#include <limits>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "dispatch.h"
#include "kernels.h"

namespace firth::lstm_binding {

namespace nb = nanobind;
using namespace nb::literals;

using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Rows of four numbers a cell, and the shapes of the others.
inline LstmStep checked(float* gates, size_t n, size_t width, const Rows& before, size_t cells, float clip) {
    if (width != 4 * cells || before.shape(0) != n || before.shape(1) != cells || n > 1 << 24 || cells > 1 << 24)
        throw nb::value_error("gates, cells before and cells after must be n x 4 cells, n x cells and n x cells");
    return {int(n), int(cells), gates, before.data(), nullptr, nullptr, clip > 0 ? clip : std::numeric_limits<float>::infinity()};
}

inline void gates(Out gates, Rows before, Out after, Out hidden, float clip) {
    LstmStep step = checked(gates.data(), gates.shape(0), gates.shape(1), before, after.shape(1), clip);
    if (after.shape(0) != gates.shape(0) || hidden.shape(0) != gates.shape(0) || hidden.shape(1) != after.shape(1))
        throw nb::value_error("cells after and what is projected must be n x cells");
    step.after = after.data(), step.hidden = hidden.data();
    nb::gil_scoped_release free;
    kernels().lstm_gates(step);
}

inline void gates_back(Rows d_hidden, Out d_cells, Rows gates, Rows before, Rows after, float clip, Out d_gates) {
    const size_t n = gates.shape(0), cells = after.shape(1);
    LstmStep step = checked(const_cast<float*>(gates.data()), n, gates.shape(1), before, cells, clip);  // only read
    if (after.shape(0) != n || d_hidden.shape(0) != n || d_cells.shape(0) != n || d_gates.shape(0) != n ||
        d_hidden.shape(1) != cells || d_cells.shape(1) != cells || d_gates.shape(1) != 4 * cells)
        throw nb::value_error("gradients must be of the shapes of what they belong to");
    step.after = const_cast<float*>(after.data());
    nb::gil_scoped_release free;
    kernels().lstm_gates_back(step, d_hidden.data(), d_cells.data(), d_gates.data());
}

inline void bind_lstm(nb::module_& m) {
    m.def("lstm_gates", &gates, "gates"_a.noconvert(), "before"_a.noconvert(), "after"_a.noconvert(), "hidden"_a.noconvert(),
          "clip"_a, "One step: the gates' sums become the gates; cells after it, cut to the clip, and what is projected.");
    m.def("lstm_gates_back", &gates_back, "d_hidden"_a.noconvert(), "d_cells"_a.noconvert(), "gates"_a.noconvert(),
          "before"_a.noconvert(), "after"_a.noconvert(), "clip"_a, "d_gates"_a.noconvert(),
          "One step backward: the gradients of the gates' sums; that of the cells becomes that of the cells before.");
}

}  // namespace firth::lstm_binding
