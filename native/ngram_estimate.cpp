#include "ngram_estimate.h"

#include <algorithm>
#include <cmath>

#include "parallel.h"

namespace firth {
namespace {

constexpr std::size_t kAhead = 24;       // places that reads are asked for in advance
constexpr std::size_t kBlock = 1 << 11;  // nodes that a thread takes at a time

template <class Work>
void blocks(std::size_t threads, std::size_t n, Work&& work) {
    parallel(threads, (n + kBlock - 1) / kBlock, [&](std::size_t, std::size_t block) {
        work(block * kBlock, std::min(n, (block + 1) * kBlock));
    });
}

template <class T>
void ask(std::span<const T> values, std::size_t i) {
    __builtin_prefetch(values.data() + i);
}

// The first place of [low, high) that holds at least this word; without branches, since they can't be foretold.
std::size_t find(std::span<const int32_t> words, std::size_t low, std::size_t high, int32_t word) {
    std::size_t n = high - low;
    while (n > 1) {
        const std::size_t half = n / 2;
        low += words[low + half - 1] < word ? half : 0;
        n -= half;
    }
    return low;
}

template <class Real>
void estimate_children(const NGramChildren& c, const NGramRule& rule, std::span<const Real> lower, std::span<Real> out,
                       std::span<Real> gamma, std::size_t parent) {
    const auto begin = std::size_t(c.first[parent]), end = std::size_t(c.first[parent + 1]);
    if (begin == end) {
        gamma[parent] = 1;
        return;
    }
    const auto kept = [&](std::size_t i) { return c.keep.empty() || c.keep[i]; };
    uint64_t total = 0, pruned = 0, types[4] = {};
    for (std::size_t i = begin; i < end; ++i) {
        const uint32_t count = c.counts[i];
        total += count;
        if (kept(i)) ++types[std::min(count, 3u)];
        else pruned += count;
    }
    const auto& d = rule.discount;
    double sum = double(total), rest = double(pruned);
    if (rule.kind == NGramRule::kDiscount)
        rest += d[0] * double(types[1]) + d[1] * double(types[2]) + d[2] * double(types[3]);
    if (rule.kind == NGramRule::kWittenBell) sum += double(end - begin), rest += double(end - begin);
    if (rule.kind == NGramRule::kAdditive) {
        const double n_kept = double(types[1] + types[2] + types[3]);
        sum += rule.k * rule.n_outputs, rest += rule.k * (rule.n_outputs - n_kept);
    }
    const double weight = rest / sum;
    if (rule.kind != NGramRule::kAdditive) {
        const double less[4] = {0, d[0], d[1], d[2]};
        for (std::size_t i = begin; i < end; ++i) {
            const uint32_t count = c.counts[i];
            const double own = double(count) - (rule.kind == NGramRule::kDiscount ? less[std::min(count, 3u)] : 0.0);
            out[i] = Real(std::min(1.0, own / sum + weight * double(lower[std::size_t(c.suffix[i])])));
        }
        gamma[parent] = Real(weight);
        return;
    }
    double seen = 0;
    for (std::size_t i = begin; i < end; ++i) {
        out[i] = Real((double(c.counts[i]) + rule.k) / sum);
        if (kept(i)) seen += double(lower[std::size_t(c.suffix[i])]);
    }
    // What the words that follow have not is shared out in proportion to the shorter context.
    gamma[parent] = Real(rest > 0 && seen < 1 ? weight / (1 - seen) : 0);
}

}  // namespace

void ngram_suffixes(const NGramLinks& links, int32_t* out, std::size_t threads) {
    const std::size_t n = links.suffix.size();
    blocks(threads, n, [&](std::size_t begin, std::size_t end) {
        for (std::size_t x = begin; x < end; ++x) {
            if (x + 2 * kAhead < n) ask(links.below_first, std::size_t(links.suffix[x + 2 * kAhead]));
            if (x + kAhead < n) {
                const auto ahead = std::size_t(links.suffix[x + kAhead]);
                ask(links.parents_words, std::size_t(links.below_first[ahead] + links.below_first[ahead + 1]) / 2);
            }
            const auto s = std::size_t(links.suffix[x]);
            auto at = std::size_t(links.below_first[s]);
            const auto last = std::size_t(links.below_first[s + 1]);
            for (auto child = std::size_t(links.first[x]), stop = std::size_t(links.first[x + 1]); child < stop; ++child) {
                const int32_t word = links.words[child];
                if (last - at > 8 * (stop - child)) at = find(links.parents_words, at, last, word);
                else while (at < last && links.parents_words[at] < word) ++at;
                out[child] = int32_t(at);
            }
        }
    });
}

void ngram_left_counts(std::span<const int32_t> suffix, std::span<uint32_t> out, std::size_t threads) {
    // Each thread reads all and adds to its own share, so that no addition needs a lock.
    const std::size_t shares = std::min<std::size_t>(threads, 4);
    parallel(threads, shares, [&](std::size_t, std::size_t share) {
        const auto begin = uint32_t(out.size() * share / shares), end = uint32_t(out.size() * (share + 1) / shares);
        uint32_t elsewhere = 0;
        for (std::size_t i = 0; i < suffix.size(); ++i) {
            if (i + kAhead < suffix.size()) __builtin_prefetch(out.data() + suffix[i + kAhead], 1);
            const auto at = uint32_t(suffix[i]);
            ++*(at - begin < end - begin ? &out[at] : &elsewhere);
        }
    });
}

template <class Real>
void ngram_estimate(const NGramChildren& c, const NGramRule& rule, std::span<const Real> lower, std::span<Real> out,
                    std::span<Real> gamma, std::size_t threads) {
    blocks(threads, gamma.size(), [&](std::size_t begin, std::size_t end) {
        std::size_t asked = std::size_t(c.first[begin]);
        const auto last = std::size_t(c.first[end]);
        for (std::size_t parent = begin; parent < end; ++parent) {
            const std::size_t wanted = std::min(last, std::size_t(c.first[parent + 1]) + kAhead);
            for (; asked < wanted; ++asked) ask(lower, std::size_t(c.suffix[asked]));
            estimate_children(c, rule, lower, out, gamma, parent);
        }
    });
}

template <class Real>
void ngram_logs(std::span<const Real> values, std::span<float> out, std::size_t threads) {
    blocks(threads, values.size(), [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            out[i] = values[i] > 0 ? float(std::log10(values[i])) : -99.0f;
    });
}

template void ngram_estimate(const NGramChildren&, const NGramRule&, std::span<const float>, std::span<float>,
                             std::span<float>, std::size_t);
template void ngram_estimate(const NGramChildren&, const NGramRule&, std::span<const double>, std::span<double>,
                             std::span<double>, std::size_t);
template void ngram_logs(std::span<const float>, std::span<float>, std::size_t);
template void ngram_logs(std::span<const double>, std::span<float>, std::size_t);

}  // namespace firth
