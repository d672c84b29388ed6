// The part of the module that reads and writes ARPA files; bind.cpp includes it after bind_ngram_query.h.
#pragma once
#include <algorithm>

#include "arpa.h"
#include "bind_ngram_query.h"

namespace firth::arpa_binding {

namespace nb = nanobind;
using namespace nb::literals;
using ngram_query_binding::as_is;
using text_binding::demand;
using text_binding::In;
using text_binding::Bytes;
using text_binding::Int64s;
using text_binding::numpy_array;
using text_binding::span_of;
using text_binding::unlocked;

// A fault becomes ValueError(what, offset).
inline ArpaModel read_or_raise(Bytes text, uint64_t seed, std::size_t threads) {
    nb::tuple fault;
    try {
        return unlocked([&] { return read_arpa(span_of(text), seed, std::max<std::size_t>(threads, 1)); });
    } catch (const ArpaFault& error) {
        // The words of a broken file may be no UTF-8.
        const nb::object what = nb::steal(PyUnicode_DecodeUTF8(error.what(), Py_ssize_t(std::strlen(error.what())), "replace"));
        fault = nb::make_tuple(what, error.offset);
    }
    PyErr_SetObject(PyExc_ValueError, fault.ptr());
    throw nb::python_error();
}

inline nb::dict read(Bytes text, uint64_t seed, std::size_t threads) {
    ArpaModel model = read_or_raise(text, seed, threads);
    nb::list levels;
    for (ArpaLevel& level : model.levels)
        levels.append(nb::make_tuple(numpy_array(std::move(level.word)), numpy_array(std::move(level.suffix)),
                                     numpy_array(std::move(level.log_prob)), numpy_array(std::move(level.backoff)),
                                     numpy_array(std::move(level.first))));
    nb::dict found;
    found["words"] = numpy_array(std::move(model.words));
    found["ends"] = numpy_array(std::move(model.ends));
    found["levels"] = levels;
    found["inserted"] = model.inserted;
    found["lacks_unk"] = model.lacks_unk;
    return found;
}

// The numbers of a level are taken on trust but for its lengths: an NGramQuery has checked them.
inline void write(nb::list levels, Bytes bytes, Int64s offsets, int32_t bos, int file, std::size_t threads) {
    std::vector<ArpaPart> parts;
    for (nb::handle level : levels) {
        const auto [word, log_prob, backoff, first] =
            as_is<std::tuple<In<int32_t>, In<float>, In<float>, In<int64_t>>>(level);
        parts.push_back({span_of(word), span_of(log_prob), span_of(backoff), span_of(first)});
        const bool highest = parts.size() == levels.size();
        demand(log_prob.size() == word.size() && backoff.size() == (highest ? 0 : word.size()), "the arrays differ in length");
        demand(first.size() == (highest ? 0 : word.size() + 1), "the arrays differ in length");
    }
    demand(!parts.empty() && offsets.size() == parts[0].word.size() + 1, "each word needs a spelling");
    demand(offsets.data()[0] >= 0 && uint64_t(offsets.data()[offsets.size() - 1]) <= bytes.size(), "the spellings are cut short");
    unlocked([&] { write_arpa(parts, span_of(bytes), span_of(offsets), bos, file, std::max<std::size_t>(threads, 1)); });
}

inline void bind_arpa(nb::module_& m) {
    m.def("read_arpa", &read, "text"_a, "seed"_a, "threads"_a);
    m.def("write_arpa", &write, "levels"_a, "bytes"_a, "offsets"_a, "bos"_a, "file"_a, "threads"_a);
}

}  // namespace firth::arpa_binding
