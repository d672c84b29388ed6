#include "ngram_query.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>

#include "parallel.h"

namespace firth {

namespace {

constexpr int64_t kSampled = 16;      // words between two of the sample: a cache line of int32
constexpr std::size_t kLanes = 24;    // runs in flight
constexpr int64_t kRun = 512;         // predictions of a run
constexpr std::size_t kJobs = 256;    // runs that a thread takes at once
constexpr int64_t kChecked = 1 << 16; // nodes that a thread checks at once

void demand(bool right, std::size_t level, const char* message) {
    if (!right) throw std::invalid_argument(std::string(message) + " (n-grams of " + std::to_string(level + 1) + ")");
}

std::size_t pieces(int64_t n) { return std::size_t((n + kChecked - 1) / kChecked); }

void check_finite(const Logs& logs, std::size_t level, bool probabilities, int64_t begin, int64_t end) {
    const float highest = probabilities ? 0.0f : 3e38f;
    bool right = true;
    for (int64_t i = begin; i < end; ++i) right &= logs[i] <= highest && logs[i] >= -3e38f;
    demand(right, level, probabilities ? "a log probability is positive or no number" : "a back-off weight is no number");
}

// The last of the ascending numbers[low, high) that is not greater than `word`; low - 1 where there is none.
int64_t last_not_after(const std::vector<int32_t>& numbers, int64_t low, int64_t high, int32_t word) {
    const int32_t* begin = numbers.data();
    for (int64_t n = high - low; n > 0;) {
        const int64_t half = n / 2;
        const bool right = begin[low + half] <= word;
        low = right ? low + half + 1 : low;
        n = right ? n - half - 1 : half;
    }
    return low - 1;
}

// Cuts a range of numbers down to where `word` may be, by every 16th of them.
void narrow(int64_t& low, int64_t& high, const std::vector<int32_t>& sampled, int32_t word) {
    const int64_t at = last_not_after(sampled, (low + kSampled - 1) / kSampled, (high - 1) / kSampled + 1, word);
    low = std::max(low, at * kSampled), high = std::min(high, (at + 1) * kSampled);
}

}  // namespace

// Predictions [begin, end) of a text, read from `warm` on, where `state` is known.
struct NGramQuery::Job {
    int64_t begin, end, warm;
    NGramState state;
};

enum class Stage { kDone, kContext, kSample, kWord, kFound };

struct NGramQuery::Lane {
    int64_t at = 0, begin = 0, end = 0;  // the next id, the first to tell of, the last (exclusive)
    const int32_t* ids = nullptr;
    double* out = nullptr;
    uint8_t* lengths = nullptr;
    double paid = 0;                     // back-off weights
    int64_t node = 0, low = 0, high = 0; // of the context; where its continuation may lie
    int64_t first = 0, last = 0;         // of the sample, where it may lie
    int32_t level = -1, word = 0;
    Stage stage = Stage::kDone;
    std::size_t job = 0;
};

NGramQuery::NGramQuery(std::vector<NGramLevel> levels, int32_t eos, int32_t bos, std::size_t threads)
    : levels_(std::move(levels)), samples_(levels_.size()), eos_(eos), bos_(bos) {
    demand(!levels_.empty() && levels_.size() < 256, 0, "no levels, or too many");
    const int64_t words = levels_[0].word.size;
    demand(0 <= eos && eos < words && 0 <= bos && bos < words, 0, "a mark is no word");
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        check(level, threads);
        if (level) sample(level, threads);
    }
}

void NGramQuery::check(std::size_t level, std::size_t threads) const {
    const NGramLevel& here = levels_[level];
    const bool highest = level + 1 == levels_.size();
    const int64_t n = here.word.size, words = levels_[0].word.size;
    demand(here.log_prob.size == n && here.suffix.size == (level ? n : 0), level, "the arrays differ in length");
    demand(here.backoff.size == (highest ? 0 : n) && here.first.size == (highest ? 0 : n + 1), level,
           "the arrays differ in length");
    const int64_t above = highest ? 0 : levels_[level + 1].word.size, below = level ? levels_[level - 1].word.size : 0;
    if (!highest) demand(here.first[0] == 0 && here.first[n] == above, level, "the continuations don't fit");
    parallel(threads, pieces(n), [&](std::size_t, std::size_t piece) {
        const int64_t begin = int64_t(piece) * kChecked, end = std::min(n, begin + kChecked);
        check_finite(here.log_prob, level, true, begin, end);
        bool right = true;
        for (int64_t i = begin; i < end; ++i) right &= level ? uint64_t(here.word[i]) < uint64_t(words) : here.word[i] == i;
        demand(right, level, "a word is out of range");
        for (int64_t i = begin; level && i < end; ++i) right &= uint64_t(here.suffix[i]) < uint64_t(below);
        demand(right, level, "a suffix is out of range");
        if (highest) return;
        check_finite(here.backoff, level, false, begin, end);
        for (int64_t i = begin; i < end; ++i) right &= here.first[i] >= 0 && here.first[i] <= here.first[i + 1] && here.first[i + 1] <= above;
        demand(right, level, "the continuations are out of order");
        const Ints& next = levels_[level + 1].word;
        for (int64_t i = begin; i < end; ++i)
            for (int64_t child = here.first[i] + 1; child < here.first[i + 1]; ++child) right &= next[child - 1] < next[child];
        demand(right, level + 1, "the words are out of order");
    });
}

void NGramQuery::sample(std::size_t level, std::size_t threads) {
    const Ints& word = levels_[level].word;
    auto& sampled = samples_[level].fine;
    sampled.resize(std::size_t((word.size + kSampled - 1) / kSampled));
    parallel(threads, pieces(int64_t(sampled.size())), [&](std::size_t, std::size_t piece) {
        const int64_t begin = int64_t(piece) * kChecked, end = std::min(int64_t(sampled.size()), begin + kChecked);
        for (int64_t i = begin; i < end; ++i) sampled[std::size_t(i)] = int32_t(word[i * kSampled]);
    });
    auto& coarse = samples_[level].coarse;
    for (std::size_t i = 0; i < sampled.size(); i += std::size_t(kSampled)) coarse.push_back(sampled[i]);
}

// A run that begins within a sentence is read from order - 1 words before, or from the sentence's start: what the table
// knows of the words before its begin cannot be longer.
std::vector<NGramQuery::Job> NGramQuery::jobs(std::span<const int32_t> ids, std::span<const int64_t> ends,
                                              NGramState state) const {
    std::vector<Job> found;
    int64_t begin = 0;
    for (std::size_t run = 0; run < ends.size(); begin = ends[run++]) {
        for (int64_t at = begin; at < ends[run]; at += kRun) {
            int64_t warm = at;
            while (warm > begin && at - warm < order() - 1 && ids[std::size_t(warm - 1)] != eos_) --warm;
            const bool opens = warm == begin || ids[std::size_t(warm - 1)] == eos_;
            const NGramState known = warm == begin && run == 0 ? state : opens ? start() : NGramState{-1, 0};
            found.push_back({at, std::min(at + kRun, ends[run]), warm, known});
        }
    }
    return found;
}

NGramState NGramQuery::score(std::span<const int32_t> ids, std::span<const int64_t> ends, NGramState state, double* out,
                             uint8_t* lengths, std::size_t threads) const {
    if (ids.empty()) return ends.size() > 1 ? start() : state;
    const std::vector<Job> all = jobs(ids, ends, state);
    const bool open_end = ends.size() > 1 && ends[ends.size() - 2] == ends.back();
    NGramState last = start();
    parallel(threads, (all.size() + kJobs - 1) / kJobs, [&](std::size_t, std::size_t piece) {
        const std::size_t begin = piece * kJobs, n = std::min(kJobs, all.size() - begin);
        run(std::span(all).subspan(begin, n), ids.data(), out, lengths, begin + n == all.size() ? &last : nullptr);
    });
    return open_end ? start() : last;
}

void NGramQuery::run(std::span<const Job> jobs, const int32_t* ids, double* out, uint8_t* lengths, NGramState* last) const {
    std::array<Lane, kLanes> lanes;
    std::size_t next = 0, busy = 0;
    const auto load = [&](Lane& lane) {
        const Job& job = jobs[next];
        lane = {job.warm, job.begin, job.end, ids, out, lengths, 0, job.state.node, 0, 0, 0, 0, job.state.level, ids[job.warm], Stage::kContext, next++};
        settle(lane);
    };
    for (; busy < kLanes && next < jobs.size(); ++busy) load(lanes[busy]);
    while (busy) {
        for (std::size_t i = 0; i < busy;) {
            Lane& lane = lanes[i];
            if (step(lane)) {
                ++i;
                continue;
            }
            if (last && lane.job + 1 == jobs.size()) *last = {lane.level, lane.node};
            if (next < jobs.size()) load(lane);
            else lane = lanes[--busy];
        }
    }
}

// One turn of a lane; false when it has reached its end.
bool NGramQuery::step(Lane& lane) const {
    switch (lane.stage) {
        case Stage::kFound: return emit(lane);
        case Stage::kContext: seek(lane); return true;
        case Stage::kSample: {
            const int64_t at = last_not_after(samples_[std::size_t(lane.level) + 1].fine, lane.first, lane.last, lane.word);
            lane.low = std::max(lane.low, at * kSampled), lane.high = std::min(lane.high, (at + 1) * kSampled);
            approach(lane);
            return true;
        }
        case Stage::kWord: {
            const int64_t child = find(lane);
            if (child < 0) {
                const NGramLevel& here = levels_[std::size_t(lane.level)];
                lane.paid += here.backoff[lane.node];
                lane.node = lane.level ? here.suffix[lane.node] : 0;
                --lane.level;
                return settle(lane);
            }
            lane.node = child;
            ++lane.level;
            const NGramLevel& found = levels_[std::size_t(lane.level)];
            found.log_prob.prefetch(child);
            if (lane.level) found.suffix.prefetch(child);
            lane.stage = Stage::kFound;
            if (lane.level + 1 < order()) {
                found.first.prefetch(child);
                found.backoff.prefetch(child);
            }
            return true;
        }
        case Stage::kDone: break;
    }
    return false;
}

// Asks for what is told of the context; where nothing is known, of the word itself.
bool NGramQuery::settle(Lane& lane) const {
    if (lane.level < 0) {
        lane.level = 0;
        lane.node = lane.word;
        levels_[0].log_prob.prefetch(lane.node);
        if (order() > 1) {
            levels_[0].first.prefetch(lane.node);
            levels_[0].backoff.prefetch(lane.node);
        }
        lane.stage = Stage::kFound;
        return true;
    }
    const NGramLevel& here = levels_[std::size_t(lane.level)];
    here.first.prefetch(lane.node);
    here.backoff.prefetch(lane.node);
    if (lane.level) here.suffix.prefetch(lane.node);
    lane.stage = Stage::kContext;
    return true;
}

// The word was found at the lane's node: tells its score and makes the node, or its suffix, the next context.
bool NGramQuery::emit(Lane& lane) const {
    const NGramLevel& here = levels_[std::size_t(lane.level)];
    if (lane.at >= lane.begin) {
        lane.out[lane.at] = (lane.paid + here.log_prob[lane.node]) * std::numbers::ln10;
        if (lane.lengths) lane.lengths[lane.at] = uint8_t(lane.level + 1);
    }
    lane.paid = 0;
    bool near = true;  // the new context's lines were asked for already
    if (lane.word == eos_) {
        const NGramState opening = start();
        lane.level = opening.level, lane.node = opening.node;
        near = false;
    } else if (lane.level + 1 == order()) {
        lane.node = lane.level ? here.suffix[lane.node] : 0;
        --lane.level;
        near = false;
    }
    if (++lane.at == lane.end) {
        lane.stage = Stage::kDone;
        return false;
    }
    lane.word = lane.ids[lane.at];
    if (!near) return settle(lane);
    seek(lane);
    return true;
}

// Narrows the context's continuations down to those near the word and asks for them.
void NGramQuery::seek(Lane& lane) const {
    while (true) {
        const NGramLevel& here = levels_[std::size_t(lane.level)];
        lane.low = here.first[lane.node], lane.high = here.first[lane.node + 1];
        if (lane.low < lane.high) break;
        lane.paid += here.backoff[lane.node];  // weighs nothing, as a rule; a model is free to say otherwise
        lane.node = lane.level ? here.suffix[lane.node] : 0;
        --lane.level;
        settle(lane);
        return;
    }
    if (lane.high - lane.low <= kSampled) return approach(lane);
    // Among many, the sample tells where; among many of the sample, the sample of the sample.
    const Samples& samples = samples_[std::size_t(lane.level) + 1];
    lane.first = (lane.low + kSampled - 1) / kSampled, lane.last = (lane.high - 1) / kSampled + 1;
    if (lane.last - lane.first > kSampled) narrow(lane.first, lane.last, samples.coarse, lane.word);
    __builtin_prefetch(samples.fine.data() + lane.first);
    __builtin_prefetch(samples.fine.data() + lane.last - 1);
    lane.stage = Stage::kSample;
}

// Asks for the words among which the lane's is to be looked for.
void NGramQuery::approach(Lane& lane) const {
    const Ints& word = levels_[std::size_t(lane.level) + 1].word;
    word.prefetch(lane.low);
    word.prefetch(lane.high - 1);
    lane.stage = Stage::kWord;
}

// The continuation whose last word is the lane's, or -1.
int64_t NGramQuery::find(const Lane& lane) const {
    const Ints& word = levels_[std::size_t(lane.level) + 1].word;
    int64_t base = lane.low;
    for (int64_t n = lane.high - lane.low; n > 1;) {
        const int64_t half = n / 2;
        base = word[base + half] <= lane.word ? base + half : base;
        n -= half;
    }
    return lane.low < lane.high && word[base] == lane.word ? base : -1;
}

}  // namespace firth
