// N-grams packed into whole numbers that sort as their words do, and the text as a run of them.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace firth {

// A number of 64 * W bits, the highest first. An n-gram of N words lies in its N * bits lowest, the first word highest;
// a word is its id + 1, and 0 is where the sentence was over.
template <std::size_t W>
struct NGramKey {
    std::array<uint64_t, W> part{};

    friend bool operator==(const NGramKey&, const NGramKey&) = default;
    friend bool operator<(const NGramKey& a, const NGramKey& b) {
        for (std::size_t i = 0; i + 1 < W; ++i)
            if (a.part[i] != b.part[i]) return a.part[i] < b.part[i];
        return a.part[W - 1] < b.part[W - 1];
    }
};

// How the words of an n-gram lie in a key.
struct NGramLayout {
    unsigned order = 1, bits = 1;  // words, and bits of each (below 33)

    static constexpr std::size_t kWidest = 4;
    std::size_t width() const { return (order * bits + 63) / 64; }

    // Puts a word before the others; the last one falls out.
    template <std::size_t W>
    void prepend(NGramKey<W>& key, uint64_t word) const {
        for (std::size_t i = W - 1; i; --i) key.part[i] = key.part[i] >> bits | key.part[i - 1] << (64 - bits);
        key.part[0] >>= bits;
        const unsigned place = (order - 1) * bits, at = place % 64;
        const std::size_t i = W - 1 - place / 64;
        key.part[i] |= word << at;
        if (at + bits > 64) key.part[i - 1] |= word >> (64 - at);
    }

    template <std::size_t W>
    uint64_t word(const NGramKey<W>& key, unsigned k) const {
        const unsigned place = (order - 1 - k) * bits, at = place % 64;
        const std::size_t i = W - 1 - place / 64;
        uint64_t found = key.part[i] >> at;
        if (at + bits > 64) found |= key.part[i - 1] << (64 - at);
        return found & ((uint64_t(1) << bits) - 1);
    }

    // How many words are the same in both from the first on.
    template <std::size_t W>
    unsigned common(const NGramKey<W>& a, const NGramKey<W>& b) const {
        for (std::size_t i = 0; i < W; ++i)
            if (const uint64_t differ = a.part[i] ^ b.part[i])
                return (unsigned(i * 64) + unsigned(std::countl_zero(differ)) - (unsigned(W * 64) - order * bits)) / bits;
        return order;
    }

    // Words before the sentence was over.
    template <std::size_t W>
    unsigned length(const NGramKey<W>& key) const {
        for (std::size_t i = W; i--;)
            if (key.part[i])
                return order - (unsigned((W - 1 - i) * 64) + unsigned(std::countr_zero(key.part[i]))) / bits;
        return 0;
    }
};

// A text whose sentences are <bos>, words and <eos>: so many places in all, in this order.
struct NGramText {
    std::span<const int32_t> ids;      // of types
    std::span<const int64_t> ends;     // of sentences, exclusive; a sentence may be empty
    std::span<const int32_t> word_of;  // type -> word
    uint32_t bos, eos;

    uint64_t places() const { return ids.size() + 2 * ends.size(); }

    uint32_t word(uint64_t token) const {
        const auto type = uint32_t(ids[token]);
        if (type >= word_of.size()) throw std::invalid_argument("an id lies outside the vocabulary");
        return uint32_t(word_of[type]);
    }

    // use(first word, key) for each place of [begin, end), from the last to the first.
    template <std::size_t W, class Use>
    void visit(const NGramLayout& layout, uint64_t begin, uint64_t end, Use&& use) const {
        while (begin < end) {
            const std::size_t s = sentence_of(end - 1);
            const uint64_t from = s ? uint64_t(ends[s - 1]) : 0, to = uint64_t(ends[s]);
            const uint64_t shift = 2 * s + 1;  // word t stands at t + shift, <bos> before the first, <eos> after the last
            const uint64_t top = std::min(to + shift, end - 1 + layout.order - 1);
            NGramKey<W> key;
            for (uint64_t place = top + 1; place-- > std::max(begin, from + shift - 1);) {
                const uint32_t first = place == to + shift ? eos : place < from + shift ? bos : word(place - shift);
                layout.prepend(key, uint64_t(first) + 1);
                if (place < end) use(first, key);
            }
            end = std::max(begin, from + shift - 1);
        }
    }

  private:
    std::size_t sentence_of(uint64_t place) const {
        std::size_t low = 0, high = ends.size();  // the first sentence whose <eos> is not before this place
        while (low < high) {
            const std::size_t middle = (low + high) / 2;
            if (uint64_t(ends[middle]) + 2 * middle + 1 < place) low = middle + 1;
            else high = middle;
        }
        return low;
    }
};

}  // namespace firth
