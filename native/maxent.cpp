#include "maxent.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "parallel.h"

namespace firth {
namespace {

constexpr std::size_t kBlock = 2048;  // nodes or examples that are one thread's together

template <class Work>
void in_blocks(std::size_t begin, std::size_t end, std::size_t threads, Work&& work) {
    const std::size_t blocks = (end - begin + kBlock - 1) / kBlock;
    parallel(threads, blocks, [&](std::size_t, std::size_t block) {
        const std::size_t from = begin + block * kBlock;
        work(block, from, std::min(from + kBlock, end));
    });
}

}  // namespace

double maxent_forward(const ContextTree& tree, const Examples& examples, const double* weights, double* scores,
                      double* sums, std::size_t threads) {
    double total = 0.0;
    const auto& first = tree.first;
    const auto add_logs = [&](std::size_t node, double& sum) {
        if (examples.ended[node]) sum += double(examples.ended[node]) * std::log(sums[node]);
    };
    for (auto root = tree.levels[0]; root < tree.levels[1]; ++root) {
        double z = 0.0;
        for (int64_t f = first[root]; f < first[root + 1]; ++f) z += scores[f] = std::exp(weights[f]);
        sums[root] = z;
        add_logs(std::size_t(root), total);
    }
    // Going down, a child's sum is its parent's, with the terms of the child's own targets replaced.
    for (std::size_t level = 0; level + 2 < tree.levels.size(); ++level) {
        const auto begin = std::size_t(tree.levels[level]), end = std::size_t(tree.levels[level + 1]);
        std::vector<double> logs((end - begin + kBlock - 1) / kBlock, 0.0);
        in_blocks(begin, end, threads, [&](std::size_t block, std::size_t from, std::size_t to) {
            for (std::size_t node = from; node < to; ++node)
                for (int64_t child = tree.children[node]; child < tree.children[node + 1]; ++child) {
                    double change = 0.0;
                    for (int64_t f = first[child]; f < first[child + 1]; ++f) {
                        const double before = scores[examples.above[f]];
                        scores[f] = before * std::exp(weights[f]);
                        change += scores[f] - before;
                    }
                    sums[child] = sums[node] + change;
                    add_logs(std::size_t(child), logs[block]);
                }
        });
        for (double sum : logs) total += sum;
    }
    return total;
}

void maxent_backward(const ContextTree& tree, const Examples& examples, const double* scores, const double* sums,
                     double* mass, double* expected, std::size_t threads) {
    const auto& first = tree.first;
    // mass[u] is the sum of 1 / Z over the examples in u and below. A target of u is expected scores * mass times, were
    // it not for the children that have the target too: there their own expectation counts.
    for (std::size_t level = tree.levels.size() - 1; level-- > 0;)
        in_blocks(std::size_t(tree.levels[level]), std::size_t(tree.levels[level + 1]), threads,
                  [&](std::size_t, std::size_t from, std::size_t to) {
            for (std::size_t node = from; node < to; ++node) {
                const int64_t begin = tree.children[node], end = tree.children[node + 1];
                double sum = double(examples.ended[node]) / sums[node];
                for (int64_t child = begin; child < end; ++child) sum += mass[child];
                mass[node] = sum;
                for (int64_t f = first[node]; f < first[node + 1]; ++f) expected[f] = scores[f] * sum;
                for (int64_t child = begin; child < end; ++child)
                    for (int64_t f = first[child]; f < first[child + 1]; ++f) {
                        const int32_t above = examples.above[f];
                        expected[above] += expected[f] - scores[above] * mass[child];
                    }
            }
        });
}

void maxent_score(const Scored& model, const int32_t* contexts, std::size_t depth, const int32_t* targets, std::size_t n,
                  double* out, std::size_t threads) {
    const ContextTree& tree = model.tree;
    const auto place = [](std::span<const int32_t> values, int64_t begin, int64_t end, int32_t wanted) {
        const auto found = std::lower_bound(values.begin() + begin, values.begin() + end, wanted);
        return found != values.begin() + end && *found == wanted ? int64_t(found - values.begin()) : int64_t(-1);
    };
    in_blocks(0, n, threads, [&](std::size_t, std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            int64_t begin = 0, end = tree.levels[1], node = -1, feature = -1;
            for (std::size_t level = 0; level < depth; ++level) {
                const int32_t symbol = contexts[i * depth + level];
                const int64_t child = symbol < 0 ? -1 : place(tree.symbol, begin, end, symbol);
                if (child < 0) break;
                node = child, begin = tree.children[node], end = tree.children[node + 1];
                const int64_t found = place(tree.target, tree.first[node], tree.first[node + 1], targets[i]);
                if (found >= 0) feature = found;
            }
            out[i] += feature < 0 ? -std::numeric_limits<double>::infinity()
                                  : double(model.log_scores[std::size_t(feature)]) - model.log_sums[std::size_t(node)];
        }
    });
}

}  // namespace firth
