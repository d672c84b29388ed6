// Random numbers that belong to places in the corpus, never to threads; reference.py states the same in NumPy.
#pragma once
#include <cstdint>

namespace firth {

// SplitMix64 (Steele, Lea and Flood 2014, figure 15): a counter passed through a mixer.
inline uint64_t mix64(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15ull;

// What stream a number comes from, so that no two uses share one.
enum class Stream : uint64_t { kSubsample = 1, kBlock = 2, kInit = 3, kOrder = 4, kDocument = 5, kTiles = 6 };

inline uint64_t stream_key(uint64_t seed, Stream stream, uint64_t epoch) {
    return mix64(mix64(seed * kGolden + uint64_t(stream)) + epoch * kGolden);
}

// The number at one place of a stream.
inline uint64_t random_at(uint64_t key, uint64_t place) { return mix64(key + (place + 1) * kGolden); }

class Random {
public:
    explicit Random(uint64_t state) : state_(state) {}
    uint64_t next() { return mix64(state_ += kGolden); }
    uint32_t below(uint32_t n) { return uint32_t((next() >> 32) * n >> 32); }

private:
    uint64_t state_;
};

// Walker's alias method (1977): a column is drawn evenly, then kept or swapped for its alias.
struct AliasTable {
    const uint32_t* keep;   // column i stays with probability keep[i] / 2^32
    const int32_t* other;
    uint32_t size;
    int32_t draw(Random& random) const {
        const uint64_t bits = random.next();
        const uint32_t column = uint32_t((bits >> 32) * size >> 32);
        return uint32_t(bits) <= keep[column] ? int32_t(column) : other[column];
    }
};

}  // namespace firth
