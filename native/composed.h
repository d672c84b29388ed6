// Inputs that are not rows of a matrix but means of several: a word's own row and those of its character n-grams
// (Bojanowski et al. 2017, section 3.2).
//
// Every word of a round is composed once, from the rows as they are when the round begins; its blocks train copies of the
// vector. A gradient step moves every row of a word by the same change g (fastText leaves out the factor 1 / number of
// rows), so the mean moves by g too: what happened to a vector is what is owed to each of the word's rows.
#pragma once
#include <cstdint>
#include <vector>

#include "private_rows.h"

namespace firth {

struct Word2VecTask;
struct Block;

// The words of some blocks, as one thread sees them; all threads see the same.
class RoundWords {
public:
    using Blocks = std::vector<const Block*>;

    void unite(const Blocks& blocks);
    size_t size() const { return words_.rows().size(); }
    // Write the vectors of one of `threads` shares of the words to their places among all vectors.
    void compose(const Word2VecTask& task, float* vectors, int thread, int threads);
    // Where the vector of a block's word is, block and word by their number.
    int32_t place(size_t block, size_t slot) const { return places_[first_[block] + slot]; }
    // Add what the blocks did to the words to those of their rows that belong to `thread`. Changes of a word in several
    // blocks, and of several words that share a row, were made from the same frozen point: agreement() weighs their sums.
    void spread(const Word2VecTask& task, const Blocks& blocks, int thread, int threads, float pull);

private:
    struct Place {  // where a row is changed: by which word, and which of the rows seen
        int32_t word, row;
    };
    void find_rows(const Word2VecTask& task, int thread, int threads);
    const float* change_of(const Word2VecTask& task, const Blocks& blocks, size_t word, float pull);

    PrivateRows words_;
    std::vector<int32_t> number_;   // of each row of the matrix among rows_, from 1; 0 where it is not there
    std::vector<int32_t> rows_;     // of this thread, that the round's words have
    std::vector<size_t> first_;     // of each block among places_
    std::vector<int32_t> places_;
    std::vector<int32_t> next_;     // places_ of one word make a list: the next of each, -1 at its end
    std::vector<int32_t> head_, tail_, blocks_, asked_;  // of each word; asked_: how often the blocks use it
    std::vector<float*> parts_;     // rows of some words, as sum_windows wants them
    std::vector<int> begin_, end_, hole_;
    std::vector<float> share_;
    std::vector<Place> changed_;
    std::vector<int64_t> uses_;     // of each row, by its words
    std::vector<int32_t> times_;    // words that share each row
    std::vector<float> factor_;
    Room sum_;
};

// Copies of the round's vectors, which one block trains.
class ComposedRows {
public:
    void open(const float* vectors, const RoundWords& words, size_t block, size_t n, int stride);
    float* at(size_t slot) const { return now_ + slot * stride_; }
    // From here on at(slot) is the change.
    void close(const float* vectors, const RoundWords& words, size_t block, int dim);

private:
    Room room_;
    float* now_ = nullptr;
    size_t n_ = 0;
    int stride_ = 0;
};

}  // namespace firth
