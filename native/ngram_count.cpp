#include "ngram_count.h"

#include <stdexcept>

#include "ngram_runs.h"
#include "pages.h"
#include "parallel.h"

namespace firth {
namespace {

constexpr std::size_t kPlacing = 8;  // threads at most that place keys: each has a counter per word
constexpr std::size_t kMergeMemory = std::size_t(1) << 26;

template <std::size_t W>
class Counter final : public NGramCounter {
    using Key = NGramKey<W>;
    using Keys = std::span<const Key>;
    using Counts = std::span<const uint64_t>;  // of the keys; none: each counts once

  public:
    explicit Counter(const NGramCountOptions& options) : options_(options), layout_(options.layout), runs_(options.spill) {}

    void place(const NGramText& text, uint64_t begin, uint64_t end) override {
        const std::size_t threads = std::min(options_.threads, kPlacing);
        const auto part = [&](std::size_t t) { return begin + (end - begin) * t / threads; };
        // [thread][word]: how often, and then where the next key goes.
        std::vector<std::vector<uint32_t>> next(threads, std::vector<uint32_t>(options_.n_words));
        parallel(threads, threads, [&](std::size_t, std::size_t t) {
            text.visit<W>(layout_, part(t), part(t + 1), [&](uint32_t first, const Key&) { ++next[t].at(first); });
        });
        starts_.assign(options_.n_words + 1, 0);
        uint32_t at = 0;
        for (uint32_t word = 0; word < options_.n_words; ++word) {
            starts_[word] = at;
            for (auto& own : next) at += std::exchange(own[word], at);
        }
        starts_[options_.n_words] = at;
        if (keys_.size() < at) keys_ = {}, keys_ = Pages<Key>(at);
        n_keys_ = at;
        parallel(threads, threads, [&](std::size_t, std::size_t t) {
            auto& to = next[t];
            text.visit<W>(layout_, part(t), part(t + 1), [&](uint32_t first, const Key& key) { keys_[to[first]++] = key; });
        });
    }

    // Keys of one first word stand together already. The most frequent words come first, so the largest shares do.
    void sort() override {
        std::vector<uint32_t> bounds{0};
        const std::size_t share = n_keys_ / 256 + 1;
        for (uint32_t word = 1; word <= options_.n_words; ++word)
            if (starts_[word] - starts_[bounds.back()] >= share || word == options_.n_words) bounds.push_back(word);
        parallel(options_.threads, bounds.size() - 1, [&](std::size_t, std::size_t group) {
            for (uint32_t word = bounds[group]; word < bounds[group + 1]; ++word)
                std::sort(keys_.begin() + starts_[word], keys_.begin() + starts_[word + 1]);
        });
    }

    void spill() override {
        runs_.add(Keys(keys_).first(n_keys_));
        n_keys_ = 0;
    }

    uint64_t spilled() const override { return runs_.bytes(); }

    std::vector<uint64_t> sizes() override {
        restart();
        lists([&](Keys keys, Counts) { count_nodes(keys), last_ = keys.back(), any_ = true; });
        auto found = nodes_;
        found[0] = options_.n_words;
        return found;
    }

    void fill(const NGramLevels& levels) override {
        restart();
        lists([&](Keys keys, Counts counts) {
            fill_nodes(keys, counts, levels);
            last_ = keys.back(), any_ = true;
        });
        if (layout_.order > 1) {
            const std::size_t begin = any_ ? layout_.word(last_, 0) : 0;
            std::fill(levels.firsts[0].begin() + std::ptrdiff_t(begin), levels.firsts[0].end(), int64_t(nodes_[1]));
        }
        for (unsigned k = 1; k + 1 < layout_.order; ++k) levels.firsts[k][nodes_[k]] = int64_t(nodes_[k + 1]);
        keys_ = {}, n_keys_ = 0;
    }

  private:
    void restart() { last_ = {}, any_ = false, nodes_.assign(layout_.order, 0); }

    // All n-grams in order, in lists that are not empty.
    template <class Use>
    void lists(Use&& use) {
        if (!runs_.empty())
            runs_.merge(kMergeMemory, [&](Keys keys, Counts counts) {
                options_.pulse();
                use(keys, counts);
            });
        else if (n_keys_) use(Keys(keys_).first(n_keys_), Counts());
    }

    std::size_t parts_of(std::size_t keys) const { return std::min<std::size_t>(4 * options_.threads, keys / 4096 + 1); }

    // use(part, i, words that it has in common with the key before) for each key that is unlike the one before it, or,
    // with Every, for all of them.
    template <bool Every, class Use>
    void each(Keys keys, std::size_t parts, Use&& use) const {
        parallel(options_.threads, parts, [&](std::size_t, std::size_t part) {
            for (std::size_t i = keys.size() * part / parts; i < keys.size() * (part + 1) / parts; ++i) {
                const bool any = i || any_;
                const unsigned common = any ? layout_.common(i ? keys[i - 1] : last_, keys[i]) : 0;
                if (Every || common < layout_.order) use(part, i, common);
            }
        });
    }

    // Counts the new nodes of a list; returns how many there are before each part of it, by part and level.
    std::vector<std::vector<uint64_t>> count_nodes(Keys keys) {
        std::vector<std::vector<uint64_t>> found(parts_of(keys.size()), std::vector<uint64_t>(layout_.order));
        each<false>(keys, found.size(), [&](std::size_t part, std::size_t i, unsigned common) {
            for (unsigned k = common, length = layout_.length(keys[i]); k < length; ++k) ++found[part][k];
        });
        for (auto& part : found)
            for (unsigned k = 0; k < layout_.order; ++k) nodes_[k] += std::exchange(part[k], nodes_[k]);
        return found;
    }

    // A node that an earlier part made may get more counts from this one: they wait in `late`, since the earlier part
    // may be at work on it.
    void fill_nodes(Keys keys, Counts counts, const NGramLevels& levels) {
        const unsigned order = layout_.order;
        auto next = count_nodes(keys);
        const auto begin = next;
        std::vector<std::vector<uint32_t>> late(next.size(), std::vector<uint32_t>(order));
        each<true>(keys, next.size(), [&](std::size_t part, std::size_t i, unsigned common) {
            auto& to = next[part];
            const Key& key = keys[i];
            const unsigned length = layout_.length(key);
            const auto word = [&](unsigned k) { return int32_t(layout_.word(key, k) - 1); };
            if (common == 0) {
                const int64_t before = i ? int64_t(layout_.word(keys[i - 1], 0)) : any_ ? int64_t(layout_.word(last_, 0)) : 0;
                if (order > 1) std::fill(&levels.firsts[0][before], &levels.firsts[0][word(0)] + 1, int64_t(to[1]));
                ++to[0];
            }
            for (unsigned k = std::max(common, 1u); k < length; ++k) {
                levels.words[k][to[k]] = word(k);
                if (k + 1 < order) levels.firsts[k][to[k]] = int64_t(to[k + 1]);
                ++to[k];
            }
            const auto count = uint32_t(counts.empty() ? 1 : counts[i]);
            for (unsigned k = 0; k < length; ++k) {
                if (to[k] == begin[part][k]) late[part][k] += count;
                else levels.counts[k][k ? to[k] - 1 : std::size_t(word(0))] += count;
            }
        });
        for (std::size_t part = 0; part < next.size(); ++part) add_late(keys, part, begin[part], late[part], levels);
    }

    void add_late(Keys keys, std::size_t part, const std::vector<uint64_t>& begin, const std::vector<uint32_t>& late,
                  const NGramLevels& levels) {
        const std::size_t first = keys.size() * part / parts_of(keys.size());
        for (unsigned k = 0; k < layout_.order; ++k)
            if (late[k]) levels.counts[k][k ? begin[k] - 1 : std::size_t(layout_.word(keys[first], 0) - 1)] += late[k];
    }

    NGramCountOptions options_;
    NGramLayout layout_;
    NGramRuns<W> runs_;
    Pages<Key> keys_;
    std::size_t n_keys_ = 0;
    std::vector<uint32_t> starts_;  // keys that begin with word w are [starts_[w], starts_[w + 1])

    // Of the lists so far: the last key, and the nodes of each level.
    Key last_{};
    bool any_ = false;
    std::vector<uint64_t> nodes_;
};

}  // namespace

std::unique_ptr<NGramCounter> make_ngram_counter(const NGramCountOptions& options) {
    switch (options.layout.width()) {
        case 1: return std::make_unique<Counter<1>>(options);
        case 2: return std::make_unique<Counter<2>>(options);
        case 3: return std::make_unique<Counter<3>>(options);
        case 4: return std::make_unique<Counter<4>>(options);
        default: throw std::invalid_argument("n-grams are wider than 256 bits");
    }
}

}  // namespace firth
