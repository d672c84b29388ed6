// A hash table from words (any bytes) to dense ids in the order of first appearance, with a count each.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace firth {

// Bytes that may be read, and are then ignored, after the end of every word given to WordTable.
inline constexpr std::size_t kPadding = 8;

class WordTable {
  public:
    // A slot holds words of up to 8 bytes whole, so that most look-ups touch one cache line and nothing else.
    struct Key {
        uint64_t bits;  // the bytes of a short word, the hash of a long one
        uint64_t length;
        uint64_t hash;
    };

    explicit WordTable(uint64_t seed) : seed_(seed) { rebuild(1024); }

    Key key(const uint8_t* word, std::size_t length) const {
        if (length > 8) {
            const uint64_t bits = hash_long(word, length);
            return {bits, length, mix(bits ^ seed_, length + kOdd)};
        }
        uint64_t bits;
        std::memcpy(&bits, word, 8);
        // Clear what lies after the word; two shifts, as one by 64 is undefined.
        const unsigned unused = 64 - 8 * static_cast<unsigned>(length);
        if constexpr (std::endian::native == std::endian::little) {
            bits = length == 0 ? 0 : bits << unused >> unused;
        } else {
            bits = length == 0 ? 0 : bits >> unused << unused;
        }
        return {bits, length, mix(bits ^ seed_, length + kOdd)};
    }

    uint32_t add(const uint8_t* word, std::size_t length, uint64_t times = 1) {
        return add(key(word, length), word, times);
    }

    uint32_t add(const Key& key, const uint8_t* word, uint64_t times) {
        for (std::size_t at = key.hash >> shift_;; at = (at + 1) & mask_) {
            const Slot& slot = slots_[at];
            if (slot.id == kFree) return insert(at, key, word, times);
            if (slot.bits == key.bits && slot.length == static_cast<uint32_t>(key.length) &&
                (key.length <= 8 || holds(slot.id, word, key.length))) {
                counts_[slot.id] += times;
                return slot.id;
            }
        }
    }

    // The id of a word, or -1.
    int64_t find(const Key& key, const uint8_t* word) const {
        for (std::size_t at = key.hash >> shift_;; at = (at + 1) & mask_) {
            const Slot& slot = slots_[at];
            if (slot.id == kFree) return -1;
            if (slot.bits == key.bits && slot.length == static_cast<uint32_t>(key.length) &&
                (key.length <= 8 || holds(slot.id, word, key.length))) {
                return slot.id;
            }
        }
    }

    void count_again(uint32_t id) { ++counts_[id]; }
    void prefetch(const Key& key) const { __builtin_prefetch(&slots_[key.hash >> shift_]); }

    uint64_t seed() const { return seed_; }
    std::size_t size() const { return counts_.size(); }
    uint64_t count(std::size_t id) const { return counts_[id]; }
    std::string_view word(std::size_t id) const {
        const std::size_t begin = id ? ends_[id - 1] : 0;
        return {reinterpret_cast<const char*>(bytes_.data()) + begin, ends_[id] - begin};
    }

  private:
    struct Slot {
        uint64_t bits;
        uint32_t length;  // modulo 2^32; a longer word is compared in full anyway
        uint32_t id;
    };
    static constexpr uint32_t kFree = 0xFFFFFFFF;
    static constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;  // 2^64 over the golden ratio

    // The high and the low half of a product folded together: every bit of a and b moves every bit of the result.
    static uint64_t mix(uint64_t a, uint64_t b) {
        const unsigned __int128 product = static_cast<unsigned __int128>(a ^ 0xD1B54A32D192ED03u) * (b | 1);
        return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
    }

    uint64_t hash_long(const uint8_t* word, std::size_t length) const {
        uint64_t hash = seed_ + length, part;
        const uint8_t* last = word + length - 8;
        for (; word < last; word += 8) {
            std::memcpy(&part, word, 8);
            hash = mix(hash ^ part, kOdd);
        }
        std::memcpy(&part, last, 8);
        return mix(hash ^ part, kOdd);
    }

    bool holds(uint32_t id, const uint8_t* word, std::size_t length) const {
        const std::size_t begin = id ? ends_[id - 1] : 0;
        return ends_[id] - begin == length && std::memcmp(bytes_.data() + begin, word, length) == 0;
    }

    uint32_t insert(std::size_t at, const Key& key, const uint8_t* word, uint64_t times) {
        if (counts_.size() == 0x7FFFFFFF) throw std::length_error("the text holds over 2,147,483,647 different words");
        const uint32_t id = static_cast<uint32_t>(counts_.size());
        bytes_.resize(bytes_.size() > kPadding ? bytes_.size() - kPadding : 0);
        bytes_.insert(bytes_.end(), word, word + key.length);
        ends_.push_back(bytes_.size());
        bytes_.resize(bytes_.size() + kPadding);
        counts_.push_back(times);
        slots_[at] = {key.bits, static_cast<uint32_t>(key.length), id};
        if (2 * counts_.size() > slots_.size()) rebuild(2 * slots_.size());
        return id;
    }

    void rebuild(std::size_t capacity) {
        std::vector<Slot> old(capacity, Slot{0, 0, kFree});
        old.swap(slots_);
        mask_ = capacity - 1;
        shift_ = 64 - std::countr_zero(capacity);
        for (const Slot& slot : old) {
            if (slot.id == kFree) continue;
            const std::size_t begin = slot.id ? ends_[slot.id - 1] : 0;
            std::size_t at = mix(slot.bits ^ seed_, ends_[slot.id] - begin + kOdd) >> shift_;
            while (slots_[at].id != kFree) at = (at + 1) & mask_;
            slots_[at] = slot;
        }
    }

    uint64_t seed_;  // unknown to whoever wrote the text, so that no text can make all its words collide
    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
    unsigned shift_ = 0;
    std::vector<uint8_t> bytes_;  // every word end to end, then padding
    std::vector<uint64_t> ends_, counts_;
};

}  // namespace firth
