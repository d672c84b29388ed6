#include "text_pairs.h"

#include <algorithm>
#include <bit>
#include <random>
#include <stdexcept>

#include "parallel.h"

namespace firth {

namespace {

constexpr uint64_t kOdd = 0x9E3779B97F4A7C15u;  // 2^64 over the golden ratio

uint64_t pair_of(int32_t first, int32_t second) {
    return static_cast<uint64_t>(static_cast<uint32_t>(first)) << 32 | static_cast<uint32_t>(second);
}

uint64_t scrambled(uint64_t pair, uint64_t seed) {
    pair = (pair ^ seed) * kOdd;
    return (pair ^ pair >> 32) * kOdd;
}

// Open addressing from pairs to counts; a count of 0 marks a free slot.
class PairTable {
  public:
    explicit PairTable(uint64_t seed) : seed_(seed), slots_(1 << 12) {}

    void add(uint64_t pair, uint64_t hash) {
        std::size_t at = place(hash);
        while (slots_[at].count != 0 && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
        if (slots_[at].count++ != 0) return;
        slots_[at] = {pair, 1};
        if (++used_ * 2 > slots_.size()) grow();
    }

    template <class Take>
    void each(Take&& take) const {
        for (const Slot& slot : slots_) {
            if (slot.count != 0) take(slot.pair, static_cast<int64_t>(slot.count));
        }
    }

  private:
    struct Slot {
        uint64_t pair = 0, count = 0;
    };
    std::size_t place(uint64_t hash) const { return hash >> (64 - std::countr_zero(slots_.size())); }
    void grow() {
        std::vector<Slot> old(2 * slots_.size());
        old.swap(slots_);
        for (const Slot& slot : old) {
            if (slot.count == 0) continue;
            std::size_t at = place(scrambled(slot.pair, seed_));
            while (slots_[at].count != 0) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = slot;
        }
    }
    uint64_t seed_;  // unknown to the author of the text, so that no text makes its pairs collide
    std::vector<Slot> slots_;
    std::size_t used_ = 0;
};

}  // namespace

PairCounts count_pairs(std::span<const int32_t> ids, std::span<const int64_t> ends, std::span<const uint8_t> wanted,
                       int64_t min_count, std::size_t shards, std::size_t threads) {
    for (const int32_t id : ids) {
        if (id < 0 || static_cast<std::size_t>(id) >= wanted.size()) throw std::invalid_argument("an id has no type");
    }
    std::random_device device;
    const uint64_t seed = static_cast<uint64_t>(device()) << 32 | device();
    struct Found {
        uint64_t pair;
        int64_t count;
    };
    std::vector<std::vector<Found>> found(shards);
    parallel(threads, shards, [&](std::size_t, std::size_t shard) {
        PairTable table(seed);
        std::size_t begin = 0;
        for (const int64_t sentence_end : ends) {
            const std::size_t end = std::min(static_cast<std::size_t>(sentence_end), ids.size());
            for (std::size_t i = begin + 1; i < end; ++i) {
                if (!(wanted[ids[i - 1]] & wanted[ids[i]])) continue;
                const uint64_t pair = pair_of(ids[i - 1], ids[i]), hash = scrambled(pair, seed);
                if ((hash & 0xFFFFFF) % shards == shard) table.add(pair, hash);
            }
            begin = end;
        }
        table.each([&](uint64_t pair, int64_t count) {
            if (count >= min_count) found[shard].push_back({pair, count});
        });
    });
    std::vector<Found> all;
    for (auto& part : found) all.insert(all.end(), part.begin(), part.end());
    std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) { return a.pair < b.pair; });
    PairCounts out;
    for (const Found& each : all) {
        out.pairs.push_back(each.pair);
        out.counts.push_back(each.count);
    }
    return out;
}

PairMap::PairMap(std::span<const uint64_t> pairs, std::span<const int32_t> ids) {
    if (pairs.size() != ids.size()) throw std::invalid_argument("pairs and ids differ in number");
    const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(2 * pairs.size(), 16));
    slots_.assign(capacity, {0, -1});
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(capacity));
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        std::size_t at = scrambled(pairs[i], 0) >> shift_;
        while (slots_[at].id >= 0) at = (at + 1) & (capacity - 1);
        slots_[at] = {pairs[i], ids[i]};
    }
}

int32_t PairMap::find(int32_t first, int32_t second) const {
    const uint64_t pair = pair_of(first, second);
    std::size_t at = scrambled(pair, 0) >> shift_;
    while (slots_[at].id >= 0 && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
    return slots_[at].id;
}

}  // namespace firth
