#include "vectors_index.h"

#include <bit>
#include <cstring>
#include <random>
#include <stdexcept>

namespace firth {

namespace {

// Differs from process to process, so that no file can be made whose words all collide. Row numbers don't depend on it.
std::uint64_t secret() {
    static const std::uint64_t value = [] {
        std::random_device device;
        return (static_cast<std::uint64_t>(device()) << 32) | device();
    }();
    return value;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t hash_of(std::string_view word) {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15ull;
    const std::uint64_t key = secret();
    std::uint64_t hash = key ^ (word.size() * odd);
    const char* at = word.data();
    for (std::size_t left = word.size();;) {
        std::uint64_t piece = 0;
        const std::size_t taken = left < 8 ? left : 8;
        if (taken) std::memcpy(&piece, at, taken);
        hash = mix(hash ^ piece, key ^ odd);
        if (left <= 8) return mix(hash, odd);
        at += 8;
        left -= 8;
    }
}

constexpr std::uint64_t upper = 0xFFFFFFFF00000000ull;

}  // namespace

WordIndex::WordIndex(WordBytes words) : words_(words) {
    if (words.n >= 0xFFFFFFFFull) throw std::length_error("more than 4,294,967,294 words");
    slots_.resize(std::bit_ceil(words.n * 2 + 1));
    for (std::size_t row = 0; row < words.n; ++row) {
        const std::uint64_t hash = hash_of(words_[row]);
        const std::size_t slot = slot_of(words_[row], hash);
        if (slots_[slot]) {
            duplicates_.push_back(static_cast<std::int64_t>(row));
        } else {
            slots_[slot] = (hash & upper) | (row + 1);
        }
    }
}

// The slot that holds the word, or the free one where it belongs.
std::size_t WordIndex::slot_of(std::string_view word, std::uint64_t hash) const {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const std::uint64_t held = slots_[slot];
        if (!held || (((held ^ hash) & upper) == 0 && words_[(held & ~upper) - 1] == word)) return slot;
    }
}

std::int64_t WordIndex::find(std::string_view word) const {
    const std::uint64_t held = slots_[slot_of(word, hash_of(word))];
    return static_cast<std::int64_t>(held & ~upper) - 1;
}

}  // namespace firth
