// Log-linear models over a tree of contexts, each of which refines its parent: exact likelihood and gradient at the
// cost of the features alone (Wu and Khudanpur 2000, section 3: sums of shorter contexts are shared by longer ones).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace firth {

// Nodes stand level by level, in a level by parent, so the children of a node stand together. A node's features are
// targets that were seen in its context, by rising number; each of them is a feature of the parent too.
struct ContextTree {
    std::span<const int64_t> levels;    // n_levels + 1: where the nodes of each level begin
    std::span<const int64_t> children;  // n_nodes + 1: children of node u are children[u] to children[u + 1]
    std::span<const int64_t> first;     // n_nodes + 1: features of node u are first[u] to first[u + 1]
    std::span<const int32_t> target;    // n_features
    std::span<const int32_t> symbol;    // n_nodes: what a node adds to its parent's context; rises among siblings
};

struct Examples {
    std::span<const int64_t> ended;  // n_nodes: training examples whose longest context is this node
    std::span<const int32_t> above;  // n_features: the feature of the parent with this target; -1 at roots
};

// With s(u, w) the sum of the weights of w at u and above, and Z(u) the sum of exp s(u, w) over the targets of u's root:
// fills scores[f] = exp s and sums[u] = Z, and returns the sum over examples of log Z(their context).
double maxent_forward(const ContextTree& tree, const Examples& examples, const double* weights, double* scores,
                      double* sums, std::size_t threads);

// From what maxent_forward left: expected[f], how often the model expects the feature in the training contexts.
// `mass` is room for n_nodes numbers. Both are the same bytes on any number of threads.
void maxent_backward(const ContextTree& tree, const Examples& examples, const double* scores, const double* sums,
                     double* mass, double* expected, std::size_t threads);

// Logarithms of a finished model: log_scores[f] = s, log_sums[u] = log Z.
struct Scored {
    ContextTree tree;
    std::span<const float> log_scores;
    std::span<const double> log_sums;
};

// Adds log P(target | context) to out for each of n examples; contexts is n x depth symbols (the root's first), a
// negative one ends the context. A target that the root does not have gets minus infinity.
void maxent_score(const Scored& model, const int32_t* contexts, std::size_t depth, const int32_t* targets, std::size_t n,
                  double* out, std::size_t threads);

}  // namespace firth
