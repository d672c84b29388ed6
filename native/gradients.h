// The kernels' gradients for plain matrices, in float and double: what the tests check against finite differences.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "dispatch.h"
#include "kernels.h"

namespace firth {

// A copy of an n x dim matrix with padded, aligned rows; scratch begins as NaN, which memory may hold.
template <class R>
class PaddedRows {
public:
    PaddedRows(const R* values, int n, int dim, bool scratch = false) : stride_(padded(dim)), room_(size_t(n) * stride_ + 64) {
        void* start = room_.data();
        size_t space = room_.size() * sizeof(R);
        data_ = static_cast<R*>(std::align(64, size_t(n) * stride_ * sizeof(R), start, space));
        if (scratch) std::fill_n(data_, size_t(n) * stride_, std::numeric_limits<R>::quiet_NaN());
        for (int i = 0; i < n; ++i) {
            for (int c = 0; values && c < dim; ++c) data_[size_t(i) * stride_ + c] = values[size_t(i) * dim + c];
            rows_.push_back(data_ + size_t(i) * stride_);
        }
    }
    R* data() { return data_; }
    int stride() const { return stride_; }
    const R* const* rows() const { return rows_.data(); }
    void copy_to(R* values, int n, int dim) const {
        for (int i = 0; i < n; ++i)
            for (int c = 0; c < dim; ++c) values[size_t(i) * dim + c] = data_[size_t(i) * stride_ + c];
    }

private:
    int stride_;
    std::vector<R> room_;
    R* data_;
    std::vector<const R*> rows_;
};

// Rows and scratch of a step over matrices x (n x dim) and y (m x dim).
template <class R>
struct PlainGroup {
    PaddedRows<R> x, y, dx, dy, scratch;
    Group<R> group;
    PlainGroup(const R* x_, const R* y_, int n, int m, int dim, R rate)
        : x(x_, n, dim), y(y_, m, dim), dx(nullptr, n, dim, true), dy(nullptr, m, dim, true),
          scratch(nullptr, 1, int(tiles_size(n, m)), true),
          group{dim, x.stride(), n, m, x.rows(), y.rows(), scratch.data(), rate, dx.data(), dy.data()} {}
};

// The table's function for float or double.
template <class R, class F, class D>
auto of_kind(F of_float, D of_double) {
    if constexpr (sizeof(R) == 4) return of_float;
    else return of_double;
}

// Pairs seen and total (n x m): fills dx, dy and returns the loss.
template <class R>
double logistic_gradient(const R* x, const R* y, const R* seen, const R* total, int n, int m, int dim, R rate, R* dx, R* dy) {
    const int tile = tile_size(n), tiles = (m + kColumns - 1) / kColumns;
    PlainGroup<R> plain(x, y, n, m, dim, rate);
    PaddedRows<R> seens(nullptr, tiles, tile, true), totals(nullptr, tiles, tile, true);
    for (int k = 0; k < tiles * kColumns; ++k)  // rows past the last stay NaN: nothing may come of them
        for (int i = 0; i < n; ++i) {
            const size_t place = size_t(k / kColumns) * tile + i * kColumns + k % kColumns;
            seens.data()[place] = k < m ? seen[size_t(i) * m + k] : R(0);
            totals.data()[place] = k < m ? total[size_t(i) * m + k] : R(0);
        }
    const double loss =
        of_kind<R>(kernels().pairs_f, kernels().pairs_d)(plain.group, Pairs<R>{seens.data(), totals.data()});
    plain.dx.copy_to(dx, n, dim), plain.dy.copy_to(dy, m, dim);
    return loss;
}

// A path: every input meets every target, and has seen those whose code is 0.
template <class R>
double path_gradient(const R* x, const R* y, const uint8_t* codes, int n, int m, int dim, R rate, R* dx, R* dy) {
    PlainGroup<R> plain(x, y, n, m, dim, rate);
    std::vector<uint8_t> longer(codes, codes + m);
    longer.resize(m + 3, 7);
    double product = 1;
    const double rest = of_kind<R>(kernels().path_f, kernels().path_d)(plain.group, longer.data(), product);
    plain.dx.copy_to(dx, n, dim), plain.dy.copy_to(dy, m, dim);
    return rest + std::log(product);
}

// Input i was seen with target i and meets no other.
template <class R>
double own_gradient(const R* x, const R* y, int n, int dim, R rate, R* dx, R* dy) {
    PlainGroup<R> plain(x, y, n, n, dim, rate);
    std::fill_n(plain.dx.data(), size_t(n) * plain.dx.stride(), R(0));
    const double loss = of_kind<R>(kernels().own_f, kernels().own_d)(plain.group);
    plain.dx.copy_to(dx, n, dim), plain.dy.copy_to(dy, n, dim);
    return loss;
}

// The full softmax: input i was seen with the targets seen[first[i] .. first[i + 1]).
template <class R>
double softmax_gradient(const R* x, const R* y, const int* first, const int* seen, int n, int m, int dim, R rate, R* dx, R* dy) {
    const int tile = tile_size(n), tiles = (m + kColumns - 1) / kColumns;
    PaddedRows<R> xs(x, n, dim), ys(y, m, dim), dxs(nullptr, n, dim, true), dys(nullptr, m, dim, true), scores(nullptr, tiles, tile, true);
    const Softmax<R> g{dim, xs.stride(), n, m, xs.rows(), ys.rows(), first, seen, scores.data(), rate, dxs.data(), dys.data()};
    const double loss = of_kind<R>(kernels().softmax_f, kernels().softmax_d)(g);
    dxs.copy_to(dx, n, dim), dys.copy_to(dy, m, dim);
    return loss;
}

}  // namespace firth
