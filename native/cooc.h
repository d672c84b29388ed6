// Co-occurrence counts, row by row: all occurrences of a word are visited one after the other, and what stands around
// them is added up in an array with a cell for every word. No pair is ever stored twice, sorted or hashed.
//
// Sums are whole numbers (each distance has a whole weight), so no order of additions can change them: neither threads
// nor the cutting of the text into pieces leave a trace.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cooc_store.h"

namespace firth {

struct CoocText {
    std::span<const int32_t> ids;      // of types
    std::span<const int64_t> ends;     // of sentences, exclusive
    std::span<const int32_t> word_of;  // type -> word (row), negative: left out, its neighbours close up
    std::span<const uint32_t> keep;    // word -> largest random number at which an occurrence stays; empty: all stay
    uint64_t key;                      // of the random numbers, one per place in the text
};

struct CoocOptions {
    std::vector<uint64_t> weights;  // weights[d - 1] is added for a word d places away; nothing beyond
    bool left = true, right = true;
    std::size_t budget = std::size_t(1) << 32;  // bytes of memory
    std::size_t threads = 1;
    int spill = -1;  // descriptor of a file for what the budget has no room for
};

// Steps, in this order: place(text, begin, end) and work() until it gives 0, for every piece of the text; close() and
// work() until it gives 0; then lengths(), and one of fill() and write(). Not for use from two threads at a time.
class CoocCounter {
  public:
    // occurrences: of each word in the text, about; they only balance the work.
    CoocCounter(std::span<const int64_t> occurrences, CoocOptions options);
    ~CoocCounter();

    // How many tokens fit the budget at a time.
    std::size_t piece() const { return piece_; }

    // Takes tokens [begin, end) of the text as centres; their neighbours may lie outside.
    void place(const CoocText& text, std::size_t begin, std::size_t end);

    // The text is over: rows of several pieces are to be merged.
    void close();

    // Works for about so long; returns how many groups of rows are left.
    std::size_t work(int milliseconds);

    uint64_t pairs() const;
    uint64_t spilled() const { return store_.spilled(); }
    uint64_t tokens() const { return tokens_; }  // that were counted: neither left out nor dropped at random

    // The number of columns in each of n_words rows.
    void lengths(int64_t* out);

    // All rows end to end: columns, ascending in each row, and values, which are sums divided by unit. Memory is given
    // back on the way, so this works once.
    void fill(double unit, int32_t* columns, double* values);

    // The same into a file: first all columns, then all values.
    void write(double unit, int file);

    // Whether work() has come to its end.
    bool idle() const { return done_.empty() || next_ == groups(); }

  private:
    struct Part;
    struct Worker;

    std::size_t groups() const { return bounds_.size() - 1; }
    void count_group(Worker& worker, std::size_t group);
    void count_row(Worker& worker, uint32_t word);
    template <bool Sparse>
    void add_around(Worker& worker, uint32_t word);
    void merge_group(Worker& worker, std::size_t group);
    std::vector<Part> parts(const CoocText& text, std::size_t begin, std::size_t end) const;
    template <class Use>
    void take(Use use);

    CoocOptions options_;
    uint32_t n_words_;
    std::size_t piece_;
    CoocStore store_;
    std::vector<uint32_t> bounds_;               // group g holds rows [bounds_[g], bounds_[g + 1])
    std::vector<std::vector<CoocSegment>> done_;  // by piece, then group
    std::vector<std::unique_ptr<Worker>> workers_;
    bool merging_ = false;
    std::size_t next_ = 0;  // group
    uint64_t tokens_ = 0;

    // The piece at work: words with n_words_ for every end of a sentence, and where each word stands.
    std::vector<uint32_t> words_;
    std::vector<uint32_t> positions_, starts_;  // word w stands at positions_[starts_[w] .. starts_[w + 1])
};

}  // namespace firth
