#include "text_merge.h"

#include <algorithm>
#include <bit>
#include <string>

#include "parallel.h"
#include "text_unicode.h"

namespace firth {

namespace {

// The shard of each word of one table, and the words themselves where they were changed.
struct Sorted {
    std::vector<uint8_t> shard;
    std::vector<std::string> changed;
};

struct Entry {
    uint64_t count, prefix;  // prefix: the first 8 bytes as a big-endian number
    uint32_t shard, id;
};

struct Shards {
    std::vector<WordTable> tables;
    std::vector<std::vector<Entry>> entries;
    std::vector<unicode::Census> sums;
    std::vector<uint64_t> invalid;
};

uint64_t big_endian_prefix(std::string_view word) {
    uint64_t prefix = 0;
    for (std::size_t i = 0; i < 8; ++i) prefix = prefix << 8 | (i < word.size() ? static_cast<uint8_t>(word[i]) : 0);
    return prefix;
}

struct Before {
    const std::vector<WordTable>& tables;
    bool operator()(const Entry& a, const Entry& b) const {
        if (a.count != b.count) return a.count > b.count;
        if (a.prefix != b.prefix) return a.prefix < b.prefix;
        return tables[a.shard].word(a.id) < tables[b.shard].word(b.id);  // compares as unsigned bytes
    }
};

std::string_view word_of(const WordTable& table, const Sorted& sorted, std::size_t id) {
    return sorted.changed.empty() ? table.word(id) : std::string_view(sorted.changed[id]);
}

const uint8_t* bytes(std::string_view word) { return reinterpret_cast<const uint8_t*>(word.data()); }

Sorted sort_into_shards(const WordTable& table, Normalisation wanted, std::size_t shards) {
    Sorted sorted;
    sorted.shard.resize(table.size());
    const bool change = wanted.lower || wanted.fold_digits;
    if (change) sorted.changed.reserve(table.size());
    for (std::size_t id = 0; id < table.size(); ++id) {
        if (change) {
            std::string word = unicode::normalise(table.word(id), wanted.lower, wanted.fold_digits);
            word.reserve(std::max(word.size(), kPadding));  // so that 8 bytes may be read
            sorted.changed.push_back(std::move(word));
        }
        const std::string_view word = word_of(table, sorted, id);
        sorted.shard[id] = static_cast<uint8_t>(table.key(bytes(word), word.size()).hash % shards);
    }
    return sorted;
}

// Gathers one shard's words from every table, in their order; final_ids receives ids within the shard.
void gather(std::size_t shard, const std::vector<WordTable>& tables, const std::vector<Sorted>& sorted,
            std::vector<std::vector<int32_t>>& final_ids, Shards& out) {
    WordTable& mine = out.tables[shard];
    for (std::size_t t = 0; t < tables.size(); ++t) {
        for (std::size_t id = 0; id < tables[t].size(); ++id) {
            if (sorted[t].shard[id] != shard || tables[t].count(id) == 0) continue;
            const std::string_view word = word_of(tables[t], sorted[t], id);
            final_ids[t][id] = static_cast<int32_t>(mine.add(bytes(word), word.size(), tables[t].count(id)));
        }
    }
    auto& entries = out.entries[shard];
    entries.reserve(mine.size());
    for (std::size_t id = 0; id < mine.size(); ++id) {
        const std::string_view word = mine.word(id);
        const unicode::Census found = unicode::census(word);
        out.sums[shard].letters += found.letters * mine.count(id);
        out.sums[shard].han += found.han * mine.count(id);
        out.invalid[shard] += found.invalid * mine.count(id);
        entries.push_back({mine.count(id), big_endian_prefix(word), static_cast<uint32_t>(shard),
                           static_cast<uint32_t>(id)});
    }
    std::sort(entries.begin(), entries.end(), Before{out.tables});
}

// Merges neighbours two by two until one sorted list is left.
std::vector<Entry> merge_sorted(std::vector<std::vector<Entry>>& lists, const Before& before, std::size_t threads) {
    for (std::size_t step = 1; step < lists.size(); step *= 2) {
        parallel(threads, (lists.size() + 2 * step - 1) / (2 * step), [&](std::size_t, std::size_t pair) {
            const std::size_t left = 2 * step * pair, right = left + step;
            if (right >= lists.size()) return;
            std::vector<Entry> merged(lists[left].size() + lists[right].size());
            std::merge(lists[left].begin(), lists[left].end(), lists[right].begin(), lists[right].end(), merged.begin(),
                       before);
            lists[left] = std::move(merged);
            lists[right] = {};
        });
    }
    return std::move(lists.front());
}

// Fills words, ends and counts in the order given; returns the position of every word of every shard.
std::vector<std::vector<int32_t>> lay_out(const std::vector<Entry>& order, const Shards& gathered, Vocabulary& out) {
    if (order.size() > 0x7FFFFFFF) throw std::length_error("the text holds over 2,147,483,647 different words");
    std::vector<std::vector<int32_t>> ranks;
    for (const WordTable& table : gathered.tables) ranks.emplace_back(table.size());
    out.ends.reserve(order.size());
    out.counts.reserve(order.size());
    for (std::size_t rank = 0; rank < order.size(); ++rank) {
        const Entry& entry = order[rank];
        const std::string_view word = gathered.tables[entry.shard].word(entry.id);
        out.bytes.insert(out.bytes.end(), word.begin(), word.end());
        out.ends.push_back(static_cast<int64_t>(out.bytes.size()));
        out.counts.push_back(static_cast<int64_t>(entry.count));
        ranks[entry.shard][entry.id] = static_cast<int32_t>(rank);
    }
    return ranks;
}

}  // namespace

Vocabulary merge(const std::vector<WordTable>& tables, Normalisation wanted, std::size_t threads) {
    const std::size_t shards = std::min<std::size_t>(std::bit_ceil(std::max<std::size_t>(threads, 1)), 128);
    const uint64_t seed = tables.front().seed();  // the same in all, so that a word has one shard
    Vocabulary out;
    out.final_ids.resize(tables.size());
    std::vector<Sorted> sorted(tables.size());
    parallel(threads, tables.size(), [&](std::size_t, std::size_t t) {
        sorted[t] = sort_into_shards(tables[t], wanted, shards);
        out.final_ids[t].resize(tables[t].size());
    });
    Shards gathered{std::vector<WordTable>(shards, WordTable(seed)), std::vector<std::vector<Entry>>(shards),
                    std::vector<unicode::Census>(shards), std::vector<uint64_t>(shards)};
    parallel(threads, shards,
             [&](std::size_t, std::size_t shard) { gather(shard, tables, sorted, out.final_ids, gathered); });
    for (std::size_t shard = 0; shard < shards; ++shard) {
        out.letters += gathered.sums[shard].letters;
        out.han += gathered.sums[shard].han;
        out.invalid += gathered.invalid[shard];
    }
    const auto order = merge_sorted(gathered.entries, Before{gathered.tables}, threads);
    const auto ranks = lay_out(order, gathered, out);
    parallel(threads, tables.size(), [&](std::size_t, std::size_t t) {
        for (std::size_t id = 0; id < tables[t].size(); ++id) {
            if (tables[t].count(id) == 0) continue;  // a word that feed_ids never met
            out.final_ids[t][id] = ranks[sorted[t].shard[id]][static_cast<std::size_t>(out.final_ids[t][id])];
        }
    });
    return out;
}

}  // namespace firth
