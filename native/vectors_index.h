// From a word's bytes to its row: an open-addressing table over words that stay where they are (often a mapped file).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace firth {

// n words laid end to end in `blob`: word i is blob[offsets[i] .. offsets[i + 1] - gap); gap bytes part neighbours.
struct WordBytes {
    const char* blob;
    const std::int64_t* offsets;
    std::size_t n;
    std::int64_t gap;

    std::string_view operator[](std::size_t i) const {
        return {blob + offsets[i], static_cast<std::size_t>(offsets[i + 1] - gap - offsets[i])};
    }
};

class WordIndex {
public:
    explicit WordIndex(WordBytes words);

    std::int64_t find(std::string_view word) const;  // -1 where absent
    // Rows whose word stands earlier too, ascending; find() gives the first.
    const std::vector<std::int64_t>& duplicates() const { return duplicates_; }

private:
    std::size_t slot_of(std::string_view word, std::uint64_t hash) const;

    WordBytes words_;
    std::vector<std::uint64_t> slots_;  // upper half: the hash's; lower half: row + 1; 0 is a free slot
    std::vector<std::int64_t> duplicates_;
};

}  // namespace firth
