#include "arpa_trie.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <mutex>

#include "parallel.h"

namespace firth {

namespace {

constexpr int64_t kTogether = 1 << 16;  // n-grams of one piece of work
constexpr std::size_t kAhead = 32;      // n-grams whose suffixes are looked for together

// Puts n-grams in the order of their first words: a counting sort.
ArpaBase by_first_word(std::vector<ArpaRecords>& pieces, std::size_t size, std::size_t words, std::size_t threads) {
    std::vector<std::atomic<int64_t>> places(words + 1);
    parallel(threads, pieces.size(), [&](std::size_t, std::size_t piece) {
        const ArpaRecords& records = pieces[piece];
        for (std::size_t i = 0; i < records.count(); ++i) places[records[i][0] + 1].fetch_add(1, std::memory_order_relaxed);
    });
    ArpaBase made{{size, {}}, std::vector<int64_t>(words + 1)};
    for (std::size_t word = 1; word <= words; ++word) {
        made.bounds[word] = made.bounds[word - 1] + places[word].load();
        places[word].store(made.bounds[word]);
    }
    places[0].store(0);
    const std::size_t stride = made.sorted.stride();
    made.sorted.numbers.resize(std::size_t(made.bounds[words]) * stride);
    parallel(threads, pieces.size(), [&](std::size_t, std::size_t piece) {
        const ArpaRecords& records = pieces[piece];
        for (std::size_t i = 0; i < records.count(); ++i) {
            const auto at = std::size_t(places[records[i][0]].fetch_add(1, std::memory_order_relaxed));
            std::copy_n(records[i], stride, made.sorted.numbers.data() + at * stride);
        }
        pieces[piece].numbers = {};
    });
    return made;
}

// Sorts n-grams of one first word. The second and third word decide most comparisons.
void sort_within(uint32_t* records, std::size_t n, std::size_t size) {
    struct Key {
        uint64_t words;
        uint64_t at;
    };
    const std::size_t stride = size + 2;
    std::vector<Key> keys(n);
    for (std::size_t i = 0; i < n; ++i) {
        const uint32_t* gram = records + i * stride;
        keys[i] = {uint64_t(gram[1]) << 32 | (size > 2 ? gram[2] : 0), i};
    }
    std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) {
        if (a.words != b.words || size <= 3) return a.words < b.words;
        const uint32_t *x = records + a.at * stride, *y = records + b.at * stride;
        return std::lexicographical_compare(x + 3, x + size, y + 3, y + size);
    });
    std::vector<uint32_t> moved(n * stride);
    for (std::size_t i = 0; i < n; ++i) std::copy_n(records + keys[i].at * stride, stride, moved.data() + i * stride);
    std::copy(moved.begin(), moved.end(), records);
}

// Ranges of first words that have some 65,536 n-grams or one word.
std::vector<std::size_t> shares(const std::vector<int64_t>& bounds) {
    std::vector<std::size_t> found{0};
    for (std::size_t word = 1; word + 1 < bounds.size(); ++word)
        if (bounds[word] - bounds[found.back()] >= kTogether) found.push_back(word);
    if (bounds.size() > 1) found.push_back(bounds.size() - 1);
    return found;
}

class Builder {
  public:
    Builder(std::vector<ArpaLevel>& levels, const ArpaBase& below, ArpaBase& made)
        : levels_(levels), here_(levels.back()), under_(levels[levels.size() - 2]), below_(below), made_(made) {}

    void build(std::size_t from, std::size_t to, std::vector<uint32_t>& lacking) {
        const std::size_t size = made_.sorted.size, stride = size + 2;
        for (std::size_t word = from; word < to; ++word) {
            const auto begin = std::size_t(made_.bounds[word]), end = std::size_t(made_.bounds[word + 1]);
            if (end - begin > 1) sort_within(made_.sorted.numbers.data() + begin * stride, end - begin, size);
            join(word, lacking);
        }
        const int64_t begin = made_.bounds[from], end = made_.bounds[to];
        for (int64_t i = begin; i < end; i += int64_t(kAhead)) find_suffixes(i, std::min(end, i + int64_t(kAhead)), lacking);
    }

    std::atomic<bool> orphans = false;
    std::vector<int32_t> parents;  // of each n-gram; -1 where it is lacking

  private:
    // Merges the n-grams of one first word with those of the level below, which they continue.
    void join(std::size_t word, std::vector<uint32_t>& lacking) {
        const std::size_t size = made_.sorted.size;
        int64_t parent = size == 2 ? int64_t(word) : below_.bounds[word];
        const int64_t last = size == 2 ? parent + 1 : below_.bounds[word + 1];
        const auto prefix_is_after = [&](const uint32_t* gram) {
            if (size == 2) return false;
            const uint32_t* prefix = below_.sorted[std::size_t(parent)];
            return std::lexicographical_compare(prefix, prefix + size - 1, gram, gram + size - 1);
        };
        if (parent < last) under_.first[std::size_t(parent)] = made_.bounds[word];
        for (int64_t i = made_.bounds[word]; i < made_.bounds[word + 1]; ++i) {
            const uint32_t* gram = made_.sorted[std::size_t(i)];
            if (i > made_.bounds[word] && std::equal(gram, gram + size, made_.sorted[std::size_t(i - 1)]))
                throw std::invalid_argument("an n-gram stands twice");
            while (parent < last && prefix_is_after(gram))
                if (++parent < last) under_.first[std::size_t(parent)] = i;
            const bool known = parent < last && (size == 2 || std::equal(gram, gram + size - 1, below_.sorted[std::size_t(parent)]));
            if (!known) {
                lacking.insert(lacking.end(), gram, gram + size - 1);
                orphans = true;
            }
            parents[std::size_t(i)] = known ? int32_t(parent) : -1;
            here_.word[std::size_t(i)] = int32_t(gram[size - 1]);
            here_.log_prob[std::size_t(i)] = std::bit_cast<float>(gram[size]);
            if (!here_.backoff.empty()) here_.backoff[std::size_t(i)] = std::bit_cast<float>(gram[size + 1]);
        }
        for (++parent; parent < last; ++parent) under_.first[std::size_t(parent)] = made_.bounds[word + 1];
    }

    // The suffix of an n-gram continues its parent's suffix by the same word.
    void find_suffixes(int64_t begin, int64_t end, std::vector<uint32_t>& lacking) {
        const std::size_t size = made_.sorted.size;
        if (size == 2) {
            std::copy(here_.word.begin() + begin, here_.word.begin() + end, here_.suffix.begin() + begin);
            return;
        }
        const ArpaLevel& deep = levels_[levels_.size() - 3];
        std::array<int64_t, kAhead> low, high;
        std::array<bool, kAhead> open;  // whether it can be told already: the parent and its suffix are there
        for (int64_t i = begin; i < end; ++i) {
            const int32_t parent = parents[std::size_t(i)];
            low[std::size_t(i - begin)] = parent < 0 ? -1 : under_.suffix[std::size_t(parent)];
            if (low[std::size_t(i - begin)] >= 0) __builtin_prefetch(&deep.first[std::size_t(low[std::size_t(i - begin)])]);
        }
        for (std::size_t j = 0; j < std::size_t(end - begin); ++j) {
            const int64_t node = low[j];
            open[j] = node >= 0;
            low[j] = node < 0 ? 0 : deep.first[std::size_t(node)], high[j] = node < 0 ? 0 : deep.first[std::size_t(node) + 1];
            if (low[j] < high[j]) __builtin_prefetch(&under_.word[std::size_t((low[j] + high[j]) / 2)]);
        }
        for (int64_t i = begin; i < end; ++i) {
            const auto words = under_.word.begin();
            const auto stop = words + high[std::size_t(i - begin)];
            const auto found = std::lower_bound(words + low[std::size_t(i - begin)], stop, here_.word[std::size_t(i)]);
            const bool known = found != stop && *found == here_.word[std::size_t(i)];
            here_.suffix[std::size_t(i)] = known ? int32_t(found - words) : -1;
            const uint32_t* gram = made_.sorted[std::size_t(i)];
            if (!known && open[std::size_t(i - begin)]) lacking.insert(lacking.end(), gram + 1, gram + size);
        }
    }

    std::vector<ArpaLevel>& levels_;
    ArpaLevel& here_;
    ArpaLevel& under_;
    const ArpaBase& below_;
    ArpaBase& made_;
};

// The probability of an n-gram that the file lacks is that of backing off.
void fill_in(ArpaLevel& here, const ArpaLevel& under, const std::vector<int32_t>& parents) {
    for (std::size_t i = 0; i < here.word.size(); ++i)
        if (here.log_prob[i] == kLacking && parents[i] >= 0 && here.suffix[i] >= 0)
            here.log_prob[i] = std::min(0.0f, under.backoff[std::size_t(parents[i])] + under.log_prob[std::size_t(here.suffix[i])]);
}

}  // namespace

bool add_level(std::vector<ArpaRecords>& pieces, std::vector<ArpaLevel>& levels, ArpaBase& base, bool highest,
               std::vector<uint32_t>& lacking, std::size_t threads) {
    const std::size_t words = levels[0].word.size(), size = levels.size() + 1;
    ArpaBase made = by_first_word(pieces, size, words, threads);
    const std::size_t n = made.sorted.count();
    if (n > 0x7FFFFFFF) throw std::length_error("over 2,147,483,647 n-grams of one order");
    levels.emplace_back();
    ArpaLevel& here = levels.back();
    here.word.resize(n), here.suffix.resize(n), here.log_prob.resize(n), here.backoff.resize(highest ? 0 : n);
    here.first.resize(highest ? 0 : n + 1);
    ArpaLevel& under = levels[levels.size() - 2];
    under.first.back() = int64_t(n);
    Builder builder(levels, base, made);
    builder.parents.resize(n);
    const std::vector<std::size_t> share = shares(made.bounds);
    std::mutex adding;
    parallel(threads, share.size() - 1, [&](std::size_t, std::size_t i) {
        std::vector<uint32_t> found;
        builder.build(share[i], share[i + 1], found);
        if (found.empty()) return;
        std::lock_guard lock(adding);
        lacking.insert(lacking.end(), found.begin(), found.end());
    });
    fill_in(here, under, builder.parents);
    base = std::move(made);
    return !builder.orphans;
}

}  // namespace firth
