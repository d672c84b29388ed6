// Sorted runs of n-grams with their counts in a file, and their merging.
#pragma once
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

#include <unistd.h>

#include "cooc_store.h"
#include "ngram_key.h"

namespace firth {

template <std::size_t W>
struct NGramCounted {
    NGramKey<W> key;
    uint64_t count;
};

template <std::size_t W>
class NGramRuns {
    using Entry = NGramCounted<W>;

  public:
    explicit NGramRuns(int file) : file_(file) {}

    bool empty() const { return runs_.empty(); }
    uint64_t bytes() const { return end_; }

    // Writes a run of sorted keys, equal ones as one.
    void add(std::span<const NGramKey<W>> keys) {
        const uint64_t begin = end_;
        std::vector<Entry> waiting;
        const auto flush = [&] {
            write_at(file_, waiting.data(), waiting.size() * sizeof(Entry), end_);
            end_ += waiting.size() * sizeof(Entry);
            waiting.clear();
        };
        for (std::size_t i = 0, j; i < keys.size(); i = j) {
            for (j = i + 1; j < keys.size() && keys[j] == keys[i]; ++j) {}
            waiting.push_back({keys[i], j - i});
            if (waiting.size() == kBlock) flush();
        }
        flush();
        runs_.push_back({begin, end_});
    }

    // use(keys, counts) for all n-grams, merged, some at a time.
    template <class Use>
    void merge(std::size_t memory, Use&& use) const {
        std::vector<Reader> readers;
        const std::size_t each = std::clamp<std::size_t>(memory / (runs_.size() * sizeof(Entry)), 1 << 10, 1 << 18);
        for (const auto& [begin, end] : runs_) readers.push_back({file_, each, begin, end});
        std::vector<Reader*> heap;
        for (Reader& reader : readers)
            if (reader.next()) heap.push_back(&reader);
        const auto later = [](const Reader* a, const Reader* b) { return b->entry.key < a->entry.key; };
        std::make_heap(heap.begin(), heap.end(), later);
        std::vector<NGramKey<W>> keys;
        std::vector<uint64_t> counts;
        while (!heap.empty()) {
            std::pop_heap(heap.begin(), heap.end(), later);
            Reader& least = *heap.back();
            if (!keys.empty() && keys.back() == least.entry.key) {
                counts.back() += least.entry.count;
            } else {
                if (keys.size() == kBlock) use(std::span(keys), std::span(counts)), keys.clear(), counts.clear();
                keys.push_back(least.entry.key), counts.push_back(least.entry.count);
            }
            if (least.next()) std::push_heap(heap.begin(), heap.end(), later);
            else heap.pop_back();
        }
        if (!keys.empty()) use(std::span(keys), std::span(counts));
    }

  private:
    static constexpr std::size_t kBlock = 1 << 16;
    struct Run {
        uint64_t begin, end;  // bytes of the file
    };

    struct Reader {
        int file;
        std::size_t each;
        uint64_t place, end;
        std::vector<Entry> block{};
        std::size_t used = 0;
        Entry entry{};

        bool next() {
            if (used == block.size() && !load()) return false;
            entry = block[used++];
            return true;
        }

        bool load() {
            block.resize(std::min<uint64_t>(each, (end - place) / sizeof(Entry)));
            auto* to = reinterpret_cast<char*>(block.data());
            for (std::size_t left = block.size() * sizeof(Entry); left;) {
                const ssize_t got = pread(file, to, left, off_t(place));
                if (got < 0 && errno == EINTR) continue;
                if (got <= 0) throw std::system_error(got ? errno : EIO, std::generic_category());
                to += got, place += uint64_t(got), left -= std::size_t(got);
            }
            used = 0;
            return !block.empty();
        }
    };

    int file_;
    uint64_t end_ = 0;
    std::vector<Run> runs_;
};

}  // namespace firth
