// The two loops of limited-memory BFGS (Nocedal and Wright 2006, algorithm 7.4), the same bytes on any number of threads:
// sums are taken over fixed blocks, in the order of the blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace firth {

double dot_in_blocks(const double* a, const double* b, std::size_t n, std::size_t threads);

template <class T>
struct CurvatureHistory {
    const T* steps;    // rows of n: differences of weights
    const T* changes;  // rows of n: differences of gradients
    const double* products;           // of the two, by row
    std::span<const int32_t> order;   // the rows in use, the oldest first
};

// direction (n) becomes the inverse curvature times what it was.
template <class T>
void lbfgs_direction(const CurvatureHistory<T>& history, double* direction, std::size_t n, std::size_t threads);

}  // namespace firth
