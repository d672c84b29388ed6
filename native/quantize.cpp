#include "quantize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "dispatch.h"
#include "kernels.h"
#include "parallel.h"
#include "private_rows.h"
#include "sampling.h"

namespace firth {

namespace {

constexpr size_t kMany = 256;

// The centroids of one piece, dimension by dimension, as the kernel reads them.
class Columns {
public:
    explicit Columns(int d) : d_(d), columns_(aligned_floats(kMany * size_t(d))) {}
    const float* of(const float* centroids, int dsub) {
        for (size_t k = 0; k < kMany; ++k)
            for (int c = 0; c < d_; ++c) columns_[size_t(c) * kMany + k] = centroids[k * size_t(dsub) + size_t(c)];
        return columns_.get();
    }

private:
    int d_;
    AlignedFloats columns_;
};

// A centroid that lost all its points takes half of those of the largest, a hair's breadth beside it.
void refill(std::vector<int64_t>& sizes, float* centroids, int d, int dsub) {
    for (size_t k = 0; k < kMany; ++k) {
        if (sizes[k]) continue;
        const size_t largest = size_t(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
        for (int c = 0; c < d; ++c) {
            const float value = centroids[largest * size_t(dsub) + size_t(c)];
            const float hair = (c % 2 ? 1.0f : -1.0f) * std::max(1e-7f, std::abs(value) * 1e-6f);
            centroids[k * size_t(dsub) + size_t(c)] = value + hair;
            centroids[largest * size_t(dsub) + size_t(c)] = value - hair;
        }
        sizes[k] = sizes[largest] / 2, sizes[largest] -= sizes[k];
    }
}

// The means of the points of each code, summed in double.
void move(const float* points, size_t n, int d, const uint8_t* codes, int dsub, float* centroids) {
    std::vector<double> sums(kMany * size_t(d), 0.0);
    std::vector<int64_t> sizes(kMany, 0);
    for (size_t i = 0; i < n; ++i) {
        for (int c = 0; c < d; ++c) sums[size_t(codes[i]) * size_t(d) + size_t(c)] += double(points[i * size_t(d) + size_t(c)]);
        ++sizes[codes[i]];
    }
    for (size_t k = 0; k < kMany; ++k)
        for (int c = 0; sizes[k] && c < d; ++c)
            centroids[k * size_t(dsub) + size_t(c)] = float(sums[k * size_t(d) + size_t(c)] / double(sizes[k]));
    refill(sizes, centroids, d, dsub);
}

void fit_piece(const std::vector<float>& points, size_t n, int d, uint64_t key, int iterations, int dsub, float* centroids) {
    std::vector<uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    Random random(key);
    for (size_t k = 0; k < kMany; ++k) {  // 256 different points to begin with, or all where there are fewer
        if (k < n) std::swap(order[k], order[k + random.below(uint32_t(n - k))]);
        const float* point = points.data() + size_t(order[std::min(k, n - 1)]) * size_t(d);
        std::copy_n(point, d, centroids + k * size_t(dsub));
    }
    if (n <= kMany) return;
    Columns columns(d);
    std::vector<uint8_t> codes(n), before;
    for (int i = 0; i < iterations; ++i) {
        kernels().nearest({points.data(), n, size_t(d), d, columns.of(centroids, dsub), codes.data(), 1});
        if (codes == before) return;
        move(points.data(), n, d, codes.data(), dsub, centroids);
        before = codes;
    }
}

}  // namespace

void fit_centroids(const float* rows, size_t n, Pieces pieces, uint64_t seed, int iterations, int threads, float* centroids) {
    const uint64_t key = stream_key(seed, Stream::kInit, 1);
    parallel(size_t(threads), size_t(pieces.count()), [&](size_t, size_t piece) {
        const int d = pieces.length(int(piece));
        std::vector<float> points(n * size_t(d));
        for (size_t i = 0; i < n; ++i)
            std::copy_n(rows + i * size_t(pieces.dim) + piece * size_t(pieces.dsub), d, points.data() + i * size_t(d));
        float* own = centroids + piece * kMany * size_t(pieces.dsub);
        std::fill_n(own, kMany * size_t(pieces.dsub), 0.0f);
        fit_piece(points, n, d, random_at(key, piece), iterations, pieces.dsub, own);
    });
}

void encode_rows(const float* rows, size_t n, Pieces pieces, const float* centroids, int threads, uint8_t* codes) {
    constexpr size_t kBlock = 4096;
    const size_t count = size_t(pieces.count());
    std::vector<AlignedFloats> columns;
    for (size_t piece = 0; piece < count; ++piece) {
        const int d = pieces.length(int(piece));
        columns.push_back(aligned_floats(kMany * size_t(d)));
        const float* own = centroids + piece * kMany * size_t(pieces.dsub);
        for (size_t k = 0; k < kMany; ++k)
            for (int c = 0; c < d; ++c) columns.back()[size_t(c) * kMany + k] = own[k * size_t(pieces.dsub) + size_t(c)];
    }
    parallel(size_t(threads), (n + kBlock - 1) / kBlock, [&](size_t, size_t block) {
        const size_t first = block * kBlock, rest = std::min(kBlock, n - first);
        for (size_t piece = 0; piece < count; ++piece)
            kernels().nearest({rows + first * size_t(pieces.dim) + piece * size_t(pieces.dsub), rest, size_t(pieces.dim),
                               pieces.length(int(piece)), columns[piece].get(), codes + first * count + piece, count});
    });
}

}  // namespace firth
