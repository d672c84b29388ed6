// The part of the module that serves vectors and their files; bind.cpp includes it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "vectors_index.h"
#include "vectors_rows.h"
#include "vectors_search.h"

namespace vectors_binding {

namespace nb = nanobind;
using namespace nb::literals;

using Bytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Offsets = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

std::string_view view(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The offsets may come from a file: they must ascend by at least the gap and stay within the bytes.
firth::WordBytes words_in(const Bytes& blob, const Offsets& offsets, std::int64_t gap) {
    const std::size_t n = offsets.size() ? offsets.size() - 1 : 0;
    const std::int64_t* at = offsets.data();
    bool fit = gap >= 0 && offsets.size() && at[0] >= 0 && at[n] <= static_cast<std::int64_t>(blob.size()) + gap;
    for (std::size_t i = 0; fit && i < n; ++i) fit = at[i + 1] - gap >= at[i];
    if (!fit) throw std::invalid_argument("the offsets of the words are not ascending or leave their bytes");
    return {reinterpret_cast<const char*>(blob.data()), at, n, gap};
}

template <class T>
nb::object given_away(firth::Buffer<T>& buffer, std::initializer_list<std::size_t> shape) {
    T* data = buffer.release();
    nb::capsule owner(data, [](void* held) noexcept { std::free(held); });
    return nb::cast(nb::ndarray<nb::numpy, T>(data, shape, owner));
}

nb::tuple fed(const firth::Fed& result) { return nb::make_tuple(result.consumed, result.fault); }

nb::bytes written(std::string (*write)(const float*, std::size_t, const firth::WordBytes&, std::size_t, std::size_t),
                  const Matrix& matrix, const Bytes& blob, const Offsets& offsets, std::int64_t gap, std::size_t from,
                  std::size_t to) {
    const firth::WordBytes words = words_in(blob, offsets, gap);
    if (words.n != matrix.shape(0) || from > to || to > words.n) throw std::invalid_argument("rows out of range");
    std::string out;
    {
        nb::gil_scoped_release release;
        out = write(matrix.data(), matrix.shape(1), words, from, to);
    }
    return nb::bytes(out.data(), out.size());
}

void bind_vector_files(nb::module_& m) {
    using firth::Rows;
    nb::class_<Rows>(m, "Rows", "Rows of a vector file, read piece by piece.")
        .def(nb::init<std::size_t, std::size_t>(), "dim"_a, "limit"_a)
        .def("reserve", &Rows::reserve, "rows"_a)
        .def(
            "feed_text",
            [](Rows& rows, Bytes piece, bool last) {
                firth::Fed result;
                {
                    nb::gil_scoped_release release;
                    result = rows.feed_text(view(piece), last);
                }
                return fed(result);
            },
            "piece"_a, "last"_a)
        .def(
            "feed_binary",
            [](Rows& rows, Bytes piece, bool last) {
                firth::Fed result;
                {
                    nb::gil_scoped_release release;
                    result = rows.feed_binary(view(piece), last);
                }
                return fed(result);
            },
            "piece"_a, "last"_a)
        .def_ro("n", &Rows::n)
        .def_ro("first_nonfinite", &Rows::first_nonfinite)
        .def_ro("nonfinite_rows", &Rows::nonfinite_rows)
        .def("take", [](Rows& rows) {
            const std::size_t n = rows.n, bytes = rows.blob.size();
            nb::object matrix = given_away(rows.values, {n, rows.dim});
            nb::object blob = given_away(rows.blob, {bytes});
            nb::object offsets = given_away(rows.offsets, {n + 1});
            rows.n = 0;
            return nb::make_tuple(matrix, blob, offsets);
        });
    m.def("trailing_numbers", [](Bytes line) { return firth::trailing_numbers(view(line)); }, "line"_a);
    m.def(
        "rows_as_text",
        [](Matrix matrix, Bytes blob, Offsets offsets, std::int64_t gap, std::size_t from, std::size_t to) {
            return written(firth::rows_as_text, matrix, blob, offsets, gap, from, to);
        },
        "matrix"_a, "blob"_a, "offsets"_a, "gap"_a, "start"_a, "stop"_a);
    m.def(
        "rows_as_binary",
        [](Matrix matrix, Bytes blob, Offsets offsets, std::int64_t gap, std::size_t from, std::size_t to) {
            return written(firth::rows_as_binary, matrix, blob, offsets, gap, from, to);
        },
        "matrix"_a, "blob"_a, "offsets"_a, "gap"_a, "start"_a, "stop"_a);
}

void bind_word_index(nb::module_& m) {
    nb::class_<firth::WordIndex>(m, "WordIndex", "From a word's bytes to its row.")
        .def(
            "__init__",
            [](firth::WordIndex* self, Bytes blob, Offsets offsets, std::int64_t gap) {
                const firth::WordBytes words = words_in(blob, offsets, gap);
                nb::gil_scoped_release release;
                new (self) firth::WordIndex(words);
            },
            nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>(), "blob"_a.noconvert(), "offsets"_a.noconvert(), "gap"_a)
        .def("find", [](const firth::WordIndex& index, nb::bytes word) { return index.find({word.c_str(), word.size()}); },
             "word"_a)
        .def_prop_ro("duplicates", &firth::WordIndex::duplicates);
}

template <class T>
nb::object array_of(std::vector<T>&& values) {
    auto* kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void* held) noexcept { delete static_cast<std::vector<T>*>(held); });
    return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), {kept->size()}, owner));
}

void bind_search(nb::module_& m) {
    using Floats = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
    m.def(
        "hits_above",
        [](Matrix products, Floats inverse, Floats floors) {
            if (inverse.size() != products.shape(0) || floors.size() != products.shape(1)) {
                throw std::invalid_argument("a score needs the length of its row and the floor of its query");
            }
            firth::Hits hits;
            {
                nb::gil_scoped_release release;
                hits = firth::hits_above(products.data(), products.shape(0), products.shape(1), inverse.data(),
                                         floors.data());
            }
            return nb::make_tuple(array_of(std::move(hits.rows)), array_of(std::move(hits.queries)),
                                  array_of(std::move(hits.scores)));
        },
        "products"_a, "inverse"_a, "floors"_a, "Rows, queries and scores of all that reach their query's floor.");
}

void bind_vectors(nb::module_& m) {
    bind_word_index(m);
    bind_search(m);
    bind_vector_files(m);
}

}  // namespace vectors_binding
