// Compiled once per CPU level. Only raw arrays and builtins here: an inline function of the standard library
// compiled for v4 might otherwise be the copy that the linker keeps for everyone.
#include "kernels.h"

#include "adagrad.h"
#include "bag.h"
#include "char_windows.h"
#include "loss.h"
#include "lstm_steps.h"
#include "nearest.h"
#include "softmax.h"
#include "sparse_row.h"
#include "windows.h"

#define FIRTH_JOIN_(a, b) a##b
#define FIRTH_JOIN(a, b) FIRTH_JOIN_(a, b)
#define FIRTH_TEXT_(a) #a
#define FIRTH_TEXT(a) FIRTH_TEXT_(a)

namespace firth {
namespace {

void add_rows(float* const* rows, const float* changes, int n, int dim, int stride) {
    for (int i = 0; i < n; ++i, changes += stride) {
        float* row = rows[i];
        for (int c = 0; c < dim; c += Lanes<float>::n) store(row + c, load(row + c) + load(changes + c));
    }
}

void axpby(float* row, float a, const float* other, float b, int dim) {
    for (int c = 0; c < dim; c += Lanes<float>::n) store(row + c, load(row + c) * a + load(other + c) * b);
}

}  // namespace

extern const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL);
const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL) = {
    FIRTH_TEXT(FIRTH_LEVEL),
    pairs_step<float>, pairs_step<double>, path_step<float>, path_step<double>, own_step<float>, own_step<double>,
    softmax<float>, softmax<double>, add_rows, axpby, sum_windows, spread_windows, weigh_windows, unweigh_windows,
    add_scaled,
    nearest, gather<float>, scatter<float>, mean_rows, score_parts<float>, score_parts<double>, push_targets<float>, push_targets<double>,
    softmax_factors<float>, softmax_factors<double>, logistic_factors<float>, logistic_factors<double>,
    glove_step<float>, glove_step<double>, lstm_steps, lstm_steps_back,
    char_table, char_windows, char_table_back,
};

}  // namespace firth
