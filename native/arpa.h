// ARPA files: n-grams as text, a section for each order, read into and written from a forward trie
// (src/firth/lm/ngram_table.py).
#pragma once
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace firth {

struct ArpaFault : std::runtime_error {
    ArpaFault(const std::string& what, int64_t offset) : std::runtime_error(what), offset(offset) {}
    int64_t offset;  // of the byte where the file is broken
};

// As the arrays of Level.
struct ArpaLevel {
    std::vector<int32_t> word, suffix;
    std::vector<float> log_prob, backoff;
    std::vector<int64_t> first;
};

struct ArpaModel {
    std::vector<uint8_t> words;  // end to end, <bos> the last; marks by our names
    std::vector<int64_t> ends;
    std::vector<ArpaLevel> levels;
    int64_t inserted = 0;        // n-grams that others begin or end with and that the file lacks
    bool lacks_unk = false;
};

// Throws ArpaFault. `seed` keeps a stranger from making all words collide.
ArpaModel read_arpa(std::span<const uint8_t> text, uint64_t seed, std::size_t threads);

// One order to write: spans of Level's arrays.
struct ArpaPart {
    std::span<const int32_t> word;
    std::span<const float> log_prob, backoff;
    std::span<const int64_t> first;
};

// Writes a model to a file, from its start; spelling i is bytes[offsets[i], offsets[i + 1]). The log probability of
// `bos`, which nothing reads, is written as 0, as lmplz does. Numbers are the shortest that read back the same.
// Throws std::system_error.
void write_arpa(std::span<const ArpaPart> parts, std::span<const uint8_t> bytes, std::span<const int64_t> offsets,
                int32_t bos, int file, std::size_t threads);

}  // namespace firth
