// Training of fastText's classifier (Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification", section 2).
//
// Plain stochastic gradient descent, document after document, with the work on each document shared among threads by
// columns: a thread owns the same columns of every row, adds up its part of the hidden vector, and learns from the others
// only the parts of the scores. Nobody waits for anybody's rows, and what is computed does not depend on the number of
// threads. The price is a meeting of the threads for every group of documents.
//
// The rows that only document d touches, m_r times each, change by the same g = d_h / n each time it comes round: row r
// by m_r g, and what they give to the hidden vector, sum of m_r row_r, by q g with q = the sum of the m_r^2. So one row
// of d's, their weighted sum, stands for them all in training; spread_own gives each its share at the end.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "sampling.h"
#include "word2vec.h"

namespace firth {

enum class ClassifierLoss { kSoftmax, kNegative, kHierarchical, kOneVsAll };

// Everything that training reads, and the two matrices that it changes. All pointers are borrowed.
struct SupervisedTask {
    const int32_t* features;      // rows of `input`, document after document
    const int64_t* feature_ends;
    const int32_t* own_rows;      // rows of one document only, and how often each is in it
    const int32_t* own_times;
    const int64_t* own_ends;      // null: there are none
    const int32_t* labels;
    const int64_t* label_ends;
    int64_t n_documents;

    float* input;   // rows padded to `stride`
    float* output;  // a row per label; per inner node of the tree for the hierarchical softmax
    float* own;     // a row per document; null: there are none
    int dim, stride;
    int32_t n_labels;

    ClassifierLoss loss;
    int negative;
    AliasTable noise;
    const int64_t* path_first;  // label k's path through the tree: [path_first[k], path_first[k + 1])
    const int32_t* path_node;
    const uint8_t* path_code;   // 1 where the path turns right

    int epochs;
    float rate;
    uint64_t seed;
    bool shuffle, update;  // update false: only the loss is wanted
    int group;             // most documents whose scores are computed from the same parameters
};

class SupervisedTrainer {
public:
    static constexpr int64_t kRound = 64;  // documents
    static constexpr int64_t kGroupFeatures = 1024;

    explicit SupervisedTrainer(const SupervisedTask& task);
    int64_t rounds_per_epoch() const { return (task_.n_documents + kRound - 1) / kRound; }
    // Train the next `count` rounds, which must lie in one epoch.
    void run(int64_t count, int threads);
    int64_t round() const { return at_; }
    const Tally& tally() const { return sum_; }
    void seek(int64_t round, Tally tally) { at_ = round, sum_ = tally; }

private:
    struct Group;
    struct Worker;
    void shuffle(int64_t epoch);
    int64_t group_end(int64_t at, int64_t end) const;

    SupervisedTask task_;
    int64_t at_ = 0;
    int64_t order_of_ = -1;  // the epoch that `order_` is of
    std::vector<int32_t> order_;
    Tally sum_;
};

// Row i becomes what init_rows gives row numbers[i], in [-1, 1) / dim as fastText's classifier has it: rows of buckets are
// numbered by their buckets, so that they do not depend on which other buckets a text hits.
void init_row_numbers(float* matrix, const int64_t* numbers, size_t n, int dim, int stride, uint64_t seed, int threads);

// own[d] = the sum of document d's own rows, each as often as it is there.
void gather_own(const SupervisedTask& task, int threads);
// Every own row gets its share of what own[d] has changed since.
void spread_own(const SupervisedTask& task, int threads);

}  // namespace firth
