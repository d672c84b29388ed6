// The part of the module that counts co-occurrences; bind.cpp includes it after bind_text.h.
#pragma once
#include <algorithm>
#include <memory>

#include "bind_text.h"
#include "cooc.h"
#include "kernels.h"
#include "sparse.h"

namespace firth::cooc_binding {

namespace nb = nanobind;
using namespace nb::literals;
using text_binding::Int32s;
using text_binding::Int64s;
using text_binding::span_of;
using text_binding::unlocked;
using text_binding::UInt64s;
using UInt32s = nb::ndarray<const uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Places and lengths are checked here, so that the counter can trust them.
struct Counter {
    std::unique_ptr<CoocCounter> counter;
    std::size_t n_words = 0;
    bool closed = false, emptied = false;

    void demand(bool right, const char* message) const {
        if (!right) throw nb::value_error(message);
    }

    void place(Int32s ids, Int64s ends, Int32s word_of, UInt32s keep, uint64_t key, std::size_t begin, std::size_t end) {
        demand(!closed && counter->idle(), "the counter is closed, or has a piece to work on");
        demand(begin <= end && end <= ids.size() && end - begin <= counter->piece(), "no such piece of the text");
        demand(keep.size() == 0 || keep.size() == n_words, "keep needs one number per word");
        for (std::size_t i = 0; i < word_of.size(); ++i)
            demand(word_of.data()[i] < int64_t(n_words), "a type has a word that is not there");
        const CoocText text{span_of(ids), span_of(ends), span_of(word_of), span_of(keep), key};
        unlocked([&] { counter->place(text, begin, end); });
    }

    void demand_full() const { demand(closed && !emptied && counter->idle(), "close the counter and let it work to the end first"); }
};

inline void make_counter(Counter* self, Int64s occurrences, UInt64s weights, bool left, bool right, std::size_t budget,
                         std::size_t threads, int spill) {
    new (self) Counter();
    CoocOptions options{{weights.data(), weights.data() + weights.size()}, left, right, budget, threads, spill};
    self->n_words = occurrences.size();
    self->counter = std::make_unique<CoocCounter>(span_of(occurrences), std::move(options));
}

using Floats = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Block = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// The matrix is taken on trust but for its lengths: who made it has checked its columns and rows.
inline void product(Int64s starts, Int32s columns, Floats values, Block<const float> x, Block<float> out, std::size_t threads) {
    const auto demand = [](bool right, const char* message) {
        if (!right) throw nb::value_error(message);
    };
    demand(starts.size() == out.shape(0) + 1 && columns.size() == values.size(), "the sparse matrix does not fit");
    demand(starts.data()[0] == 0 && uint64_t(starts.data()[out.shape(0)]) == columns.size(), "the rows don't fit");
    demand(x.shape(1) == out.shape(1) && x.shape(1) % kPad == 0, "blocks need a multiple of 16 columns");
    demand((uintptr_t(x.data()) | uintptr_t(out.data())) % 64 == 0, "blocks must be aligned to 64 bytes");
    const SparseRows a{span_of(starts), span_of(columns), span_of(values)};
    unlocked([&] { sparse_product(a, x.data(), int(x.shape(1)), out.data(), std::max<std::size_t>(threads, 1)); });
}

inline void bind_cooc(nb::module_& m) {
    m.def("sparse_product", &product, "starts"_a, "columns"_a, "values"_a, "x"_a, "out"_a, "threads"_a);
    nb::class_<Counter>(m, "CoocCounter", "Counts which words stand near which; see native/cooc.h.")
        .def("__init__", &make_counter, "occurrences"_a, "weights"_a, "left"_a, "right"_a, "budget"_a, "threads"_a,
             "spill"_a)
        .def_prop_ro("piece", [](Counter& self) { return self.counter->piece(); })
        .def_prop_ro("pairs", [](Counter& self) { return self.counter->pairs(); })
        .def_prop_ro("tokens", [](Counter& self) { return self.counter->tokens(); })
        .def_prop_ro("spilled", [](Counter& self) { return self.counter->spilled(); })
        .def("place", &Counter::place, "ids"_a, "ends"_a, "word_of"_a, "keep"_a, "key"_a, "begin"_a, "end"_a)
        .def(
            "work", [](Counter& self, int milliseconds) { return unlocked([&] { return self.counter->work(milliseconds); }); },
            "milliseconds"_a)
        .def("close",
             [](Counter& self) {
                 self.demand(!self.closed && self.counter->idle(), "the counter is closed, or has a piece to work on");
                 self.counter->close();
                 self.closed = true;
             })
        .def(
            "lengths",
            [](Counter& self, Out<int64_t> out) {
                self.demand_full();
                self.demand(out.size() == self.n_words, "out needs one number per word");
                unlocked([&] { self.counter->lengths(out.data()); });
            },
            "out"_a)
        .def(
            "fill",
            [](Counter& self, double unit, Out<int32_t> columns, Out<double> values) {
                self.demand_full();
                self.demand(columns.size() == self.counter->pairs() && values.size() == columns.size(), "no room for the pairs");
                self.emptied = true;
                unlocked([&] { self.counter->fill(unit, columns.data(), values.data()); });
            },
            "unit"_a, "columns"_a, "values"_a)
        .def(
            "write",
            [](Counter& self, double unit, int file) {
                self.demand_full();
                self.emptied = true;
                unlocked([&] { self.counter->write(unit, file); });
            },
            "unit"_a, "file"_a);
}

}  // namespace firth::cooc_binding
