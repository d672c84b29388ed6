// From the n-grams of one section, in any order, to a level of the trie.
#pragma once
#include <vector>

#include "arpa.h"

namespace firth {

// N-grams end to end: `size` words each, then log probability and back-off weight as the bits of two floats.
struct ArpaRecords {
    std::size_t size;
    std::vector<uint32_t> numbers;

    std::size_t stride() const { return size + 2; }
    std::size_t count() const { return numbers.size() / stride(); }
    const uint32_t* operator[](std::size_t i) const { return numbers.data() + i * stride(); }
};

// What a level is built upon: the sorted n-grams of the level below, and where those of each first word begin.
struct ArpaBase {
    ArpaRecords sorted{0, {}};
    std::vector<int64_t> bounds;
};

// A log probability that marks an n-gram that the file lacks.
inline constexpr float kLacking = 1.0f;

// Adds a level of `pieces` (emptied) to `levels`; `base` becomes the new level's. Words of n-grams of the level below
// that are lacking are added to `lacking`, end to end. Throws std::invalid_argument where an n-gram stands twice.
// Returns false where an n-gram lacks the one that it continues: no level can be put upon this one then.
bool add_level(std::vector<ArpaRecords>& pieces, std::vector<ArpaLevel>& levels, ArpaBase& base, bool highest,
               std::vector<uint32_t>& lacking, std::size_t threads);

}  // namespace firth
