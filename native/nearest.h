// The nearest of 256 centroids to each of many short points: the inner loop of product quantisation.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace firth {
namespace {

constexpr int kCentroids = 256;

// Four points share every load of a centroid. Of equal distances the lowest number wins.
template <int D>
inline void nearest_four(const float* const* points, int dims, const float* centroids, int* found) {
    constexpr int n = Lanes<float>::n, four = 4;
    const int d = D ? D : dims;
    vec<float> best[four];
    vint where[four];
    for (int p = 0; p < four; ++p) best[p] = fill<float>(__builtin_inff()), where[p] = vint{};
    for (int k = 0; k < kCentroids; k += n) {
        vec<float> distance[four];
        for (int p = 0; p < four; ++p) distance[p] = vec<float>{};
        for (int c = 0; c < d; ++c) {
            const vec<float> centroid = load(centroids + c * kCentroids + k);
            for (int p = 0; p < four; ++p) {
                const vec<float> apart = points[p][c] - centroid;
                distance[p] += apart * apart;
            }
        }
        for (int p = 0; p < four; ++p) {
            const auto nearer = distance[p] < best[p];
            best[p] = nearer ? distance[p] : best[p];
            where[p] = nearer ? vint{} + k : where[p];
        }
    }
    for (int p = 0; p < four; ++p) {
        float least = __builtin_inff();
        int at = 0;
        for (int i = 0; i < n; ++i) {
            const int number = where[p][i] + i;
            if (best[p][i] < least || (best[p][i] == least && number < at)) least = best[p][i], at = number;
        }
        found[p] = at;
    }
}

void nearest(const Nearest& job) {
    for (size_t first = 0; first < job.n; first += 4) {
        const float* points[4];
        int found[4];
        for (size_t p = 0; p < 4; ++p) points[p] = job.points + (first + p < job.n ? first + p : first) * job.stride;
        if (job.dims == 2) nearest_four<2>(points, 2, job.centroids, found);
        else nearest_four<0>(points, job.dims, job.centroids, found);
        for (size_t p = 0; p < 4 && first + p < job.n; ++p) job.codes[(first + p) * job.code_stride] = uint8_t(found[p]);
    }
}

}  // namespace
}  // namespace firth
