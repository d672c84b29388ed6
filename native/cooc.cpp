#include "cooc.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "parallel.h"
#include "sampling.h"

namespace firth {
namespace {

constexpr std::size_t kGroups = 2048;                   // about; small enough to share out, large enough to keep
constexpr std::size_t kPieceBytes = 12;                 // a token as word, as position, and at worst an end of sentence
constexpr std::size_t kLongestPiece = std::size_t(1) << 31;
constexpr std::size_t kPartTokens = std::size_t(1) << 16;
constexpr uint64_t kAhead = 4;                          // occurrences whose surroundings are fetched early

std::vector<uint32_t> group_bounds(std::span<const int64_t> occurrences) {
    uint64_t total = 0, in_group = 0;
    for (const int64_t n : occurrences) total += uint64_t(std::max<int64_t>(n, 0)) + 1;
    std::vector<uint32_t> bounds{0};
    for (std::size_t word = 0; word < occurrences.size(); ++word) {
        in_group += uint64_t(std::max<int64_t>(occurrences[word], 0)) + 1;
        if (in_group * kGroups < total) continue;
        bounds.push_back(uint32_t(word + 1));
        in_group = 0;
    }
    if (bounds.back() < occurrences.size()) bounds.push_back(uint32_t(occurrences.size()));
    return bounds;
}

}  // namespace

// One cell per word, and which cells are in use: a bit per cell, a bit per 64 of those.
struct CoocCounter::Worker {
    explicit Worker(std::size_t n_words) : cells(n_words), used(n_words / 64 + 1), blocks(n_words / 4096 + 1) {}

    std::vector<uint64_t> cells, used, blocks;
    CoocRows out;
    std::vector<CoocRows> loaded;

    void mark(uint32_t word) {
        used[word >> 6] |= uint64_t(1) << (word & 63);
        blocks[word >> 12] |= uint64_t(1) << (word >> 6 & 63);
    }

    void emit(uint32_t word) {
        out.columns.push_back(word);
        out.sums.push_back(cells[word]);
        cells[word] = 0;
    }

    // Closes a row: what the cells hold, in ascending order, leaving all of them empty.
    void emit_marked() {
        const std::size_t before = out.columns.size();
        for (std::size_t block = 0; block < blocks.size(); ++block) {
            for (uint64_t in_block = blocks[block]; in_block; in_block &= in_block - 1) {
                const std::size_t at = block * 64 + std::size_t(std::countr_zero(in_block));
                for (uint64_t bits = used[at]; bits; bits &= bits - 1)
                    emit(uint32_t(at * 64 + std::size_t(std::countr_zero(bits))));
                used[at] = 0;
            }
            blocks[block] = 0;
        }
        out.lengths.push_back(uint32_t(out.columns.size() - before));
    }

    void emit_all() {
        const std::size_t before = out.columns.size();
        for (uint32_t word = 0; word < cells.size(); ++word)
            if (cells[word]) emit(word);
        out.lengths.push_back(uint32_t(out.columns.size() - before));
    }
};

// A stretch of the text that one thread turns into words.
struct CoocCounter::Part {
    std::size_t begin, end;          // tokens
    std::size_t first = 0, size = 0;  // entries of words_
    std::vector<uint32_t> places;     // of each word: how many centres; then where the next one goes
};

namespace {

std::size_t worker_bytes(std::size_t n_words) { return n_words * (sizeof(uint64_t) + 2 * sizeof(uint32_t)) + 1; }

// Threads cost memory too: no more of them than a quarter of the budget pays for.
CoocOptions affordable(CoocOptions options, std::size_t n_words) {
    if (n_words >= INT32_MAX) throw std::invalid_argument("too many words");
    const std::size_t most = std::max<std::size_t>(options.budget / 4 / worker_bytes(n_words), 1);
    options.threads = std::clamp<std::size_t>(options.threads, 1, most);
    return options;
}

std::size_t rest(std::size_t budget, std::size_t used) { return budget > used ? budget - used : 0; }

}  // namespace

CoocCounter::CoocCounter(std::span<const int64_t> occurrences, CoocOptions options)
    : options_(affordable(std::move(options), occurrences.size())),
      n_words_(uint32_t(occurrences.size())),
      piece_(std::clamp<std::size_t>(options_.budget / 4 / kPieceBytes, 1, kLongestPiece)),
      store_(rest(options_.budget, worker_bytes(n_words_) * options_.threads + piece_ * kPieceBytes), options_.spill),
      bounds_(group_bounds(occurrences)) {
    for (std::size_t thread = 0; thread < options_.threads; ++thread)
        workers_.push_back(std::make_unique<Worker>(n_words_));
}

CoocCounter::~CoocCounter() {
    for (auto& piece : done_)
        for (auto& segment : piece) store_.drop(segment);
}

// ---------------------------------------------------------------- a piece of the text
namespace {

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

// ---------------------------------------------------------------- counting
template <bool Sparse>
void CoocCounter::add_around(Worker& worker, uint32_t word) {
    const uint32_t *here = positions_.data() + starts_[word], *last = positions_.data() + starts_[word + 1];
    const uint64_t* weights = options_.weights.data();
    const std::ptrdiff_t reach = std::ptrdiff_t(options_.weights.size());
    const auto add = [&](uint32_t other, std::ptrdiff_t distance) {
        worker.cells[other] += weights[distance - 1];
        if constexpr (Sparse) worker.mark(other);
    };
    for (; here < last; ++here) {
        if (here + kAhead < last) {
            const uint32_t* ahead = words_.data() + here[kAhead];
            __builtin_prefetch(ahead - 12), __builtin_prefetch(ahead + 12);
        }
        const uint32_t* centre = words_.data() + *here;
        if (options_.left)
            for (std::ptrdiff_t d = 1; d <= reach && centre[-d] != n_words_; ++d) add(centre[-d], d);
        if (options_.right)
            for (std::ptrdiff_t d = 1; d <= reach && centre[d] != n_words_; ++d) add(centre[d], d);
    }
}

void CoocCounter::count_row(Worker& worker, uint32_t word) {
    const uint64_t most = uint64_t(starts_[word + 1] - starts_[word]) * options_.weights.size() * 2;
    if (most > n_words_ / 2) {  // then looking through all cells costs less than marking those in use
        add_around<false>(worker, word);
        worker.emit_all();
    } else {
        add_around<true>(worker, word);
        worker.emit_marked();
    }
}

void CoocCounter::count_group(Worker& worker, std::size_t group) {
    worker.out.clear();
    for (uint32_t word = bounds_[group]; word < bounds_[group + 1]; ++word) count_row(worker, word);
    done_.back()[group] = store_.keep(worker.out);
}

void CoocCounter::merge_group(Worker& worker, std::size_t group) {
    const std::size_t pieces = done_.size() - 1;  // the last takes what is merged
    worker.loaded.resize(pieces);
    for (std::size_t piece = 0; piece < pieces; ++piece) {
        store_.load(done_[piece][group], worker.loaded[piece]);
        store_.drop(done_[piece][group]);
    }
    std::vector<std::size_t> at(pieces, 0);
    worker.out.clear();
    for (uint32_t row = 0; row < bounds_[group + 1] - bounds_[group]; ++row) {
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            const CoocRows& rows = worker.loaded[piece];
            for (const std::size_t end = at[piece] + rows.lengths[row]; at[piece] < end; ++at[piece]) {
                worker.cells[rows.columns[at[piece]]] += rows.sums[at[piece]];
                worker.mark(rows.columns[at[piece]]);
            }
        }
        worker.emit_marked();
    }
    done_.back()[group] = store_.keep(worker.out);
}

void CoocCounter::close() {
    words_ = {}, positions_ = {}, starts_ = {};
    merging_ = done_.size() > 1;
    next_ = merging_ ? 0 : groups();
    if (merging_ || done_.empty()) done_.emplace_back(groups());
}

std::size_t CoocCounter::work(int milliseconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    std::atomic<std::size_t> next{next_};
    parallel(options_.threads, options_.threads, [&](std::size_t thread, std::size_t) {
        Worker& worker = *workers_[thread];
        do {
            const std::size_t group = next.fetch_add(1);
            if (group >= groups()) return;
            merging_ ? merge_group(worker, group) : count_group(worker, group);
        } while (std::chrono::steady_clock::now() < until);
    });
    next_ = std::min<std::size_t>(next, groups());
    return groups() - next_;
}

// ---------------------------------------------------------------- what was counted
uint64_t CoocCounter::pairs() const {
    uint64_t sum = 0;
    if (!done_.empty())
        for (const auto& segment : done_.back()) sum += segment.pairs;
    return sum;
}

void CoocCounter::lengths(int64_t* out) {
    CoocRows rows;
    for (std::size_t group = 0; group < groups(); ++group) {
        CoocSegment only_lengths = done_.back()[group];
        only_lengths.pairs = 0;
        store_.load(only_lengths, rows);
        std::copy(rows.lengths.begin(), rows.lengths.end(), out + bounds_[group]);
    }
}

void CoocCounter::fill(double unit, int32_t* columns, double* values) {
    take([&](Worker& worker, std::size_t first) {
        const CoocRows& rows = worker.out;
        std::copy(rows.columns.begin(), rows.columns.end(), columns + first);
        std::transform(rows.sums.begin(), rows.sums.end(), values + first, [&](uint64_t sum) { return double(sum) / unit; });
    });
}

void CoocCounter::write(double unit, int file) {
    const uint64_t values_at = pairs() * sizeof(int32_t);
    take([&](Worker& worker, std::size_t first) {
        const CoocRows& rows = worker.out;
        std::vector<double> values(rows.sums.size());
        std::transform(rows.sums.begin(), rows.sums.end(), values.begin(), [&](uint64_t sum) { return double(sum) / unit; });
        write_at(file, rows.columns.data(), values.size() * sizeof(int32_t), first * sizeof(int32_t));
        write_at(file, values.data(), values.size() * sizeof(double), values_at + first * sizeof(double));
    });
}

// use(worker, first) for every group: its rows are in worker.out, its pairs begin at `first` among all.
template <class Use>
void CoocCounter::take(Use use) {
    std::vector<std::size_t> firsts{0};
    for (const CoocSegment& segment : done_.back()) firsts.push_back(firsts.back() + segment.pairs);
    parallel(options_.threads, groups(), [&](std::size_t thread, std::size_t group) {
        store_.load(done_.back()[group], workers_[thread]->out);
        store_.drop(done_.back()[group]);
        use(*workers_[thread], firsts[group]);
    });
}

}  // namespace firth
