// The table of functions that every CPU level provides; kernels.cpp is compiled once per level and fills it.
#pragma once

namespace firth {

struct Kernels {
    const char* level;
};

}  // namespace firth
