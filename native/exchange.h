// Word classes by exchange (Kneser and Ney 1993; Martin, Liermann and Ney 1998): each word in turn goes to the class that
// raises the likelihood of the class bigram model most.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace firth {

struct Bigrams {
    std::span<const int32_t> left, right;  // words, sorted by left
    std::span<const int64_t> count;
};

// Changes `classes` in place, words [0, movable) in their order, until no word moves or after `sweeps` rounds; returns
// how many rounds there were. Words move to classes [0, n_classes); those that don't move may have others. Sequential:
// the order of the moves is the algorithm.
int64_t exchange_classes(const Bigrams& bigrams, std::span<int32_t> classes, int n_classes, std::size_t movable, int sweeps);

}  // namespace firth
