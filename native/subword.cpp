#include "subword.h"

#include <string>

namespace firth {

uint32_t fnv_hash(std::string_view bytes, uint32_t hash) {
    for (char byte : bytes) hash = (hash ^ uint32_t(int32_t(static_cast<signed char>(byte)))) * 16777619u;
    return hash;
}

void word_ngrams(std::string_view word, const NgramRange& range, std::vector<int32_t>& out) {
    if (word == "</s>" || range.maxn < 1 || !range.buckets) return;
    std::string framed;
    framed.reserve(word.size() + 2);
    framed.append(1, '<').append(word).append(1, '>');
    const size_t size = framed.size();
    auto continues = [&](size_t at) { return at < size && (framed[at] & 0xC0) == 0x80; };
    for (size_t first = 0; first < size; ++first) {
        if (continues(first)) continue;
        uint32_t hash = 2166136261u;
        size_t last = first;
        for (int n = 1; n <= range.maxn && last < size; ++n) {
            const size_t begin = last++;
            while (continues(last)) ++last;
            hash = fnv_hash(std::string_view(framed).substr(begin, last - begin), hash);
            if (n >= range.minn && !(n == 1 && (first == 0 || last == size))) out.push_back(int32_t(hash % range.buckets));
        }
    }
}

Ngrams ngrams_of(const WordBytes& words, const NgramRange& range) {
    Ngrams found;
    found.ends.reserve(words.n);
    for (size_t i = 0; i < words.n; ++i) {
        word_ngrams(words[i], range, found.buckets);
        found.ends.push_back(int64_t(found.buckets.size()));
    }
    return found;
}

}  // namespace firth
