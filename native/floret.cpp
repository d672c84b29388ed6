#include "floret.h"

#include <bit>
#include <cstring>

namespace firth {
namespace {

uint64_t finished(uint64_t k) {
    k = (k ^ (k >> 33)) * 0xff51afd7ed558ccdull;
    k = (k ^ (k >> 33)) * 0xc4ceb9fe1a85ec53ull;
    return k ^ (k >> 33);
}

constexpr uint64_t kFirst = 0x87c37b91114253d5ull, kSecond = 0x4cf5ad432745937full;

uint64_t mixed_low(uint64_t k) { return std::rotl(k * kFirst, 31) * kSecond; }
uint64_t mixed_high(uint64_t k) { return std::rotl(k * kSecond, 33) * kFirst; }

// Up to eight bytes as a little-endian number.
uint64_t number(std::string_view bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) value |= uint64_t(static_cast<unsigned char>(bytes[i])) << (8 * i);
    return value;
}

}  // namespace

std::array<uint32_t, 4> murmur3(std::string_view bytes, uint32_t seed) {
    uint64_t low = seed, high = seed;
    size_t at = 0;
    for (; at + 16 <= bytes.size(); at += 16) {
        low ^= mixed_low(number(bytes.substr(at, 8)));
        low = (std::rotl(low, 27) + high) * 5 + 0x52dce729;
        high ^= mixed_high(number(bytes.substr(at + 8, 8)));
        high = (std::rotl(high, 31) + low) * 5 + 0x38495ab5;
    }
    const std::string_view tail = bytes.substr(at);
    if (tail.size() > 8) high ^= mixed_high(number(tail.substr(8)));
    low ^= mixed_low(number(tail.substr(0, 8)));  // of an empty tail: 0
    low ^= bytes.size();
    high ^= bytes.size();
    low += high;
    high += low;
    low = finished(low);
    high = finished(high);
    low += high;
    high += low;
    return {uint32_t(low), uint32_t(low >> 32), uint32_t(high), uint32_t(high >> 32)};
}

void floret_ngrams(std::string_view word, const FloretRange& range, std::vector<int32_t>& out) {
    const uint32_t buckets = range.lengths.buckets;
    if (word == "</s>" || !buckets) return;
    const std::string framed = range.begin + std::string(word) + range.end;
    const std::string_view view = framed;
    const size_t size = framed.size();
    auto push = [&](std::string_view gram) {
        const auto hashes = murmur3(gram, range.seed);
        for (int i = 0; i < range.hashes; ++i) out.push_back(int32_t(hashes[size_t(i)] % buckets));
    };
    auto continues = [&](size_t at) { return at < size && (framed[at] & 0xC0) == 0x80; };
    push(view);
    for (size_t first = 0; first < size; ++first) {
        if (continues(first)) continue;
        size_t last = first;
        for (int n = 1; n <= range.lengths.maxn && last < size; ++n) {
            ++last;
            while (continues(last)) ++last;
            if (n >= range.lengths.minn && !(n == 1 && (first == 0 || last == size))) push(view.substr(first, last - first));
        }
    }
}

Ngrams floret_ngrams_of(const WordBytes& words, const FloretRange& range) {
    Ngrams found;
    found.ends.reserve(words.n);
    for (size_t i = 0; i < words.n; ++i) {
        floret_ngrams(words[i], range, found.buckets);
        found.ends.push_back(int64_t(found.buckets.size()));
    }
    return found;
}

}  // namespace firth
