// CBOW's sums over windows, and the way back: what each window's words take of its change.
// The work is cut into strips of up to eight registers, so that a row's strip is read with one look at the window.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace firth {
namespace {

template <int Size>
void sum_strip(const Windows& w, const float* share, float* sums, int c) {
    constexpr int n = Lanes<float>::n;
    for (int k = 0; k < w.n; ++k) {
        vec<float> sum[Size];
#pragma GCC unroll 8
        for (int b = 0; b < Size; ++b) sum[b] = vec<float>{};
        for (int i = w.begin[k]; i < w.end[k]; ++i) {
            if (i == w.hole[k]) continue;
            const float* row = w.rows[i] + c;
#pragma GCC unroll 8
            for (int b = 0; b < Size; ++b) sum[b] += load(row + b * n);
        }
#pragma GCC unroll 8
        for (int b = 0; b < Size; ++b) store(sums + size_t(k) * w.stride + c + b * n, sum[b] * share[k]);
    }
}

template <int Size>
void spread_strip(const Windows& w, const float* share, const float* changes, int c) {
    constexpr int n = Lanes<float>::n;
    for (int k = 0; k < w.n; ++k) {
        vec<float> change[Size];
#pragma GCC unroll 8
        for (int b = 0; b < Size; ++b) change[b] = load(changes + size_t(k) * w.stride + c + b * n) * share[k];
        for (int i = w.begin[k]; i < w.end[k]; ++i) {
            if (i == w.hole[k]) continue;
            float* row = w.rows[i] + c;
#pragma GCC unroll 8
            for (int b = 0; b < Size; ++b) store(row + b * n, load(row + b * n) + change[b]);
        }
    }
}

// With a row of weights for every position relative to the centre, the first for `reach` places before it (Mikolov, Grave,
// Bojanowski, Puhrsch and Joulin 2018, section 2.2):  sum k = share k * sum over i of weights[i - centre] * row i.
template <int Size>
void weigh_strip(const Windows& w, const Positions& p, const float* share, float* sums, int c) {
    constexpr int n = Lanes<float>::n;
    for (int k = 0; k < w.n; ++k) {
        vec<float> sum[Size];
#pragma GCC unroll 8
        for (int b = 0; b < Size; ++b) sum[b] = vec<float>{};
        for (int i = w.begin[k]; i < w.end[k]; ++i) {
            if (i == w.hole[k]) continue;
            const float *row = w.rows[i] + c, *weights = p.weights + size_t(i - w.hole[k] + p.reach) * w.stride + c;
#pragma GCC unroll 8
            for (int b = 0; b < Size; ++b) sum[b] += load(row + b * n) * load(weights + b * n);
        }
#pragma GCC unroll 8
        for (int b = 0; b < Size; ++b) store(sums + size_t(k) * w.stride + c + b * n, sum[b] * share[k]);
    }
}

// The way back, all products of values before the step: first what the weights get, then what the rows get.
template <int Size>
void unweigh_strip(const Windows& w, const Positions& p, const float* share, const float* changes, int c) {
    constexpr int n = Lanes<float>::n;
    auto each = [&](auto use) {
        for (int k = 0; k < w.n; ++k)
            for (int i = w.begin[k]; i < w.end[k]; ++i) {
                if (i == w.hole[k]) continue;
                const size_t at = size_t(i - w.hole[k] + p.reach) * w.stride + c;
#pragma GCC unroll 8
                for (int b = 0; b < Size; ++b)
                    use(w.rows[i] + c + b * n, at + b * n, load(changes + size_t(k) * w.stride + c + b * n) * share[k]);
            }
    };
    each([&](const float* row, size_t at, vec<float> change) { store(p.changes + at, load(p.changes + at) + change * load(row)); });
    each([&](float* row, size_t at, vec<float> change) { store(row, load(row) + change * load(p.weights + at)); });
}

// strip(size, c) for strips of about the same size, as many as there must be.
template <int Size = 8, class Strip>
inline void strip_of(int size, int c, const Strip& strip) {
    if constexpr (Size > 1) {
        if (size < Size) return strip_of<Size - 1>(size, c, strip);
    }
    strip.template operator()<Size>(c);
}

template <class Strip>
inline void in_strips(int dim, const Strip& strip) {
    constexpr int n = Lanes<float>::n;
    int left = (dim + n - 1) / n, c = 0;
    for (int strips = (left + 7) / 8; strips > 0; --strips) {
        const int size = (left + strips - 1) / strips;
        strip_of(size, c, strip);
        c += size * n, left -= size;
    }
}

void sum_windows(const Windows& w, const float* share, float* sums) {
    in_strips(w.dim, [&]<int Size>(int c) { sum_strip<Size>(w, share, sums, c); });
}

void spread_windows(const Windows& w, const float* share, const float* changes) {
    in_strips(w.dim, [&]<int Size>(int c) { spread_strip<Size>(w, share, changes, c); });
}

void weigh_windows(const Windows& w, const Positions& p, const float* share, float* sums) {
    in_strips(w.dim, [&]<int Size>(int c) { weigh_strip<Size>(w, p, share, sums, c); });
}

void unweigh_windows(const Windows& w, const Positions& p, const float* share, const float* changes) {
    in_strips(w.dim, [&]<int Size>(int c) { unweigh_strip<Size>(w, p, share, changes, c); });
}

}  // namespace
}  // namespace firth
