// Compiled once per CPU level. Only raw arrays and builtins here: an inline function of the standard library
// compiled for v4 might otherwise be the copy that the linker keeps for everyone.
#include "kernels.h"

#include "loss.h"
#include "softmax.h"

#define FIRTH_JOIN_(a, b) a##b
#define FIRTH_JOIN(a, b) FIRTH_JOIN_(a, b)
#define FIRTH_TEXT_(a) #a
#define FIRTH_TEXT(a) FIRTH_TEXT_(a)

namespace firth {
namespace {

void add(float* row, const float* change, int stride) {
    for (int c = 0; c < stride; c += Lanes<float>::n) store(row + c, load(row + c) + load(change + c));
}

void axpby(float* row, float a, const float* other, float b, int stride) {
    for (int c = 0; c < stride; c += Lanes<float>::n) store(row + c, load(row + c) * a + load(other + c) * b);
}

void sum_windows(const Windows& w, const float* share, float* sums) {
    for (int c = 0; c < w.stride; c += Lanes<float>::n) {
        for (int k = 0; k < w.n; ++k) {
            vec<float> even = {}, odd = {};
            for (int i = w.begin[k]; i < w.hole[k]; ++i) even += load(w.rows[i] + c);
            for (int i = w.hole[k] + 1; i < w.end[k]; ++i) odd += load(w.rows[i] + c);
            store(sums + size_t(k) * w.stride + c, (even + odd) * share[k]);
        }
    }
}

void spread_windows(const Windows& w, const float* share, const float* changes) {
    for (int c = 0; c < w.stride; c += Lanes<float>::n) {
        for (int k = 0; k < w.n; ++k) {
            const vec<float> change = load(changes + size_t(k) * w.stride + c) * share[k];
            for (int i = w.begin[k]; i < w.hole[k]; ++i) store(w.rows[i] + c, load(w.rows[i] + c) + change);
            for (int i = w.hole[k] + 1; i < w.end[k]; ++i) store(w.rows[i] + c, load(w.rows[i] + c) + change);
        }
    }
}

}  // namespace

extern const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL);
const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL) = {
    FIRTH_TEXT(FIRTH_LEVEL), step<float>, step<double>, softmax<float>, softmax<double>, add, axpby,
    sum_windows, spread_windows,
};

}  // namespace firth
