// The training part of the binding; included by bind.cpp alone.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include "gradients.h"
#include "kernels.h"
#include "word2vec.h"

namespace firth::training_binding {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
using Array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

void require(bool right, const char* message) {
    if (!right) throw nb::value_error(message);
}

// Owns nothing but references: the arrays live as long as the trainer.
struct PyWord2Vec {
    std::vector<nb::object> kept;
    std::unique_ptr<Word2VecTrainer> trainer;
};

template <class T>
const T* column(PyWord2Vec& self, nb::object value, const char* name, size_t least) {
    if (value.is_none()) return nullptr;
    auto array = nb::cast<Array<T>>(value);
    if (array.shape(0) < least) throw nb::value_error((std::string(name) + " is too short").c_str());
    self.kept.push_back(nb::cast(array));  // what the pointer is into, should the cast have made a copy
    return array.data();
}

float* matrix(PyWord2Vec& self, nb::object value, size_t rows, int stride) {
    auto array = nb::cast<Rows>(value);
    require(array.shape(0) == rows && array.shape(1) == size_t(stride), "a matrix has the wrong shape");
    require(reinterpret_cast<uintptr_t>(array.data()) % 64 == 0, "a matrix must be aligned to 64 bytes");
    self.kept.push_back(value);
    return array.data();
}

void make_word2vec(PyWord2Vec* self, nb::dict a) {
    new (self) PyWord2Vec();
    auto integer = [&](const char* name) { return nb::cast<int64_t>(a[name]); };
    auto real = [&](const char* name) { return nb::cast<float>(a[name]); };
    Word2VecTask t{};
    auto ids = nb::cast<Array<int32_t>>(a["ids"]);
    auto ends = nb::cast<Array<int64_t>>(a["ends"]);
    t.n_tokens = int64_t(ids.shape(0)), t.n_sentences = int64_t(ends.shape(0));
    require(t.n_tokens == (t.n_sentences ? ends.data()[t.n_sentences - 1] : 0), "the last sentence must end at the last token");
    t.ids = column<int32_t>(*self, a["ids"], "ids", 0);
    t.ends = column<int64_t>(*self, a["ends"], "ends", 0);
    t.row_of = column<int32_t>(*self, a["row_of"], "row_of", 0);
    t.n_types = t.row_of ? int64_t(nb::cast<Array<int32_t>>(a["row_of"]).shape(0)) : 0;
    t.keep = column<uint32_t>(*self, a["keep"], "keep", 0);
    t.n_words = int32_t(integer("n_words"));
    require(nb::cast<Array<uint32_t>>(a["keep"]).shape(0) == size_t(t.n_words), "keep needs a number per word");
    t.dim = int(integer("dim")), t.stride = padded(t.dim);
    t.n_outputs = int32_t(integer("n_outputs"));
    t.part_first = column<int64_t>(*self, a["part_first"], "part_first", size_t(t.n_words) + 1);
    const size_t parts = t.part_first ? size_t(t.part_first[t.n_words]) : 0;
    t.part_row = column<int32_t>(*self, a["part_row"], "part_row", parts);
    const size_t n_inputs = t.part_first ? nb::cast<Rows>(a["input"]).shape(0) : size_t(t.n_words);
    t.n_input_rows = int64_t(n_inputs);
    for (size_t i = 0; i < parts; ++i) require(size_t(t.part_row[i]) < n_inputs, "a part of a word has no row");
    for (int32_t w = 0; t.part_first && w < t.n_words; ++w) require(t.part_first[w] < t.part_first[w + 1], "a word has no row");
    t.input = matrix(*self, a["input"], n_inputs, t.stride);
    t.output = matrix(*self, a["output"], size_t(t.n_outputs), t.stride);
    if (!a["positions"].is_none()) t.positions = matrix(*self, a["positions"], size_t(2 * integer("window") + 1), t.stride);
    t.frozen = column<uint8_t>(*self, a["frozen"], "frozen", size_t(t.n_words));
    t.architecture = Architecture(integer("architecture"));
    t.loss = Loss(integer("loss"));
    t.context = Context(integer("context"));
    t.window = int(integer("window")), t.dynamic_window = nb::cast<bool>(a["dynamic_window"]);
    t.negative = int(integer("negative"));
    t.noise = {column<uint32_t>(*self, a["noise_keep"], "noise_keep", size_t(t.n_words)),
               column<int32_t>(*self, a["noise_other"], "noise_other", size_t(t.n_words)), uint32_t(t.n_words)};
    t.path_first = column<int64_t>(*self, a["path_first"], "path_first", size_t(t.n_words) + 1);
    const size_t nodes = t.path_first ? size_t(t.path_first[t.n_words]) : 0;
    t.path_node = column<int32_t>(*self, a["path_node"], "path_node", nodes);
    t.path_code = column<uint8_t>(*self, a["path_code"], "path_code", nodes + 3);  // the kernel reads so far
    t.epochs = int(integer("epochs")), t.rate = real("rate"), t.last_rate = real("last_rate");
    t.seed = uint64_t(integer("seed"));
    t.deterministic = nb::cast<bool>(a["deterministic"]), t.update = nb::cast<bool>(a["update"]);
    t.block_words = int(integer("block_words")), t.blocks_per_round = int(integer("blocks_per_round"));
    t.group = int(integer("group")), t.pool = int(integer("pool")), t.pull = real("pull");
    require(t.blocks_per_round >= 1 && t.blocks_per_round <= 64 && t.block_words >= 1, "a round has 1 to 64 blocks of 1 word or more");
    require(t.loss != Loss::kHierarchical || t.group == 1, "the hierarchical softmax takes one centre word at a time");
    require(t.window >= 1 && t.group >= 1 && t.pool >= 1 && t.epochs >= 1, "window, group, pool and epochs must be positive");
    self->trainer = std::make_unique<Word2VecTrainer>(t);
}

template <class R>
using Matrix = nb::ndarray<const R, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

template <class R>
nb::object new_matrix(size_t n, size_t dim, R** data) {
    *data = new R[n * dim]();
    nb::capsule owner(*data, [](void* p) noexcept { delete[] static_cast<R*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, R, nb::ndim<2>>(*data, {n, dim}, owner));
}

template <class R>
nb::tuple logistic_step(Matrix<R> x, Matrix<R> y, Matrix<R> seen, Matrix<R> total, R rate) {
    const size_t n = x.shape(0), m = y.shape(0), dim = x.shape(1);
    require(n && m && dim && y.shape(1) == dim, "shapes do not fit");
    for (const Matrix<R>& pairs : {seen, total})
        require(pairs.shape(0) == n && pairs.shape(1) == m, "shapes do not fit");
    R *dx, *dy;
    nb::object changes = new_matrix(n, dim, &dx), targets = new_matrix(m, dim, &dy);
    const double loss = logistic_gradient(x.data(), y.data(), seen.data(), total.data(), int(n), int(m),
                                          int(dim), rate, dx, dy);
    return nb::make_tuple(changes, targets, loss);
}

template <class R>
nb::tuple path_step(Matrix<R> x, Matrix<R> y, Array<uint8_t> codes, R rate) {
    const size_t n = x.shape(0), m = y.shape(0), dim = x.shape(1);
    require(n && m && dim && y.shape(1) == dim && codes.shape(0) == m, "shapes do not fit");
    R *dx, *dy;
    nb::object changes = new_matrix(n, dim, &dx), targets = new_matrix(m, dim, &dy);
    const double loss = path_gradient(x.data(), y.data(), codes.data(), int(n), int(m), int(dim), rate, dx, dy);
    return nb::make_tuple(changes, targets, loss);
}

template <class R>
nb::tuple own_step(Matrix<R> x, Matrix<R> y, R rate) {
    const size_t n = x.shape(0), dim = x.shape(1);
    require(n && dim && y.shape(0) == n && y.shape(1) == dim, "shapes do not fit");
    R *dx, *dy;
    nb::object changes = new_matrix(n, dim, &dx), targets = new_matrix(n, dim, &dy);
    const double loss = own_gradient(x.data(), y.data(), int(n), int(dim), rate, dx, dy);
    return nb::make_tuple(changes, targets, loss);
}

template <class R>
nb::tuple softmax_step(Matrix<R> x, Matrix<R> y, Matrix<int32_t> times, R rate) {
    const size_t n = x.shape(0), m = y.shape(0), dim = x.shape(1);
    require(n && m && dim && y.shape(1) == dim && times.shape(0) == n && times.shape(1) == m, "shapes do not fit");
    std::vector<int> first{0}, seen;
    for (size_t i = 0; i < n; ++i) {
        for (size_t k = 0; k < m; ++k) seen.insert(seen.end(), size_t(times.data()[i * m + k]), int(k));
        first.push_back(int(seen.size()));
    }
    R *dx, *dy;
    nb::object changes = new_matrix(n, dim, &dx), targets = new_matrix(m, dim, &dy);
    const double loss = softmax_gradient(x.data(), y.data(), first.data(), seen.data(), int(n), int(m), int(dim), rate, dx, dy);
    return nb::make_tuple(changes, targets, loss);
}

inline void bind_training(nb::module_& m) {
    nb::class_<PyWord2Vec>(m, "Word2VecTrainer")
        .def("__init__", &make_word2vec, "task"_a)
        .def_prop_ro("rounds_per_epoch", [](PyWord2Vec& self) { return self.trainer->rounds_per_epoch(); })
        .def_prop_ro("round", [](PyWord2Vec& self) { return self.trainer->round(); })
        .def_prop_ro("loss", [](PyWord2Vec& self) { return self.trainer->tally().loss; })
        .def_prop_ro("pairs", [](PyWord2Vec& self) { return self.trainer->tally().pairs; })
        .def("seek", [](PyWord2Vec& self, int64_t round, double loss, int64_t pairs) {
            require(round >= 0 && pairs >= 0, "no such place");
            self.trainer->seek(round, {loss, pairs});
        }, "round"_a, "loss"_a, "pairs"_a)
        .def("run", [](PyWord2Vec& self, int64_t count, int threads) {
            const int64_t rounds = self.trainer->rounds_per_epoch();
            require(rounds >= 1 && count >= 1 && threads >= 1 && self.trainer->round() % rounds + count <= rounds, "no such rounds");
            nb::gil_scoped_release free;
            self.trainer->run(count, threads);
        }, "count"_a, "threads"_a);
    m.def("init_rows", [](Rows rows, int64_t first, int dim, uint64_t seed) {
        nb::gil_scoped_release free;
        init_rows(rows.data(), first, int64_t(rows.shape(0)), dim, int(rows.shape(1)), seed);
    }, "rows"_a, "first"_a, "dim"_a, "seed"_a);
    m.def("logistic_step", &logistic_step<float>, "x"_a.noconvert(), "y"_a.noconvert(), "seen"_a.noconvert(),
          "total"_a.noconvert(), "rate"_a);
    m.def("logistic_step", &logistic_step<double>, "x"_a.noconvert(), "y"_a.noconvert(), "seen"_a.noconvert(),
          "total"_a.noconvert(), "rate"_a);
    m.def("path_step", &path_step<float>, "x"_a.noconvert(), "y"_a.noconvert(), "codes"_a, "rate"_a);
    m.def("path_step", &path_step<double>, "x"_a.noconvert(), "y"_a.noconvert(), "codes"_a, "rate"_a);
    m.def("own_step", &own_step<float>, "x"_a.noconvert(), "y"_a.noconvert(), "rate"_a);
    m.def("own_step", &own_step<double>, "x"_a.noconvert(), "y"_a.noconvert(), "rate"_a);
    m.def("softmax_step", &softmax_step<float>, "x"_a.noconvert(), "y"_a.noconvert(), "times"_a, "rate"_a);
    m.def("softmax_step", &softmax_step<double>, "x"_a.noconvert(), "y"_a.noconvert(), "times"_a, "rate"_a);
}

}  // namespace firth::training_binding
