// Sparse matrix times dense block, the same bytes on any number of threads: each row of the result is one thread's,
// added up in the order of the columns.
#pragma once
#include <cstdint>
#include <span>

namespace firth {

struct SparseRows {
    std::span<const int64_t> starts;   // n_rows + 1
    std::span<const int32_t> columns;
    std::span<const float> values;
};

// out (n_rows x width) = a * x; x has a row of `width` numbers for each column of a.
void sparse_product(const SparseRows& a, const float* x, int width, float* out, std::size_t threads);

}  // namespace firth
