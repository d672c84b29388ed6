// Counts of neighbouring tokens, and what replaces the pairs that are phrases.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace firth {

struct PairCounts {
    std::vector<uint64_t> pairs;  // first id << 32 | second id; ascending
    std::vector<int64_t> counts;
};

// Counts every pair of neighbours in a sentence whose both words are `wanted` (one byte per type), and gives those that
// occur at least min_count times. The pairs are dealt out to `shards` tables, filled `threads` at a time: more shards
// need more sweeps over the ids and less memory. Throws std::invalid_argument for ids without a type.
PairCounts count_pairs(std::span<const int32_t> ids, std::span<const int64_t> ends, std::span<const uint8_t> wanted,
                       int64_t min_count, std::size_t shards, std::size_t threads);

// From pairs to the ids of the phrases that they make. Deaf to what the pairs are, so it needs no secret seed: its
// content is chosen by count, not by the text's author word for word.
class PairMap {
  public:
    PairMap(std::span<const uint64_t> pairs, std::span<const int32_t> ids);

    // The id of the pair's phrase, or -1.
    int32_t find(int32_t first, int32_t second) const;

  private:
    struct Slot {
        uint64_t pair;
        int32_t id;
    };
    std::vector<Slot> slots_;
    unsigned shift_;
};

}  // namespace firth
