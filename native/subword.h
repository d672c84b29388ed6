// Character n-grams of words as fastText has them (Bojanowski, Grave, Joulin and Mikolov 2017, section 3.2): those of
// "<word>", minn to maxn characters long, each hashed to one of `buckets` rows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "vectors_index.h"

namespace firth {

struct NgramRange {
    int minn, maxn;
    uint32_t buckets;
};

// FNV-1a of 32 bits as fastText computes it: a byte is widened as a signed number, so that those from 128 on flip the
// upper bits too. Its files depend on that.
uint32_t fnv_hash(std::string_view bytes, uint32_t hash = 2166136261u);

// Appends the bucket of every n-gram of `word` to `out`, from the left, shorter ones first; "</s>" has none. Characters
// are those of UTF-8; a byte of 10xxxxxx always belongs to the character before it.
void word_ngrams(std::string_view word, const NgramRange& range, std::vector<int32_t>& out);

// The buckets of many words, one after the other; ends[i] is where word i's end.
struct Ngrams {
    std::vector<int64_t> ends;
    std::vector<int32_t> buckets;
};
Ngrams ngrams_of(const WordBytes& words, const NgramRange& range);

}  // namespace firth
