// From hidden vectors to labels and probabilities, in Facebook's own arithmetic: a probability is p + 1e-5 (it passes
// through log(p + 1e-5)), and sigmoids but those of the tree come from its table of 512.
#pragma once
#include <cstdint>
#include <vector>

#include "private_rows.h"
#include "supervised.h"

namespace firth {

// The Huffman tree over labels, most frequent first, as fastText builds it: inner node k is row k of the output.
class LabelTree {
public:
    explicit LabelTree(const int64_t* counts, int32_t n);
    struct Node {
        int32_t parent = -1, left = -1, right = -1;
        int64_t count = int64_t(1e15);
        bool turned_right = false;
    };
    int32_t leaves() const { return leaves_; }
    int32_t root() const { return 2 * leaves_ - 2; }
    const Node& operator[](int32_t node) const { return nodes_[node]; }

private:
    int32_t leaves_;
    std::vector<Node> nodes_;  // leaves first
};

struct Predictions {
    std::vector<int32_t> labels;
    std::vector<float> probabilities;
    std::vector<int64_t> ends;  // by document
};

class LabelScorer {
public:
    LabelScorer(const float* output, int32_t n_labels, int dim, ClassifierLoss loss, const int64_t* counts);
    int dim() const { return dim_; }
    // The k likeliest labels (-1: all) of each hidden vector, n x dim, that reach the threshold; of equal ones the lower
    // number first. A document that has no features (there[i] is 0) gets none.
    Predictions best(const float* hidden, const uint8_t* there, size_t n, int k, float threshold, int threads) const;

private:
    struct Scratch;
    void walk(int32_t node, float score, float least, Scratch& s) const;
    void one(const float* hidden, int k, float threshold, Scratch& s) const;

    int32_t n_labels_;
    int dim_, stride_;
    ClassifierLoss loss_;
    AlignedFloats output_;
    LabelTree tree_;
    std::vector<float> sigmoids_;
};

// sums[i] = the mean of document i's rows, n x dim; zeros where there are none.
void mean_rows(const float* matrix, size_t stride, int dim, const int32_t* rows, const int64_t* ends, size_t n, int threads, float* means);

}  // namespace firth
