// The part of the module that serves character n-grams; bind.cpp includes it after bind_vectors.h.
#pragma once
#include "bind_vectors.h"
#include "subword.h"

namespace firth::subword_binding {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
nb::object as_array(std::vector<T>&& values) {
    auto* held = new std::vector<T>(std::move(values));
    nb::capsule owner(held, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(held->data(), {held->size()}, owner));
}

inline NgramRange checked(int minn, int maxn, int64_t buckets) {
    if (minn < 0 || maxn < 0 || buckets < 0 || buckets > INT32_MAX)
        throw std::invalid_argument("minn, maxn and buckets must be natural numbers of 31 bits");
    return {minn, maxn, uint32_t(buckets)};
}

inline nb::tuple ngram_rows(vectors_binding::Bytes blob, vectors_binding::Offsets offsets, int64_t gap, int minn, int maxn,
                            int64_t buckets) {
    const WordBytes words = vectors_binding::words_in(blob, offsets, gap);
    const NgramRange range = checked(minn, maxn, buckets);
    Ngrams found;
    {
        nb::gil_scoped_release free;
        found = ngrams_of(words, range);
    }
    return nb::make_tuple(as_array(std::move(found.ends)), as_array(std::move(found.buckets)));
}

inline nb::object word_ngram_rows(nb::bytes word, int minn, int maxn, int64_t buckets) {
    std::vector<int32_t> found;
    word_ngrams({word.c_str(), word.size()}, checked(minn, maxn, buckets), found);
    return as_array(std::move(found));
}

inline void bind_subword(nb::module_& m) {
    m.def("ngram_rows", &ngram_rows, "blob"_a, "offsets"_a, "gap"_a, "minn"_a, "maxn"_a, "buckets"_a);
    m.def("word_ngram_rows", &word_ngram_rows, "word"_a, "minn"_a, "maxn"_a, "buckets"_a);
    m.def("fnv_hash", [](nb::bytes text) { return fnv_hash({text.c_str(), text.size()}); }, "text"_a);
}

}  // namespace firth::subword_binding
