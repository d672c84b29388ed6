// The part of the module that scores with n-gram models; bind.cpp includes it after bind_text.h.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include <nanobind/stl/tuple.h>

#include "bind_text.h"
#include "ngram_query.h"

namespace firth::ngram_query_binding {

namespace nb = nanobind;
using namespace nb::literals;
using text_binding::demand;
using text_binding::In;
using text_binding::Int32s;
using text_binding::Int64s;
using text_binding::Out;
using text_binding::span_of;
using text_binding::unlocked;

// Arrays are taken as they are, never converted: a copy would be gone before its first use.
template <class T>
T as_is(nb::handle from) {
    return nb::cast<T>(from, false);
}

// int32 or int64; or a tuple of bytes, their width in bits and how many there are.
inline Ints ints_of(nb::handle from) {
    if (nb::isinstance<nb::tuple>(from)) {
        const auto [bytes, bits, size] = as_is<std::tuple<In<uint8_t>, unsigned, int64_t>>(from);
        demand(1 <= bits && bits <= 57 && bits != 32, "packed numbers have 1 to 57 bits, and not 32");
        demand(size >= 0 && size <= int64_t(1) << 40, "too many packed numbers");
        demand(bytes.size() >= (uint64_t(size) * bits + 7) / 8 + 7, "the packed numbers are cut short");
        return {bytes.data(), size, bits};
    }
    if (In<int32_t> plain; nb::try_cast(from, plain, false)) {
        return {reinterpret_cast<const uint8_t*>(plain.data()), int64_t(plain.size()), 32};
    }
    const auto wide = as_is<In<int64_t>>(from);
    return {reinterpret_cast<const uint8_t*>(wide.data()), int64_t(wide.size()), 64};
}

// float32, or a tuple of codes and their 256 values.
inline Logs logs_of(nb::handle from) {
    if (nb::isinstance<nb::tuple>(from)) {
        const auto [codes, values] = as_is<std::tuple<In<uint8_t>, In<float>>>(from);
        demand(values.size() == 256, "a codebook has 256 values");
        return {values.data(), codes.data(), int64_t(codes.size())};
    }
    const auto plain = as_is<In<float>>(from);
    return {plain.data(), nullptr, int64_t(plain.size())};
}

struct Query {
    nb::tuple kept;  // the arrays that the query looks into
    std::unique_ptr<NGramQuery> query;

    nb::tuple score(Int32s ids, Int64s ends, int32_t level, int64_t node, Out<double> out, nb::object lengths,
                    std::size_t threads) {
        demand(level >= -1 && level < std::max(query->order() - 1, 0), "the state is of another model");
        demand(level < 0 || (node >= 0 && node < query->nodes(level)), "the state is of another model");
        demand(out.size() == ids.size(), "out needs a place for each id");
        uint8_t* told = nullptr;
        if (!lengths.is_none()) {
            auto into = as_is<Out<uint8_t>>(lengths);
            demand(into.size() == ids.size(), "lengths needs a place for each id");
            told = into.data();
        }
        int64_t before = 0;
        for (std::size_t i = 0; i < ends.size(); before = ends.data()[i++])
            demand(ends.data()[i] >= before, "the ends of the runs descend");
        demand(uint64_t(before) == ids.size(), "the runs don't make up the ids");
        const int64_t words = query->nodes(0);
        bool right = true;
        for (std::size_t i = 0; i < ids.size(); ++i) right &= uint64_t(ids.data()[i]) < uint64_t(words);
        demand(right, "an id is out of range");
        const NGramState last = unlocked([&] {
            return query->score(span_of(ids), span_of(ends), {level, node}, out.data(), told, std::max<std::size_t>(threads, 1));
        });
        return nb::make_tuple(last.level, last.node);
    }
};

inline void make_query(Query* self, nb::list levels, int32_t eos, int32_t bos, std::size_t threads) {
    std::vector<NGramLevel> found;
    for (nb::handle level : levels) {
        const auto parts = nb::cast<nb::tuple>(level);
        demand(parts.size() == 5, "a level is word, suffix, first, log_prob, backoff");
        found.push_back({ints_of(parts[0]), ints_of(parts[1]), ints_of(parts[2]), logs_of(parts[3]), logs_of(parts[4])});
    }
    new (self) Query();
    self->kept = nb::tuple(levels);
    self->query = unlocked([&] { return std::make_unique<NGramQuery>(std::move(found), eos, bos, std::max<std::size_t>(threads, 1)); });
}

inline void bind_ngram_query(nb::module_& m) {
    nb::class_<Query>(m, "NGramQuery", "Scores with an n-gram model; see native/ngram_query.h.")
        .def("__init__", &make_query, "levels"_a, "eos"_a, "bos"_a, "threads"_a)
        .def("score", &Query::score, "ids"_a, "ends"_a, "level"_a, "node"_a, "out"_a, "lengths"_a.none(), "threads"_a);
}

}  // namespace firth::ngram_query_binding
