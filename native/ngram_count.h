// Counting n-grams by sorting: the words from every place of the text on, as one list in the order of their ids, are
// the n-grams of all orders, each node of the trie beside its siblings (Heafield et al. 2013, "Scalable Modified
// Kneser-Ney Language Model Estimation", sorts too, but one order after the other).
//
// What memory has no room for is sorted piece by piece, written out with counts, and merged.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "ngram_key.h"

namespace firth {

// The levels of a trie as they are filled: arrays that the caller made, of the lengths that sizes() told.
struct NGramLevels {
    std::vector<std::span<int32_t>> words;    // by level; that of level 0 is not touched
    std::vector<std::span<int64_t>> firsts;   // by level, but for the last
    std::vector<std::span<uint32_t>> counts;  // by level; must be 0 before
};

struct NGramCountOptions {
    NGramLayout layout;
    uint32_t n_words = 0;  // with the marks: ids are below
    std::size_t threads = 1;
    int spill = -1;                // descriptor of a file for sorted pieces
    std::function<void()> pulse;   // called now and then while pieces are merged; may throw
};

// Steps: place() and sort(), then keep() or, where another piece follows, spill(); sizes(); fill(). A failed read or
// write throws std::system_error. Not for use from two threads at a time.
class NGramCounter {
  public:
    virtual ~NGramCounter() = default;

    // Takes the n-grams that begin in places [begin, end) of the text.
    virtual void place(const NGramText& text, uint64_t begin, uint64_t end) = 0;
    virtual void sort() = 0;

    // Writes the sorted piece to the file.
    virtual void spill() = 0;
    virtual uint64_t spilled() const = 0;  // bytes

    // Nodes of each level.
    virtual std::vector<uint64_t> sizes() = 0;
    virtual void fill(const NGramLevels& levels) = 0;
};

std::unique_ptr<NGramCounter> make_ngram_counter(const NGramCountOptions& options);

}  // namespace firth
