// Everything that Python sees of the native core. Shapes and types are checked here; the GIL is released for work.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace nb::literals;

#include "dispatch.h"

namespace {

// ---------------------------------------------------------------- CPU level
void bind_dispatch(nb::module_& m) {
    m.def("cpu_level", &firth::cpu_level, "The CPU level whose kernels run: v2, v3, v4, neon or generic.");
    m.def("cpu_levels", &firth::cpu_levels, "The levels that this build holds and this CPU runs, plainest first.");
    m.def("use_cpu_level", &firth::use_cpu_level, "name"_a, "Force one level; ValueError names the valid ones.");
}

// ---------------------------------------------------------------- text
void bind_text(nb::module_& m) { (void)m; }

// ---------------------------------------------------------------- training
void bind_training(nb::module_& m) { (void)m; }

// ---------------------------------------------------------------- vectors and their files
void bind_vectors(nb::module_& m) { (void)m; }

}  // namespace

NB_MODULE(_core, m) {
    bind_dispatch(m);
    bind_text(m);
    bind_training(m);
    bind_vectors(m);
}
