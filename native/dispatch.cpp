#include "dispatch.h"

#include <cstdlib>
#include <stdexcept>

#include "kernels.h"

namespace firth {

extern const Kernels kernels_v2, kernels_v3, kernels_v4, kernels_neon, kernels_generic;

namespace {

// From the plainest to the best, of those that this CPU runs.
std::vector<const Kernels*> usable() {
    std::vector<const Kernels*> found;
#ifdef FIRTH_HAS_GENERIC
    found.push_back(&kernels_generic);
#endif
#ifdef FIRTH_HAS_NEON
    found.push_back(&kernels_neon);
#endif
#ifdef FIRTH_HAS_V2
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v2")) found.push_back(&kernels_v2);
    if (__builtin_cpu_supports("x86-64-v3")) found.push_back(&kernels_v3);
    if (__builtin_cpu_supports("x86-64-v4")) found.push_back(&kernels_v4);
#endif
    if (found.empty()) throw std::runtime_error("this CPU is older than x86-64-v2, the oldest that Firth runs on");
    return found;
}

const Kernels* find(const std::string& name) {
    std::string known;
    for (const Kernels* level : usable()) {
        if (name == level->level) return level;
        known += (known.empty() ? "" : ", ") + std::string(level->level);
    }
    throw std::invalid_argument("no CPU level is named '" + name + "' here; choose one of " + known);
}

const Kernels*& current() {
    static const Kernels* chosen = [] {
        const char* forced = std::getenv("FIRTH_CPU");
        return forced && *forced ? find(forced) : usable().back();
    }();
    return chosen;
}

}  // namespace

const Kernels& kernels() { return *current(); }

std::string cpu_level() { return kernels().level; }

std::vector<std::string> cpu_levels() {
    std::vector<std::string> names;
    for (const Kernels* level : usable()) names.emplace_back(level->level);
    return names;
}

void use_cpu_level(const std::string& name) { current() = find(name); }

}  // namespace firth
