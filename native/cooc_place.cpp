// From a piece of the text to words and the places where each stands: the first half of cooc.h.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cooc.h"
#include "parallel.h"
#include "sampling.h"

namespace firth {

// A stretch of the text that one thread turns into words.
struct CoocCounter::Part {
    std::size_t begin, end;          // tokens
    std::size_t first = 0, size = 0;  // entries of words_
    std::vector<uint32_t> places;     // of each word: how many centres; then where the next one goes
};

namespace {

constexpr std::size_t kPartTokens = std::size_t(1) << 16;

// Gives every token of [begin, end) that stays, with its word, and every end of a sentence.
template <class Token, class End>
void scan(const CoocText& text, std::size_t begin, std::size_t end, Token token, End sentence_end) {
    auto next = std::upper_bound(text.ends.begin(), text.ends.end(), int64_t(begin));
    for (std::size_t at = begin; at < end; ++at) {
        const int32_t type = text.ids[at];
        if (type < 0 || std::size_t(type) >= text.word_of.size())
            throw std::invalid_argument("an id lies outside the vocabulary");
        const int32_t word = text.word_of[std::size_t(type)];
        if (word >= 0 && (text.keep.empty() || uint32_t(random_at(text.key, at) >> 32) <= text.keep[std::size_t(word)]))
            token(at, uint32_t(word));
        if (next != text.ends.end() && std::size_t(*next) == at + 1) {
            sentence_end();
            ++next;
        }
    }
}

bool stays(const CoocText& text, std::size_t at) {
    bool found = false;
    scan(text, at, at + 1, [&](std::size_t, uint32_t) { found = true; }, [] {});
    return found;
}

// The stretch that holds the neighbours of [begin, end): `reach` words that stay on either side, within the sentence.
std::pair<std::size_t, std::size_t> with_neighbours(const CoocText& text, std::size_t begin, std::size_t end,
                                                    std::size_t reach) {
    const auto after = std::upper_bound(text.ends.begin(), text.ends.end(), int64_t(begin));
    const std::size_t first = after == text.ends.begin() ? 0 : std::size_t(after[-1]);
    const auto last = std::lower_bound(text.ends.begin(), text.ends.end(), int64_t(end));
    const std::size_t limit = last == text.ends.end() ? text.ids.size() : std::size_t(*last);
    for (std::size_t found = 0; begin > first && found < reach; --begin) found += stays(text, begin - 1);
    for (std::size_t found = 0; end < limit && found < reach; ++end) found += stays(text, end);
    return {begin, end};
}

}  // namespace

std::vector<CoocCounter::Part> CoocCounter::parts(const CoocText& text, std::size_t begin, std::size_t end) const {
    const auto [first, last] = with_neighbours(text, begin, end, options_.weights.size());
    const std::size_t n = std::clamp<std::size_t>((last - first) / kPartTokens, 1, options_.threads);
    std::vector<Part> found;
    for (std::size_t i = 0; i < n; ++i)
        found.push_back({first + (last - first) * i / n, first + (last - first) * (i + 1) / n, 0, 0, {}});
    return found;
}

void CoocCounter::place(const CoocText& text, std::size_t begin, std::size_t end) {
    std::vector<Part> stretch = parts(text, begin, end);
    parallel(options_.threads, stretch.size(), [&](std::size_t, std::size_t i) {
        Part& part = stretch[i];
        part.places.assign(n_words_, 0);
        const auto token = [&](std::size_t at, uint32_t word) {
            ++part.size;
            part.places[word] += at >= begin && at < end;
        };
        scan(text, part.begin, part.end, token, [&] { ++part.size; });
    });
    std::size_t size = 1;
    for (Part& part : stretch) part.first = size, size += part.size;
    words_.resize(size + 1);
    words_.front() = words_.back() = n_words_;
    starts_.resize(n_words_ + 1);
    uint32_t sum = 0;
    for (uint32_t word = 0; word < n_words_; ++word) {
        starts_[word] = sum;
        for (Part& part : stretch) sum += std::exchange(part.places[word], sum);
    }
    starts_[n_words_] = sum;
    positions_.resize(sum);
    parallel(options_.threads, stretch.size(), [&](std::size_t, std::size_t i) {
        Part& part = stretch[i];
        std::size_t to = part.first;
        const auto token = [&](std::size_t at, uint32_t word) {
            if (at >= begin && at < end) positions_[part.places[word]++] = uint32_t(to);
            words_[to++] = word;
        };
        scan(text, part.begin, part.end, token, [&] { words_[to++] = n_words_; });
    });
    tokens_ += sum;
    done_.emplace_back(groups());
    next_ = 0;
}

}  // namespace firth
