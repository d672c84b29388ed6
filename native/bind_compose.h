// The part of the module that serves composed rows and floret's n-grams; bind.cpp includes it after bind_subword.h.
#pragma once
#include "bind_subword.h"
#include "compose.h"
#include "floret.h"

namespace firth::compose_binding {

namespace nb = nanobind;
using namespace nb::literals;

using ByteRows = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Starts = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Items = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

inline RowBytes row_bytes(const ByteRows& rows) {
    if (rows.shape(1) % 4) throw std::invalid_argument("rows of float32 are a multiple of four bytes");
    return {rows.data(), rows.shape(0), rows.shape(1) / 4};
}

inline void compose(ByteRows own, ByteRows grams, Starts starts, Items items, Out out, std::size_t threads) {
    const RowBytes words = row_bytes(own), parts = row_bytes(grams);
    const std::size_t n = out.shape(0);
    const Lists lists{starts.data(), items.data(), n, items.size()};
    if (words.dim != parts.dim || out.shape(1) != parts.dim || starts.size() != n + 1 || (words.n && words.n != n))
        throw std::invalid_argument("own rows, n-grams, starts and the rows to fill don't fit");
    nb::gil_scoped_release free;
    if (!fit(lists, parts.n)) throw std::invalid_argument("the places of the n-grams are out of range");
    compose_rows(words, parts, lists, out.data(), threads ? threads : 1);
}

inline FloretRange checked(int minn, int maxn, int64_t buckets, int hashes, uint32_t seed, nb::bytes begin, nb::bytes end) {
    if (hashes < 1 || hashes > 4) throw std::invalid_argument("an n-gram has one to four hashes");
    return {subword_binding::checked(minn, maxn, buckets), hashes, seed, {begin.c_str(), begin.size()}, {end.c_str(), end.size()}};
}

inline nb::object floret_word(nb::bytes word, int minn, int maxn, int64_t buckets, int hashes, uint32_t seed, nb::bytes begin,
                              nb::bytes end) {
    std::vector<int32_t> found;
    floret_ngrams({word.c_str(), word.size()}, checked(minn, maxn, buckets, hashes, seed, begin, end), found);
    return subword_binding::as_array(std::move(found));
}

inline nb::tuple floret_words(vectors_binding::Bytes blob, vectors_binding::Offsets offsets, int64_t gap, int minn, int maxn,
                              int64_t buckets, int hashes, uint32_t seed, nb::bytes begin, nb::bytes end) {
    const WordBytes words = vectors_binding::words_in(blob, offsets, gap);
    const FloretRange range = checked(minn, maxn, buckets, hashes, seed, begin, end);
    Ngrams found;
    {
        nb::gil_scoped_release free;
        found = floret_ngrams_of(words, range);
    }
    return nb::make_tuple(subword_binding::as_array(std::move(found.ends)), subword_binding::as_array(std::move(found.buckets)));
}

inline nb::tuple murmur(nb::bytes text, uint32_t seed) {
    const auto h = murmur3({text.c_str(), text.size()}, seed);
    return nb::make_tuple(h[0], h[1], h[2], h[3]);
}

inline void bind_compose(nb::module_& m) {
    m.def("compose_rows", &compose, "own"_a, "grams"_a, "starts"_a, "items"_a, "out"_a, "threads"_a);
    m.def("murmur3", &murmur, "text"_a, "seed"_a);
    m.def("floret_word_rows", &floret_word, "word"_a, "minn"_a, "maxn"_a, "buckets"_a, "hashes"_a, "seed"_a, "begin"_a,
          "end"_a);
    m.def("floret_rows", &floret_words, "blob"_a, "offsets"_a, "gap"_a, "minn"_a, "maxn"_a, "buckets"_a, "hashes"_a,
          "seed"_a, "begin"_a, "end"_a);
}

}  // namespace firth::compose_binding
