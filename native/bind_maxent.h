// The part of the module that serves log-linear models; bind.cpp includes it.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <limits>
#include <span>
#include <vector>

#include "exchange.h"
#include "lbfgs.h"
#include "maxent.h"

namespace firth::maxent_binding {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
using Array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Room = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline void require(bool right, const char* message) {
    if (!right) throw nb::value_error(message);
}

template <class T>
std::span<const T> view(const Array<T>& array) {
    return {array.data(), array.shape(0)};
}

inline void check_bounds(std::span<const int64_t> bounds, int64_t begin, int64_t end, const char* message) {
    require(!bounds.empty() && bounds.front() == begin && bounds.back() == end, message);
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) require(bounds[i] <= bounds[i + 1], message);
}

// A tree that passes holds no place outside its arrays. Kept with the arrays that it looks at.
struct PyTree {
    std::vector<nb::object> kept;
    ContextTree tree;
};

inline void make_tree(PyTree* self, Array<int64_t> levels, Array<int64_t> children, Array<int64_t> first,
                      Array<int32_t> target, Array<int32_t> symbol) {
    new (self) PyTree();
    const auto nodes = int64_t(symbol.shape(0));
    require(levels.shape(0) >= 2 && children.shape(0) == size_t(nodes) + 1 && first.shape(0) == size_t(nodes) + 1, "shapes do not fit");
    require(target.shape(0) < size_t(std::numeric_limits<int32_t>::max()), "there are too many features");
    check_bounds(view(levels), 0, nodes, "the levels do not hold the nodes");
    check_bounds(view(first), 0, int64_t(target.shape(0)), "the nodes do not hold the features");
    check_bounds(view(children), levels.data()[1], nodes, "the children are not the nodes below the roots");
    for (size_t level = 0; level + 1 < levels.shape(0); ++level) {
        const int64_t begin = levels.data()[level], end = levels.data()[level + 1];
        require(children.data()[begin] == end, "children do not stand in the next level");
    }
    for (nb::object array : {nb::cast(levels), nb::cast(children), nb::cast(first), nb::cast(target), nb::cast(symbol)})
        self->kept.push_back(array);
    self->tree = {view(levels), view(children), view(first), view(target), view(symbol)};
}

inline Examples examples_of(const PyTree& self, const Array<int64_t>& ended, const Array<int32_t>& above) {
    require(ended.shape(0) == self.tree.symbol.size() && above.shape(0) == self.tree.target.size(), "shapes do not fit");
    return {view(ended), view(above)};
}

inline double forward(const PyTree& self, Array<int64_t> ended, Array<int32_t> above, Array<double> weights,
                      Room<double> scores, Room<double> sums, int threads) {
    const Examples examples = examples_of(self, ended, above);
    const size_t features = self.tree.target.size(), nodes = self.tree.symbol.size();
    require(weights.shape(0) == features && scores.shape(0) == features && sums.shape(0) == nodes && threads >= 1, "shapes do not fit");
    const auto from = size_t(self.tree.first[size_t(self.tree.levels[1])]);
    for (size_t f = from; f < features; ++f) require(above.data()[f] >= 0 && size_t(above.data()[f]) < f, "a feature has none above");
    nb::gil_scoped_release free;
    return maxent_forward(self.tree, examples, weights.data(), scores.data(), sums.data(), size_t(threads));
}

inline void backward(const PyTree& self, Array<int64_t> ended, Array<int32_t> above, Array<double> scores,
                     Array<double> sums, Room<double> mass, Room<double> expected, int threads) {
    const Examples examples = examples_of(self, ended, above);
    const size_t features = self.tree.target.size(), nodes = self.tree.symbol.size();
    require(scores.shape(0) == features && expected.shape(0) == features && threads >= 1, "shapes do not fit");
    require(sums.shape(0) == nodes && mass.shape(0) == nodes, "shapes do not fit");
    const auto from = size_t(self.tree.first[size_t(self.tree.levels[1])]);
    for (size_t f = from; f < features; ++f) require(above.data()[f] >= 0 && size_t(above.data()[f]) < f, "a feature has none above");
    nb::gil_scoped_release free;
    maxent_backward(self.tree, examples, scores.data(), sums.data(), mass.data(), expected.data(), size_t(threads));
}

inline void score(const PyTree& self, Array<float> log_scores, Array<double> log_sums,
                  nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu> contexts, Array<int32_t> targets,
                  Room<double> out, int threads) {
    require(log_scores.shape(0) == self.tree.target.size() && log_sums.shape(0) == self.tree.symbol.size(), "shapes do not fit");
    require(contexts.shape(0) == targets.shape(0) && out.shape(0) == targets.shape(0) && threads >= 1, "shapes do not fit");
    nb::gil_scoped_release free;
    maxent_score({self.tree, view(log_scores), view(log_sums)}, contexts.data(), contexts.shape(1), targets.data(),
                 targets.shape(0), out.data(), size_t(threads));
}

inline int64_t exchange(Array<int32_t> left, Array<int32_t> right, Array<int64_t> count, Room<int32_t> classes, int n_classes,
                        int64_t movable, int sweeps) {
    require(left.shape(0) == right.shape(0) && left.shape(0) == count.shape(0), "shapes do not fit");
    require(n_classes >= 1 && n_classes < 1 << 14 && sweeps >= 0 && classes.shape(0) && movable >= 0 && size_t(movable) <= classes.shape(0), "no such classes");
    for (size_t i = 0; i < left.shape(0); ++i)
        require(left.data()[i] >= 0 && right.data()[i] >= 0 && size_t(left.data()[i]) < classes.shape(0) &&
                size_t(right.data()[i]) < classes.shape(0) && count.data()[i] > 0, "a bigram is none");
    for (size_t i = 0; i < classes.shape(0); ++i)
        require(classes.data()[i] >= 0 && classes.data()[i] < (int64_t(i) < movable ? n_classes : 1 << 14), "a class is none");
    nb::gil_scoped_release free;
    return exchange_classes({view(left), view(right), view(count)}, {classes.data(), classes.shape(0)}, n_classes,
                            size_t(movable), sweeps);
}

template <class T>
void direct(nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu> steps,
            nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu> changes, Array<double> products,
            Array<int32_t> order, Room<double> direction, int threads) {
    const size_t rows = steps.shape(0), n = direction.shape(0);
    require(changes.shape(0) == rows && products.shape(0) == rows && steps.shape(1) == n && changes.shape(1) == n && threads >= 1,
            "shapes do not fit");
    for (size_t i = 0; i < order.shape(0); ++i)
        require(order.data()[i] >= 0 && size_t(order.data()[i]) < rows, "a row is none");
    nb::gil_scoped_release free;
    lbfgs_direction<T>({steps.data(), changes.data(), products.data(), view(order)}, direction.data(), n, size_t(threads));
}

inline double dot(Array<double> a, Array<double> b, int threads) {
    require(a.shape(0) == b.shape(0) && threads >= 1, "shapes do not fit");
    nb::gil_scoped_release free;
    return dot_in_blocks(a.data(), b.data(), a.shape(0), size_t(threads));
}

inline void bind_maxent(nb::module_& m) {
    nb::class_<PyTree>(m, "ContextTree")
        .def("__init__", &make_tree, "levels"_a.noconvert(), "children"_a.noconvert(), "first"_a.noconvert(),
             "target"_a.noconvert(), "symbol"_a.noconvert())
        .def("forward", &forward, "ended"_a, "above"_a, "weights"_a.noconvert(), "scores"_a.noconvert(),
             "sums"_a.noconvert(), "threads"_a)
        .def("backward", &backward, "ended"_a, "above"_a, "scores"_a.noconvert(), "sums"_a.noconvert(),
             "mass"_a.noconvert(), "expected"_a.noconvert(), "threads"_a)
        .def("score", &score, "log_scores"_a.noconvert(), "log_sums"_a.noconvert(), "contexts"_a, "targets"_a,
             "out"_a.noconvert(), "threads"_a);
    m.def("dot_in_blocks", &dot, "a"_a.noconvert(), "b"_a.noconvert(), "threads"_a);
    m.def("lbfgs_direction", &direct<float>, "steps"_a.noconvert(), "changes"_a.noconvert(), "products"_a, "order"_a,
          "direction"_a.noconvert(), "threads"_a);
    m.def("lbfgs_direction", &direct<double>, "steps"_a.noconvert(), "changes"_a.noconvert(), "products"_a, "order"_a,
          "direction"_a.noconvert(), "threads"_a);
    m.def("exchange_classes", &exchange, "left"_a, "right"_a, "count"_a, "classes"_a.noconvert(), "n_classes"_a, "movable"_a,
          "sweeps"_a);
}

}  // namespace firth::maxent_binding
