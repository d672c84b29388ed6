// The part of the binding that is GloVe's; included by bind.cpp alone.
#pragma once
#include <memory>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "dispatch.h"
#include "glove.h"
#include "kernels.h"
#include "tiles.h"

namespace firth::glove_binding {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
using Array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Room = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Records = nb::ndarray<T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

inline void require(bool right, const char* message) {
    if (!right) throw nb::value_error(message);
}

// The bounds of blocks: from 0 to the number of words, each of 1 to 65536.
inline void check_blocks(const Array<int32_t>& first, int64_t n_words) {
    require(first.shape(0) >= 2 && first.shape(0) <= 65537, "there must be 1 to 65536 blocks");
    const size_t blocks = first.shape(0) - 1;
    require(first.data()[0] == 0 && first.data()[blocks] == n_words, "the blocks must hold all words");
    for (size_t i = 0; i < blocks; ++i)
        require(first.data()[i] < first.data()[i + 1] && first.data()[i + 1] - first.data()[i] <= 65536, "a block holds 1 to 65536 words");
}

inline bool permutation(const Array<int32_t>& order) {
    std::vector<bool> seen(order.shape(0));
    for (size_t i = 0; i < seen.size(); ++i) {
        const int32_t value = order.data()[i];
        if (value < 0 || size_t(value) >= seen.size() || seen[value]) return false;
        seen[value] = true;
    }
    return true;
}

template <class Value>
int64_t cut_matrix(Array<int64_t> indptr, Array<int32_t> indices, Array<Value> values, Array<int32_t> first,
                   Array<int32_t> row_words, Array<int32_t> column_places, int stripe, int run, double x_max, double alpha,
                   int threads, Room<int64_t> begin, Room<uint8_t> entries) {
    const size_t n = row_words.shape(0), blocks = first.shape(0) - 1, pairs = indices.shape(0);
    check_blocks(first, int64_t(n));
    require(indptr.shape(0) == n + 1 && column_places.shape(0) == n && values.shape(0) == pairs, "shapes do not fit");
    require(stripe >= 1 && run >= 1 && threads >= 1 && x_max > 0, "stripe, run, threads and x_max must be positive");
    int32_t largest = 0;
    for (size_t i = 0; i < blocks; ++i) largest = std::max(largest, first.data()[i + 1] - first.data()[i]);
    const Cut cut{int32_t(n), int(blocks), first.data(), stripe, (largest + stripe - 1) / stripe, run,
                  row_words.data(), column_places.data()};
    require(begin.shape(0) == size_t(cut.tiles()) * cut.stripes + 1, "begin has the wrong length");
    require(entries.shape(0) == pairs * sizeof(Entry), "entries has the wrong length");
    require(permutation(row_words) && permutation(column_places), "an order of the words must hold each once");
    require(indptr.data()[0] == 0 && indptr.data()[n] == int64_t(pairs), "indptr must span the entries");
    nb::gil_scoped_release free;
    for (size_t i = 0; i < n; ++i)
        if (indptr.data()[i] > indptr.data()[i + 1]) throw std::invalid_argument("indptr must not fall");
    for (size_t i = 0; i < pairs; ++i)
        if (uint32_t(indices.data()[i]) >= n) throw std::invalid_argument("an index is no word");
    return cut_into_tiles<Value>({indptr.data(), indices.data(), values.data()}, cut, x_max, alpha, threads, begin.data(),
                                 reinterpret_cast<Entry*>(entries.data()));
}

// Owns nothing but references: the arrays live as long as the trainer.
struct PyGlove {
    std::vector<nb::object> kept;
    std::unique_ptr<GloveTrainer> trainer;
};

inline void make_glove(PyGlove* self, Array<uint8_t> entries, Array<int64_t> begin, Array<int32_t> first,
                       Records<float> rows, Records<float> columns, float rate, uint64_t seed) {
    new (self) PyGlove();
    const size_t n = rows.shape(0), blocks = first.shape(0) - 1, width = rows.shape(2);
    check_blocks(first, int64_t(n));
    for (const Records<float>& side : {rows, columns}) {
        require(side.shape(0) == n && side.shape(1) == 2 && side.shape(2) == width && width % kRecord == 0 && width > 0,
                "the records have the wrong shape");
        require(reinterpret_cast<uintptr_t>(side.data()) % 64 == 0, "records must be aligned to 64 bytes");
    }
    require(begin.shape(0) > 1 && (begin.shape(0) - 1) % (blocks * blocks) == 0, "begin has the wrong length");
    const int stripes = int((begin.shape(0) - 1) / (blocks * blocks));
    require(begin.data()[0] == 0 && size_t(begin.data()[begin.shape(0) - 1]) * sizeof(Entry) == entries.shape(0), "begin must span the entries");
    const auto* given = reinterpret_cast<const Entry*>(entries.data());
    for (size_t i = 0; i + 1 < begin.shape(0); ++i) {
        require(begin.data()[i] <= begin.data()[i + 1], "begin must not fall");
        const size_t tile = i / stripes, row_block = tile / blocks, column_block = tile % blocks;
        const int32_t n_rows = first.data()[row_block + 1] - first.data()[row_block];
        const int32_t n_columns = first.data()[column_block + 1] - first.data()[column_block];
        for (int64_t at = begin.data()[i]; at < begin.data()[i + 1]; ++at)
            require(given[at].row < n_rows && given[at].column < n_columns, "an entry lies outside its tile");
    }
    for (nb::object array : {nb::cast(entries), nb::cast(begin), nb::cast(first), nb::cast(rows), nb::cast(columns)})
        self->kept.push_back(array);
    self->trainer = std::make_unique<GloveTrainer>(GloveTask{given, begin.data(), first.data(), int(blocks), stripes,
                                                             rows.data(), columns.data(), int(width), rate, seed});
}

// One entry after the other on records of their own: what the tests check against finite differences.
template <class R>
double glove_steps(Array<uint8_t> entries, Records<R> rows, Records<R> columns, R rate) {
    const size_t n = entries.shape(0) / sizeof(Entry), width = rows.shape(2);
    require(entries.shape(0) % sizeof(Entry) == 0 && rows.shape(1) == 2 && columns.shape(1) == 2 && width > 0, "shapes do not fit");
    require(columns.shape(2) == width && width % kRecord == 0, "shapes do not fit");
    const auto* given = reinterpret_cast<const Entry*>(entries.data());
    for (size_t i = 0; i < n; ++i)
        require(given[i].row < rows.shape(0) && given[i].column < columns.shape(0), "an entry lies outside the records");
    const Stripe<R> stripe{given, int64_t(n), rows.data(), columns.data(), int(width), rate};
    if constexpr (sizeof(R) == 4) return kernels().glove_f(stripe);
    else return kernels().glove_d(stripe);
}

inline void bind_glove(nb::module_& m) {
    nb::class_<PyGlove>(m, "GloveTrainer")
        .def("__init__", &make_glove, "entries"_a, "begin"_a, "first"_a, "rows"_a.noconvert(),
             "columns"_a.noconvert(), "rate"_a, "seed"_a)
        .def_prop_ro("rounds_per_epoch", [](PyGlove& self) { return self.trainer->rounds_per_epoch(); })
        .def_prop_ro("round", [](PyGlove& self) { return self.trainer->round(); })
        .def_prop_ro("loss", [](PyGlove& self) { return self.trainer->loss(); })
        .def_prop_ro("pairs", [](PyGlove& self) { return self.trainer->pairs(); })
        .def("seek", [](PyGlove& self, int64_t round, double loss, int64_t pairs) {
            require(round >= 0 && pairs >= 0, "no such place");
            self.trainer->seek(round, loss, pairs);
        }, "round"_a, "loss"_a, "pairs"_a)
        .def("run", [](PyGlove& self, int64_t count, int threads) {
            const int64_t rounds = self.trainer->rounds_per_epoch();
            require(count >= 1 && threads >= 1 && self.trainer->round() % rounds + count <= rounds, "no such rounds");
            nb::gil_scoped_release free;
            self.trainer->run(count, threads);
        }, "count"_a, "threads"_a);
    auto cut = [&]<class Value>(Value) {
        m.def("cut_into_tiles", &cut_matrix<Value>, "indptr"_a, "indices"_a, "values"_a.noconvert(), "first"_a, "row_words"_a,
              "column_places"_a, "stripe"_a, "run"_a, "x_max"_a, "alpha"_a, "threads"_a, "begin"_a.noconvert(),
              "entries"_a.noconvert());
    };
    cut(float()), cut(double());
    m.def("glove_steps", &glove_steps<float>, "entries"_a, "rows"_a.noconvert(), "columns"_a.noconvert(), "rate"_a);
    m.def("glove_steps", &glove_steps<double>, "entries"_a, "rows"_a.noconvert(), "columns"_a.noconvert(), "rate"_a);
}

}  // namespace firth::glove_binding
