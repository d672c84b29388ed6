#include "lbfgs.h"

#include <algorithm>
#include <vector>

#include "parallel.h"

namespace firth {
namespace {

constexpr std::size_t kBlock = 1 << 14;

template <class A, class B>
double product(const A* a, const B* b, std::size_t n) {
    double sums[4] = {0, 0, 0, 0};
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (std::size_t k = 0; k < 4; ++k) sums[k] += double(a[i + k]) * double(b[i + k]);
    for (; i < n; ++i) sums[0] += double(a[i]) * double(b[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The sum over all blocks of work(begin, length).
template <class Work>
double summed(std::size_t n, std::size_t threads, Work&& work) {
    std::vector<double> parts((n + kBlock - 1) / kBlock);
    parallel(threads, parts.size(), [&](std::size_t, std::size_t block) {
        const std::size_t begin = block * kBlock;
        parts[block] = work(begin, std::min(kBlock, n - begin));
    });
    double sum = 0.0;
    for (double part : parts) sum += part;
    return sum;
}

}  // namespace

double dot_in_blocks(const double* a, const double* b, std::size_t n, std::size_t threads) {
    return summed(n, threads, [&](std::size_t begin, std::size_t length) { return product(a + begin, b + begin, length); });
}

template <class T>
void lbfgs_direction(const CurvatureHistory<T>& history, double* direction, std::size_t n, std::size_t threads) {
    const std::size_t used = history.order.size();
    if (!used) return;
    const auto row = [&](const T* rows, std::size_t place) { return rows + std::size_t(history.order[place]) * n; };
    std::vector<double> factors(used);
    // Each pass adds the vector of the loop before and takes the product for the next, so memory is read once.
    double dot = summed(n, threads, [&](std::size_t at, std::size_t m) { return product(row(history.steps, used - 1) + at, direction + at, m); });
    for (std::size_t place = used; place-- > 0;) {
        const double factor = factors[place] = dot / history.products[history.order[place]];
        const T* change = row(history.changes, place);
        const T* next = place ? row(history.steps, place - 1) : nullptr;
        dot = summed(n, threads, [&](std::size_t at, std::size_t m) {
            for (std::size_t i = at; i < at + m; ++i) direction[i] -= factor * double(change[i]);
            return next ? product(next + at, direction + at, m) : 0.0;
        });
    }
    const T* newest = row(history.changes, used - 1);
    const double length = summed(n, threads, [&](std::size_t at, std::size_t m) { return product(newest + at, newest + at, m); });
    const double scale = history.products[history.order[used - 1]] / length;
    dot = summed(n, threads, [&](std::size_t at, std::size_t m) {
        for (std::size_t i = at; i < at + m; ++i) direction[i] *= scale;
        return product(row(history.changes, 0) + at, direction + at, m);
    });
    for (std::size_t place = 0; place < used; ++place) {
        const double factor = factors[place] - dot / history.products[history.order[place]];
        const T* step = row(history.steps, place);
        const T* next = place + 1 < used ? row(history.changes, place + 1) : nullptr;
        dot = summed(n, threads, [&](std::size_t at, std::size_t m) {
            for (std::size_t i = at; i < at + m; ++i) direction[i] += factor * double(step[i]);
            return next ? product(next + at, direction + at, m) : 0.0;
        });
    }
}

template void lbfgs_direction<float>(const CurvatureHistory<float>&, double*, std::size_t, std::size_t);
template void lbfgs_direction<double>(const CurvatureHistory<double>&, double*, std::size_t, std::size_t);

}  // namespace firth
