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

void accumulate(float* row, const float* const* rows, const float* factors, int count, int stride) {
    for (int c = 0; c < stride; c += Lanes<float>::n) {
        vec<float> sum = load(row + c);
        for (int i = 0; i < count; ++i) sum += fill(factors[i]) * load(rows[i] + c);
        store(row + c, sum);
    }
}

}  // namespace

extern const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL);
const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL) = {
    FIRTH_TEXT(FIRTH_LEVEL), step<float>, step<double>, softmax<float>, softmax<double>, add, axpby, accumulate,
};

}  // namespace firth
