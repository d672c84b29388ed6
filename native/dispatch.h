// Chooses, once, which CPU level's kernels run.
#pragma once
#include <string>
#include <vector>

namespace firth {

struct Kernels;  // kernels.h: the table of functions of one level

const Kernels& kernels();                     // of the level in force
std::string cpu_level();                      // its name
std::vector<std::string> cpu_levels();        // the levels that were compiled and that this CPU runs
void use_cpu_level(const std::string& name);  // throws std::invalid_argument; for FIRTH_CPU and for tests

}  // namespace firth
