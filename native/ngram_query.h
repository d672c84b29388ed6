// Scores of an n-gram model that lies as a forward trie in flat arrays (src/firth/lm/ngram_table.py).
//
// A state is the longest n-gram of the table that the words so far end with, and that is shorter than the order: its
// level and its node. To score a word, look for it among the node's continuations; where it is not, pay the node's
// back-off weight and go on from its suffix, the node without its first word; at the empty context every word is found.
//
// Each step is a few far loads, so several runs of a text are scored in turns: a run asks for the lines it needs next
// and steps back, and finds them there when its turn comes again.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace firth {

// Whole numbers of a fixed width: int32, int64, or bits end to end from the lowest of the first byte on, followed by
// at least 7 bytes more, so that any can be read as eight bytes.
struct Ints {
    const uint8_t* data = nullptr;
    int64_t size = 0;
    unsigned bits = 32;

    int64_t operator[](int64_t i) const {
        if (bits == 32) return reinterpret_cast<const int32_t*>(data)[i];
        if (bits == 64) return reinterpret_cast<const int64_t*>(data)[i];
        const uint64_t at = uint64_t(i) * bits;
        uint64_t eight;
        std::memcpy(&eight, data + (at >> 3), 8);
        return int64_t(eight >> (at & 7) & ((uint64_t(1) << bits) - 1));
    }
    void prefetch(int64_t i) const { __builtin_prefetch(data + (uint64_t(i) * bits >> 3)); }
};

// float32 values, or one byte each that names a value of a codebook of 256.
struct Logs {
    const float* values = nullptr;
    const uint8_t* codes = nullptr;
    int64_t size = 0;

    float operator[](int64_t i) const { return codes ? values[codes[i]] : values[i]; }
    void prefetch(int64_t i) const { __builtin_prefetch(codes ? static_cast<const void*>(codes + i) : values + i); }
};

struct NGramLevel {
    Ints word, suffix, first;
    Logs log_prob, backoff;
};

struct NGramState {
    int32_t level;  // -1: nothing is known
    int64_t node;
};

class NGramQuery {
public:
    // Checks every number that is used as a place; throws std::invalid_argument that names the first bad one.
    NGramQuery(std::vector<NGramLevel> levels, int32_t eos, int32_t bos, std::size_t threads);

    int order() const { return int(levels_.size()); }
    int64_t nodes(int level) const { return levels_[std::size_t(level)].word.size; }
    NGramState start() const { return order() > 1 ? NGramState{0, bos_} : NGramState{-1, 0}; }

    // Scores ids, in runs that end at `ends` (exclusive, ascending, the last is ids.size()). The first run goes on from
    // `state`; every other one, and what follows an <eos>, from start(). out: natural logs; lengths: words of the
    // n-gram found, or null. Every id must be in [0, words). Returns the state after the last id.
    NGramState score(std::span<const int32_t> ids, std::span<const int64_t> ends, NGramState state, double* out,
                     uint8_t* lengths, std::size_t threads) const;

private:
    struct Job;
    struct Lane;

    void check(std::size_t level, std::size_t threads) const;
    void sample(std::size_t level, std::size_t threads);
    std::vector<Job> jobs(std::span<const int32_t> ids, std::span<const int64_t> ends, NGramState state) const;
    void run(std::span<const Job> jobs, const int32_t* ids, double* out, uint8_t* lengths, NGramState* last) const;
    bool step(Lane& lane) const;
    bool emit(Lane& lane) const;
    bool settle(Lane& lane) const;
    void seek(Lane& lane) const;
    void approach(Lane& lane) const;
    int64_t find(const Lane& lane) const;

    std::vector<NGramLevel> levels_;
    // Of each level, every 16th word, and every 16th of those: a search starts among few that are near.
    struct Samples {
        std::vector<int32_t> fine, coarse;
    };
    std::vector<Samples> samples_;
    int32_t eos_, bos_;
};

}  // namespace firth
