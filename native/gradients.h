// The kernels' gradients for plain matrices, in float and double: what the tests check against finite differences.
#pragma once
#include <algorithm>
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

// Matrices x (n x dim) and y (m x dim), seen and total (n x m): fills dx, dy and returns the loss.
template <class R>
double logistic_gradient(const R* x, const R* y, const R* seen, const R* total, int n, int m, int dim, R rate, R* dx, R* dy) {
    const int tile = tile_size(n), tiles = (m + kColumns - 1) / kColumns;
    PaddedRows<R> xs(x, n, dim), ys(y, m, dim), dxs(nullptr, n, dim, true), dys(nullptr, m, dim, true);
    PaddedRows<R> seens(nullptr, tiles, tile), totals(nullptr, tiles, tile), scratch(nullptr, 1, tile, true);
    for (int i = 0; i < n; ++i)
        for (int k = 0; k < m; ++k) {
            const size_t place = size_t(k / kColumns) * tile + i * kColumns + k % kColumns;
            seens.data()[place] = seen[size_t(i) * m + k];
            totals.data()[place] = total[size_t(i) * m + k];
        }
    const Group<R> g{xs.stride(),    n,    m,          xs.rows(), ys.rows(), seens.data(), totals.data(),
                     scratch.data(), rate, dxs.data(), dys.data()};
    double loss;
    if constexpr (sizeof(R) == 4) loss = kernels().step_f(g);
    else loss = kernels().step_d(g);
    dxs.copy_to(dx, n, dim), dys.copy_to(dy, m, dim);
    return loss;
}

// The full softmax: input i was seen with the targets seen[first[i] .. first[i + 1]).
template <class R>
double softmax_gradient(const R* x, const R* y, const int* first, const int* seen, int n, int m, int dim, R rate, R* dx, R* dy) {
    const int tile = tile_size(n), tiles = (m + kColumns - 1) / kColumns;
    PaddedRows<R> xs(x, n, dim), ys(y, m, dim), dxs(nullptr, n, dim, true), dys(nullptr, m, dim, true), scores(nullptr, tiles, tile, true);
    const Softmax<R> g{xs.stride(), n, m, xs.rows(), ys.rows(), first, seen, scores.data(), rate, dxs.data(), dys.data()};
    double loss;
    if constexpr (sizeof(R) == 4) loss = kernels().softmax_f(g);
    else loss = kernels().softmax_d(g);
    dxs.copy_to(dx, n, dim), dys.copy_to(dy, m, dim);
    return loss;
}

}  // namespace firth
