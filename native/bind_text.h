// The text part of the binding; included by bind.cpp alone.
#pragma once
#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "text.h"

namespace firth::text_binding {

namespace nb = nanobind;
using namespace nb::literals;

using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Int64s = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

using Int32s = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using UInt64s = nb::ndarray<const uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
using In = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline void demand(bool right, const char* message) {
    if (!right) throw nb::value_error(message);
}

template <class Array>
auto span_of(const Array& array) {
    return std::span(array.data(), array.size());
}

// Hands a vector over to NumPy without copying it.
template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> numpy_array(std::vector<T>&& values) {
    auto* kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(kept->data(), {kept->size()}, owner);
}

// Runs work without the interpreter's lock; a failed read or write becomes OSError.
template <class Work>
auto unlocked(Work&& work) {
    int code;
    try {
        nb::gil_scoped_release release;
        return work();
    } catch (const std::system_error& error) {
        code = error.code().value();
    }
    errno = code;
    PyErr_SetFromErrno(PyExc_OSError);
    throw nb::python_error();
}

// The tokens of one text, as bytes, and the number of tokens before the end of each line.
inline nb::tuple split_text(nb::bytes text, const std::string& tokenizer) {
    struct Sink {
        nb::list tokens;
        std::vector<int64_t> lines;
        void token(const uint8_t* p, std::size_t n) { tokens.append(nb::bytes(reinterpret_cast<const char*>(p), n)); }
        void line() { lines.push_back(static_cast<int64_t>(nb::len(tokens))); }
    } sink;
    const auto* begin = reinterpret_cast<const uint8_t*>(text.c_str());
    firth::split(firth::tokenizer_named(tokenizer), begin, begin + text.size(), sink);
    return nb::make_tuple(sink.tokens, numpy_array(std::move(sink.lines)));
}

inline nb::dict finish_pass(TextPass& pass) {
    firth::Vocabulary vocabulary = unlocked([&] { return pass.finish(); });
    nb::dict out;
    out["words"] = numpy_array(std::move(vocabulary.bytes));
    out["word_ends"] = numpy_array(std::move(vocabulary.ends));
    out["counts"] = numpy_array(std::move(vocabulary.counts));
    out["letters"] = vocabulary.letters;
    out["han"] = vocabulary.han;
    out["invalid"] = vocabulary.invalid;
    return out;
}

inline void bind_text(nb::module_& m) {

    nb::class_<TextPass>(m, "TextPass", "One pass over a text that writes ids and gives the vocabulary.")
        .def(
            "__init__",
            [](TextPass* self, const std::string& tokenizer, bool lower, bool fold_digits, std::size_t threads,
               int ids_file, int ends_file, std::size_t block, bool blank_lines) {
                new (self) TextPass({firth::tokenizer_named(tokenizer), {lower, fold_digits}, threads, block, blank_lines,
                                     ids_file, ends_file});
            },
            "tokenizer"_a, "lower"_a, "fold_digits"_a, "threads"_a, "ids_file"_a, "ends_file"_a,
            "block"_a = TextOptions{}.block, "blank_lines"_a = false)
        .def(
            "feed",
            [](TextPass& self, Bytes bytes) { unlocked([&] { self.feed(bytes.data(), bytes.size()); }); },
            "bytes"_a, "Take the next bytes of the text (uint8).")
        .def(
            "feed_file",
            [](TextPass& self, int file, uint64_t offset, std::size_t n) {
                return unlocked([&] { return self.feed_file(file, offset, n); });
            },
            "file"_a, "offset"_a, "n"_a, "Take up to n bytes of a regular file; returns how many there were.")
        .def(
            "feed_tokens",
            [](TextPass& self, Bytes bytes, std::size_t separator, Int64s token_ends, Int64s sentence_ends) {
                unlocked([&] {
                    self.feed_tokens({bytes.data(), bytes.size(), separator, token_ends.data(), sentence_ends.data(),
                                      token_ends.size(), sentence_ends.size()});
                });
            },
            "bytes"_a, "separator"_a, "token_ends"_a, "sentence_ends"_a, "Take tokens as they are.")
        .def(
            "add_words",
            [](TextPass& self, Bytes bytes, Int64s ends) {
                unlocked([&] { self.add_words(bytes.data(), bytes.size(), ends.data(), ends.size()); });
            },
            "bytes"_a, "ends"_a, "Number words in this order.")
        .def(
            "feed_ids",
            [](TextPass& self, Int32s ids, Int64s ends, const PairMap& phrases) {
                unlocked([&] { self.feed_ids(span_of(ids), span_of(ends), phrases); });
            },
            "ids"_a, "ends"_a, "phrases"_a, "Take sentences by number, pairs made phrases.")
        .def(
            "end_text", [](TextPass& self) { unlocked([&] { self.end_text(); }); },
            "End a file: the next token begins a sentence.")
        .def("finish", &finish_pass, "Write the final ids; returns the vocabulary and what was counted.")
        .def_prop_ro("tokens", &TextPass::tokens)
        .def_prop_ro("sentences", &TextPass::sentences)
        .def_prop_ro("empty_tokens", &TextPass::empty_tokens);
    nb::class_<PairMap>(m, "PairMap", "From pairs of ids to the ids of phrases.")
        .def(
            "__init__",
            [](PairMap* self, UInt64s pairs, Int32s ids) { new (self) PairMap(span_of(pairs), span_of(ids)); },
            "pairs"_a, "ids"_a);
    m.def(
        "count_pairs",
        [](Int32s ids, Int64s ends, Bytes wanted, int64_t min_count, std::size_t shards, std::size_t threads) {
            PairCounts found = unlocked([&] {
                return count_pairs(span_of(ids), span_of(ends), span_of(wanted), min_count, shards, threads);
            });
            return nb::make_tuple(numpy_array(std::move(found.pairs)), numpy_array(std::move(found.counts)));
        },
        "ids"_a, "ends"_a, "wanted"_a, "min_count"_a, "shards"_a, "threads"_a,
        "Pairs of neighbours (first << 32 | second, uint64) and their counts.");
    m.def("split_text", &split_text, "text"_a, "tokenizer"_a,
          "The tokens of one text as bytes, and how many stand before the end of each line.");
    m.def(
        "normalise_word",
        [](nb::bytes word, bool lower, bool fold_digits) {
            const std::string out = firth::unicode::normalise({word.c_str(), word.size()}, lower, fold_digits);
            return nb::bytes(out.data(), out.size());
        },
        "word"_a, "lower"_a, "fold_digits"_a, "Lower letters and fold digits to 0.");
    m.def(
        "code_point_properties", [](uint32_t code) { return code < 0x110000 ? firth::unicode::properties(code) : 0; },
        "code"_a, "Word_Break class (low 5 bits), then the flags wordlike 32, Han 64, letter 128.");
}

}  // namespace firth::text_binding
