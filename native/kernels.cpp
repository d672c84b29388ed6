// Compiled once per CPU level. Only raw arrays and builtins here: an inline function of the standard library
// compiled for v4 might otherwise be the copy that the linker keeps for everyone.
#include "kernels.h"

#define FIRTH_JOIN_(a, b) a##b
#define FIRTH_JOIN(a, b) FIRTH_JOIN_(a, b)
#define FIRTH_TEXT_(a) #a
#define FIRTH_TEXT(a) FIRTH_TEXT_(a)

namespace firth {

extern const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL);
const Kernels FIRTH_JOIN(kernels_, FIRTH_LEVEL) = {
    FIRTH_TEXT(FIRTH_LEVEL),
};

}  // namespace firth
