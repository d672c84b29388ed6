#include "classify.h"

#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "kernels.h"
#include "parallel.h"

namespace firth {

LabelTree::LabelTree(const int64_t* counts, int32_t n) : leaves_(n), nodes_(size_t(n > 0 ? 2 * int64_t(n) - 1 : 0)) {
    for (int32_t i = 0; i < n; ++i) nodes_[size_t(i)].count = counts[i];
    int32_t leaf = n - 1, node = n;
    for (int32_t i = n; i < 2 * n - 1; ++i) {
        int32_t least[2];
        for (int32_t& next : least) next = leaf >= 0 && nodes_[size_t(leaf)].count < nodes_[size_t(node)].count ? leaf-- : node++;
        nodes_[size_t(i)].left = least[0], nodes_[size_t(i)].right = least[1];
        nodes_[size_t(i)].count = nodes_[size_t(least[0])].count + nodes_[size_t(least[1])].count;
        for (int32_t child : least) nodes_[size_t(child)].parent = i;
        nodes_[size_t(least[1])].turned_right = true;
    }
}

namespace {

constexpr int kTable = 512;
constexpr float kLargest = 8;

float log_of(float p) { return float(std::log(double(p) + 1e-5)); }

bool likelier(const std::pair<float, int32_t>& a, const std::pair<float, int32_t>& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
}

}  // namespace

struct LabelScorer::Scratch {
    AlignedFloats hidden, scores;
    std::vector<float*> rows;
    std::vector<float> parts;
    std::vector<std::pair<float, int32_t>> found;  // logarithm and label
    size_t k = 0;
};

LabelScorer::LabelScorer(const float* output, int32_t n_labels, int dim, ClassifierLoss loss, const int64_t* counts)
    : n_labels_(n_labels), dim_(dim), stride_(padded(dim)), loss_(loss),
      output_(aligned_floats(size_t(n_labels) * size_t(stride_))), tree_(counts, loss == ClassifierLoss::kHierarchical ? n_labels : 0) {
    std::fill_n(output_.get(), size_t(n_labels) * size_t(stride_), 0.0f);
    for (int32_t k = 0; k < n_labels; ++k) std::copy_n(output + size_t(k) * size_t(dim), dim, output_.get() + size_t(k) * size_t(stride_));
    for (int i = 0; i <= kTable; ++i) {
        const float x = float(i * 2 * kLargest) / kTable - kLargest;
        sigmoids_.push_back(float(1.0 / (1.0 + std::exp(-double(x)))));
    }
}

// Facebook's walk down the tree: a branch is left where its score falls under the threshold or the k-th best so far.
void LabelScorer::walk(int32_t node, float score, float least, Scratch& s) const {
    if (score < least || (s.found.size() == s.k && score < s.found.front().first)) return;
    if (node < n_labels_) {
        s.found.emplace_back(score, node);
        std::push_heap(s.found.begin(), s.found.end(), likelier);
        if (s.found.size() > s.k) std::pop_heap(s.found.begin(), s.found.end(), likelier), s.found.pop_back();
        return;
    }
    const float f = float(1.0 / (1.0 + std::exp(-double(s.scores[size_t(node - n_labels_)]))));
    walk(tree_[node].left, score + float(std::log(1.0 - double(f) + 1e-5)), least, s);
    walk(tree_[node].right, score + log_of(f), least, s);
}

void LabelScorer::one(const float* hidden, int k, float threshold, Scratch& s) const {
    const int blocks = stride_ / kPad, pitch = (n_labels_ + kPad - 1) / kPad * kPad;
    std::copy_n(hidden, dim_, s.hidden.get());
    Targets<float> t{};
    t.rows = s.rows.data(), t.n = n_labels_, t.width = stride_, t.hidden = s.hidden.get(), t.scores = s.parts.data(), t.pitch = size_t(pitch);
    t.scores = s.scores.get();
    kernels().score_parts_f(t);
    float* const scores = s.scores.get();
    for (int m = 0; m < n_labels_; ++m)
        for (int b = 1; b < blocks; ++b) scores[m] += scores[size_t(b) * size_t(pitch) + size_t(m)];
    s.found.clear();
    s.k = size_t(k < 0 ? n_labels_ : std::min(k, n_labels_));
    if (loss_ == ClassifierLoss::kHierarchical) {
        walk(tree_.root(), 0.0f, log_of(threshold), s);
    } else {
        if (loss_ == ClassifierLoss::kSoftmax) {
            const float top = *std::max_element(scores, scores + n_labels_);
            float sum = 0;
            for (int m = 0; m < n_labels_; ++m) sum += scores[m] = std::exp(scores[m] - top);
            for (int m = 0; m < n_labels_; ++m) scores[m] /= sum;
        } else {
            for (int m = 0; m < n_labels_; ++m) {
                const float x = scores[m];
                scores[m] = x < -kLargest ? 0.0f : x > kLargest ? 1.0f : sigmoids_[size_t((x + kLargest) * kTable / kLargest / 2)];
            }
        }
        for (int m = 0; m < n_labels_; ++m)
            if (scores[m] >= threshold) s.found.emplace_back(log_of(scores[m]), m);
    }
    const size_t kept = std::min(s.found.size(), s.k);
    std::partial_sort(s.found.begin(), s.found.begin() + std::ptrdiff_t(kept), s.found.end(), likelier);
    s.found.resize(kept);
}

Predictions LabelScorer::best(const float* hidden, const uint8_t* there, size_t n, int k, float threshold, int threads) const {
    constexpr size_t kBlock = 64;
    std::vector<Predictions> blocks((n + kBlock - 1) / kBlock);
    const size_t pitch = size_t(n_labels_ + kPad - 1) / kPad * kPad;
    parallel(size_t(threads), std::min<size_t>(size_t(threads), blocks.size()), [&](size_t, size_t part) {
        Scratch s;
        s.hidden = aligned_floats(size_t(stride_)), s.scores = aligned_floats(size_t(stride_ / kPad) * pitch);
        std::fill_n(s.hidden.get(), stride_, 0.0f);
        for (int32_t m = 0; m < n_labels_; ++m) s.rows.push_back(output_.get() + size_t(m) * size_t(stride_));
        for (size_t block = part; block < blocks.size(); block += size_t(threads)) {
            Predictions& out = blocks[block];
            for (size_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
                s.found.clear();
                if (there[i]) one(hidden + i * size_t(dim_), k, threshold, s);
                for (const auto& [log, label] : s.found) out.labels.push_back(label), out.probabilities.push_back(std::exp(log));
                out.ends.push_back(int64_t(out.labels.size()));
            }
        }
    });
    Predictions all;
    for (const Predictions& block : blocks) {
        const int64_t before = int64_t(all.labels.size());
        all.labels.insert(all.labels.end(), block.labels.begin(), block.labels.end());
        all.probabilities.insert(all.probabilities.end(), block.probabilities.begin(), block.probabilities.end());
        for (int64_t end : block.ends) all.ends.push_back(before + end);
    }
    return all;
}

void mean_rows(const float* matrix, size_t stride, int dim, const int32_t* rows, const int64_t* ends, size_t n, int threads, float* means) {
    constexpr size_t kBlock = 32;
    parallel(size_t(threads), (n + kBlock - 1) / kBlock, [&](size_t, size_t block) {
        for (size_t i = block * kBlock; i < std::min(n, (block + 1) * kBlock); ++i) {
            const int64_t begin = i ? ends[i - 1] : 0;
            kernels().mean_rows(matrix, stride, dim, rows + begin, int(ends[i] - begin), means + i * size_t(dim));
        }
    });
}

}  // namespace firth
