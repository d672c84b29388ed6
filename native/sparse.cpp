#include "sparse.h"

#include <algorithm>

#include "dispatch.h"
#include "kernels.h"
#include "parallel.h"

namespace firth {

void sparse_product(const SparseRows& a, const float* x, int width, float* out, std::size_t threads) {
    const std::size_t rows = a.starts.size() - 1, pairs = a.columns.size();
    const auto row_at = [&](std::size_t share, std::size_t shares) {  // cuts with about as many pairs between them
        const auto found = std::lower_bound(a.starts.begin(), a.starts.end(), int64_t(pairs * share / shares));
        return std::min<std::size_t>(std::size_t(found - a.starts.begin()), rows);
    };
    const std::size_t shares = threads * 16;
    const auto add = kernels().add_scaled;
    parallel(threads, shares, [&](std::size_t, std::size_t share) {
        const std::size_t last = share + 1 == shares ? rows : row_at(share + 1, shares);
        for (std::size_t row = share ? row_at(share, shares) : 0; row < last; ++row) {
            const int64_t begin = a.starts[row], n = a.starts[row + 1] - begin;
            add(out + row * std::size_t(width), x, width, a.columns.data() + begin, a.values.data() + begin, n);
        }
    });
}

}  // namespace firth
