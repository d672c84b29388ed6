// The part of the module that estimates n-gram models; bind.cpp includes it after bind_text.h.
#pragma once
#include <memory>
#include <vector>

#include "bind_text.h"
#include "ngram_count.h"
#include "ngram_estimate.h"

namespace firth::ngram_binding {

namespace nb = nanobind;
using namespace nb::literals;
using text_binding::demand;
using text_binding::In;
using text_binding::Int32s;
using text_binding::Int64s;
using text_binding::Out;
using text_binding::span_of;
using text_binding::unlocked;

// Order and lengths are checked here, so that the counter can trust them.
struct Counter {
    std::unique_ptr<NGramCounter> counter;
    NGramCountOptions options;
    std::vector<uint64_t> sizes;
    enum { kOpen, kSorted, kSized, kFilled } state = kOpen;

    // Sorts the n-grams that begin in these places; whatever was not written out before is replaced.
    void add(Int32s ids, Int64s ends, Int32s word_of, uint64_t begin, uint64_t end) {
        demand(state <= kSorted, "the counter is closed");
        const NGramText text{span_of(ids), span_of(ends), span_of(word_of), options.n_words - 1, eos};
        demand(begin <= end && end <= text.places() && end - begin < uint64_t(1) << 31, "no such piece of the text");
        demand(ends.size() == 0 ? ids.size() == 0 : uint64_t(ends.data()[ends.size() - 1]) == ids.size(), "the ends don't fit");
        for (std::size_t i = 0; i < word_of.size(); ++i)
            demand(word_of.data()[i] >= 0 && uint32_t(word_of.data()[i]) < options.n_words, "a type has a word that is not there");
        unlocked([&] { counter->place(text, begin, end), counter->sort(); });
        state = kSorted;
    }

    void spill() {
        demand(state == kSorted && options.spill >= 0, "there is nothing to write, or no file for it");
        unlocked([&] { counter->spill(); });
    }

    std::vector<uint64_t> close() {
        demand(state == kSorted, "there is no text, or the counter is closed");
        sizes = unlocked([&] { return counter->sizes(); });
        state = kSized;
        return sizes;
    }

    void fill(const std::vector<Out<int32_t>>& words, const std::vector<Out<int64_t>>& firsts, const std::vector<Out<uint32_t>>& counts) {
        demand(state == kSized, "close the counter first; it can be emptied once");
        const std::size_t order = sizes.size();
        demand(words.size() == order && counts.size() == order && firsts.size() + 1 == order, "one array per level is needed");
        NGramLevels levels;
        for (std::size_t k = 0; k < order; ++k) {
            demand((k == 0 || words[k].size() == sizes[k]) && counts[k].size() == sizes[k], "an array does not fit its level");
            levels.words.push_back(span_of(words[k])), levels.counts.push_back(span_of(counts[k]));
            if (k + 1 == order) break;
            demand(firsts[k].size() == sizes[k] + 1, "an array does not fit its level");
            levels.firsts.push_back(span_of(firsts[k]));
        }
        unlocked([&] { counter->fill(levels); });
        state = kFilled;
    }

    uint32_t eos = 0;
};

// Lets Ctrl-C through.
inline void hear() {
    nb::gil_scoped_acquire held;
    if (PyErr_CheckSignals()) throw nb::python_error();
}

inline void make_counter(Counter* self, unsigned order, uint32_t n_words, uint32_t eos, std::size_t threads, int spill) {
    demand(order >= 1 && order <= 8, "orders are 1 to 8");
    demand(n_words >= 2 && n_words < uint32_t(1) << 31 && eos < n_words, "no such vocabulary");
    new (self) Counter();
    self->options = {{order, unsigned(std::bit_width(n_words))}, n_words, std::max<std::size_t>(threads, 1), spill, hear};
    self->eos = eos;
    self->counter = make_ngram_counter(self->options);
}

inline void suffixes(Int64s first, Int32s words, Int32s suffix, Int64s below_first, Int32s parents_words, Out<int32_t> out,
                     std::size_t threads) {
    const std::size_t n = suffix.size();
    demand(first.size() == n + 1 && parents_words.size() == n && words.size() == out.size(), "the levels don't fit");
    demand(first.data()[0] == 0 && uint64_t(first.data()[n]) == words.size(), "the levels don't fit");
    demand(uint64_t(below_first.data()[below_first.size() - 1]) == n, "the levels don't fit");
    const NGramLinks links{span_of(first), span_of(words), span_of(suffix), span_of(below_first), span_of(parents_words)};
    unlocked([&] { ngram_suffixes(links, out.data(), threads); });
}

template <class Real>
void estimate(Int64s first, Int32s suffix, In<uint32_t> counts, In<uint8_t> keep, const std::string& kind,
              const std::vector<double>& discount, double k, double n_outputs, In<Real> lower, Out<Real> out, Out<Real> gamma,
              std::size_t threads) {
    const std::size_t parents = gamma.size(), n = out.size();
    demand(first.size() == parents + 1 && lower.size() == parents && suffix.size() == n && counts.size() == n, "the levels don't fit");
    demand((keep.size() == 0 || keep.size() == n) && discount.size() == 3, "the levels don't fit");
    demand(first.data()[0] == 0 && uint64_t(first.data()[parents]) == n, "the levels don't fit");
    NGramRule rule;
    demand(kind == "discount" || kind == "witten-bell" || kind == "additive", "no such rule");
    rule.kind = kind == "discount" ? NGramRule::kDiscount : kind == "additive" ? NGramRule::kAdditive : NGramRule::kWittenBell;
    std::copy(discount.begin(), discount.end(), rule.discount.begin());
    rule.k = k, rule.n_outputs = n_outputs;
    const NGramChildren children{span_of(first), span_of(suffix), span_of(counts), span_of(keep)};
    unlocked([&] { ngram_estimate<Real>(children, rule, span_of(lower), span_of(out), span_of(gamma), threads); });
}

template <class Real>
void logs(In<Real> values, Out<float> out, std::size_t threads) {
    demand(values.size() == out.size(), "out needs one number per value");
    unlocked([&] { ngram_logs<Real>(span_of(values), span_of(out), threads); });
}

inline void bind_ngram(nb::module_& m) {
    nb::class_<Counter>(m, "NGramCounter", "Counts n-grams by sorting; see native/ngram_count.h.")
        .def("__init__", &make_counter, "order"_a, "n_words"_a, "eos"_a, "threads"_a, "spill"_a)
        .def("add", &Counter::add, "ids"_a, "ends"_a, "word_of"_a, "begin"_a, "end"_a)
        .def("spill", &Counter::spill)
        .def_prop_ro("spilled", [](Counter& self) { return self.counter->spilled(); })
        .def("close", &Counter::close)
        .def("fill", &Counter::fill, "words"_a, "firsts"_a, "counts"_a);
    m.def("ngram_suffixes", &suffixes, "first"_a, "words"_a, "suffix"_a, "below_first"_a, "parents_words"_a, "out"_a, "threads"_a);
    m.def(
        "ngram_left_counts",
        [](Int32s suffix, Out<uint32_t> out, std::size_t threads) {
            unlocked([&] { ngram_left_counts(span_of(suffix), span_of(out), threads); });
        },
        "suffix"_a, "out"_a, "threads"_a);
    const auto define = [&]<class Real>(Real) {
        m.def("ngram_estimate", &estimate<Real>, "first"_a, "suffix"_a, "counts"_a, "keep"_a, "kind"_a, "discount"_a, "k"_a,
              "n_outputs"_a, "lower"_a, "out"_a, "gamma"_a, "threads"_a);
        m.def("ngram_logs", &logs<Real>, "values"_a, "out"_a, "threads"_a);
    };
    define(float()), define(double());
}

}  // namespace firth::ngram_binding
