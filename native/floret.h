// Character n-grams as floret hashes them: the framed word and its n-grams, each to one to four rows by MurmurHash3.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "subword.h"

namespace firth {

struct FloretRange {
    NgramRange lengths;
    int hashes;  // 1 to 4
    uint32_t seed;
    std::string begin, end;  // what frames a word
};

// MurmurHash3 of 128 bits in its 64-bit form (Austin Appleby, public domain), as four words of 32 bits.
std::array<uint32_t, 4> murmur3(std::string_view bytes, uint32_t seed);

// Appends the rows of the whole word, then of every n-gram from the left, shorter ones first; "</s>" has none.
void floret_ngrams(std::string_view word, const FloretRange& range, std::vector<int32_t>& out);

Ngrams floret_ngrams_of(const WordBytes& words, const FloretRange& range);

}  // namespace firth
