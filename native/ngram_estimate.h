// From the counts of a trie of n-grams to probabilities and back-off weights: one pass over each level, from the
// lowest. All are interpolated models in back-off form (Chen and Goodman 1999, section 2):
//
//     p(w | h) = u(h w) / s(h) + gamma(h) p(w | h'),      h' = h without its first word
//
// An n-gram that is not kept (count pruning) leaves its whole count to gamma, as in KenLM.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace firth {

// Two levels of a trie: parents, whose continuations are the children.
struct NGramChildren {
    std::span<const int64_t> first;    // children of parent i: [first[i], first[i + 1])
    std::span<const int32_t> suffix;   // of each child: its node in the parents' level
    std::span<const uint32_t> counts;  // of each child
    std::span<const uint8_t> keep;     // of each child; empty: all are kept
};

struct NGramRule {
    enum Kind { kDiscount, kWittenBell, kAdditive };
    Kind kind = kDiscount;
    std::array<double, 3> discount{};  // of counts of 1, 2, and 3 or more
    double k = 0, n_outputs = 1;       // of add-k
};

// The node of each child's last words. Parents' suffixes lie in the level below them (grandparents), whose children the
// parents are: the children of a node are among the children of its suffix.
struct NGramLinks {
    std::span<const int64_t> first;          // of the parents
    std::span<const int32_t> words;          // of the children
    std::span<const int32_t> suffix;         // of the parents
    std::span<const int64_t> below_first;    // of the level below the parents
    std::span<const int32_t> parents_words;  // of the parents
};
void ngram_suffixes(const NGramLinks& links, int32_t* out, std::size_t threads);

// Adds 1 to out[suffix[i]] for each i: the number of words seen before each n-gram of the level below.
void ngram_left_counts(std::span<const int32_t> suffix, std::span<uint32_t> out, std::size_t threads);

// Fills the children's probabilities (not logarithms) and their parents' gammas, given the parents' probabilities. Where
// nothing follows, gamma is 1.
template <class Real>
void ngram_estimate(const NGramChildren& children, const NGramRule& rule, std::span<const Real> lower, std::span<Real> out,
                    std::span<Real> gamma, std::size_t threads);

// Base-10 logarithms; -99 for 0.
template <class Real>
void ngram_logs(std::span<const Real> values, std::span<float> out, std::size_t threads);

}  // namespace firth
