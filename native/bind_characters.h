// The part of the binding that is the character filters'; included by bind.cpp alone.
#pragma once
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>

#include "char_filters.h"

namespace firth::characters_binding {

namespace nb = nanobind;
using namespace nb::literals;

template <class T, int N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N>
using Out = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

inline void require(bool right, const char* message) {
    if (!right) throw nb::value_error(message);
}

inline CharacterRows checked(const In<int32_t, 2>& ids, const In<int32_t, 1>& starts, const In<float, 2>& vectors, int threads) {
    const size_t n = ids.shape(0), length = ids.shape(1);
    require(starts.shape(0) == n && length <= 65535 && vectors.shape(0) < 1 << 30 && vectors.shape(1) < 1 << 20, "shapes do not fit");
    require(threads >= 1 && threads <= 1024, "threads must be 1 to 1024");
    const int32_t rows = int32_t(vectors.shape(0));
    for (size_t i = 0; i < n * length; ++i) require(ids.data()[i] >= 0 && ids.data()[i] < rows, "a character is out of range");
    for (size_t i = 0; i < n; ++i) require(starts.data()[i] >= 0, "windows begin at 0 or behind it");
    return {ids.data(), starts.data(), int64_t(n), int(length), rows, int(vectors.shape(1)), vectors.data()};
}

template <class Weights>
std::vector<Filters> groups_of(const std::vector<Weights>& weights, const CharacterRows& rows, size_t total) {
    std::vector<Filters> groups;
    size_t number = 0;
    for (const auto& each : weights) {
        require(int(each.shape(1)) == rows.dim && each.shape(2) >= 1 && int64_t(each.shape(2)) <= rows.length && each.shape(0) < 1 << 24,
                "filters must be number x length of a character's vector x width, and no wider than a row");
        groups.push_back({each.data(), int(each.shape(0)), int(each.shape(2)), nullptr});
        number += each.shape(0);
    }
    require(number == total, "there must be a column for every filter");
    return groups;
}

inline bool filters(In<int32_t, 2> ids, In<int32_t, 1> starts, In<float, 2> vectors, std::vector<In<float, 3>> weights,
                    Out<float, 2> best, nb::object place, int threads) {
    const CharacterRows rows = checked(ids, starts, vectors, threads);
    const std::vector<Filters> groups = groups_of(weights, rows, best.shape(1));
    require(int64_t(best.shape(0)) == rows.n_words, "there must be a row for every word");
    uint16_t* places = nullptr;
    Out<uint16_t, 2> held;
    if (!place.is_none()) {
        held = nb::cast<Out<uint16_t, 2>>(place, false);
        require(held.shape(0) == best.shape(0) && held.shape(1) == best.shape(1), "places must be of the shape of the best");
        places = held.data();
    }
    nb::gil_scoped_release free;
    return char_filters(rows, groups.data(), int(groups.size()), best.data(), places, threads);
}

inline void filters_back(In<int32_t, 2> ids, In<int32_t, 1> starts, In<float, 2> vectors, std::vector<In<float, 3>> weights,
                         In<float, 2> d_best, In<uint16_t, 2> place, Out<float, 2> d_vectors, std::vector<Out<float, 3>> d_weights,
                         int threads) {
    const CharacterRows rows = checked(ids, starts, vectors, threads);
    std::vector<Filters> groups = groups_of(weights, rows, d_best.shape(1));
    require(int64_t(d_best.shape(0)) == rows.n_words && place.shape(0) == d_best.shape(0) && place.shape(1) == d_best.shape(1),
            "places must be of the shape of the gradient");
    require(int(d_vectors.shape(0)) == rows.n_ids && int(d_vectors.shape(1)) == rows.dim && d_weights.size() == groups.size(),
            "gradients must be of the shapes of what they belong to");
    for (size_t g = 0; g < groups.size(); ++g) {
        for (size_t axis = 0; axis < 3; ++axis)
            require(d_weights[g].shape(axis) == weights[g].shape(axis), "gradients must be of the shapes of what they belong to");
        groups[g].d_weights = d_weights[g].data();
    }
    size_t column = 0;
    for (const Filters& group : groups) {
        for (size_t i = 0; i < d_best.shape(0); ++i)
            for (size_t f = 0; f < size_t(group.number); ++f)
                require(int(place.data()[i * d_best.shape(1) + column + f]) + group.width <= rows.length, "a window does not fit");
        column += size_t(group.number);
    }
    nb::gil_scoped_release free;
    char_filters_back(rows, groups.data(), int(groups.size()), d_best.data(), place.data(), d_vectors.data(), threads);
}

inline void bind_characters(nb::module_& m) {
    m.def("char_filters", &filters, "ids"_a.noconvert(), "starts"_a.noconvert(), "vectors"_a.noconvert(), "weights"_a,
          "best"_a.noconvert(), "place"_a.none(), "threads"_a,
          "The largest value of each filter in each word, and where; False: some number is not finite.");
    m.def("char_filters_back", &filters_back, "ids"_a.noconvert(), "starts"_a.noconvert(), "vectors"_a.noconvert(), "weights"_a,
          "d_best"_a.noconvert(), "place"_a.noconvert(), "d_vectors"_a.noconvert(), "d_weights"_a, "threads"_a,
          "The gradients of the characters' vectors and of the filters.");
}

}  // namespace firth::characters_binding
