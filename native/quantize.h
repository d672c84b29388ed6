// Product quantisation (Jegou, Douze and Schmid 2011, section II): a row is cut into short pieces, and each piece becomes
// the number of the nearest of 256 centroids.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firth {

// How a row of `dim` numbers is cut: every piece has `dsub` of them, the last one what is left.
struct Pieces {
    int dim, dsub;
    int count() const { return (dim + dsub - 1) / dsub; }
    int length(int piece) const { return piece + 1 < count() ? dsub : dim - piece * dsub; }
};

// k-means (Lloyd) for every piece, from `n` rows to centroids[count][256][dsub]; what a shorter last piece has no use for
// is zero. The same bytes on any number of threads: a piece is one thread's.
void fit_centroids(const float* rows, size_t n, Pieces pieces, uint64_t seed, int iterations, int threads, float* centroids);

// The codes of `n` rows, n x count.
void encode_rows(const float* rows, size_t n, Pieces pieces, const float* centroids, int threads, uint8_t* codes);

}  // namespace firth
