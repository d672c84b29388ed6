// Everything that Python sees of the native core. Shapes and types are checked here; the GIL is released for work.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind_arpa.h"
#include "bind_characters.h"
#include "bind_compose.h"
#include "bind_cooc.h"
#include "bind_glove.h"
#include "bind_ngram.h"
#include "bind_ngram_query.h"
#include "bind_lstm.h"
#include "bind_maxent.h"
#include "bind_quantize.h"
#include "bind_subword.h"
#include "bind_supervised.h"
#include "bind_text.h"
#include "bind_training.h"
#include "bind_vectors.h"
#include "dispatch.h"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_core, m) {
    m.def("cpu_level", &firth::cpu_level, "The CPU level whose kernels run: v2, v3, v4, neon or generic.");
    m.def("cpu_levels", &firth::cpu_levels, "The levels that this build holds and this CPU runs, plainest first.");
    m.def("use_cpu_level", &firth::use_cpu_level, "name"_a, "Force one level; ValueError names the valid ones.");
    firth::text_binding::bind_text(m);
    firth::training_binding::bind_training(m);
    vectors_binding::bind_vectors(m);
    firth::subword_binding::bind_subword(m);
    firth::cooc_binding::bind_cooc(m);
    firth::compose_binding::bind_compose(m);
    firth::quantize_binding::bind_quantize(m);
    firth::supervised_binding::bind_supervised(m);
    firth::glove_binding::bind_glove(m);
    firth::ngram_binding::bind_ngram(m);
    firth::ngram_query_binding::bind_ngram_query(m);
    firth::arpa_binding::bind_arpa(m);
    firth::maxent_binding::bind_maxent(m);
    firth::lstm_binding::bind_lstm(m);
    firth::characters_binding::bind_characters(m);
}
