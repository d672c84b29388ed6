#include "exchange.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace firth {
namespace {

double entropy_term(int64_t n) { return n > 0 ? double(n) * std::log(double(n)) : 0.0; }

// n log n of small n from a table.
class Terms {
  public:
    Terms() : table_(1 << 16) {
        for (std::size_t n = 0; n < table_.size(); ++n) table_[n] = entropy_term(int64_t(n));
    }
    double operator()(int64_t n) const { return uint64_t(n) < table_.size() ? table_[std::size_t(n)] : entropy_term(n); }

  private:
    std::vector<double> table_;
};

using Neighbours = std::vector<std::vector<std::pair<int32_t, int64_t>>>;

// The counts of the class bigram model. Its log likelihood, but for terms of words alone, is (Martin et al., equation 4)
// sum over class pairs of N(g, h) log N(g, h), less the sums over N(g, .) and N(., g).
struct Tables {
    std::size_t n;
    std::vector<int64_t> pairs, as_left, as_right;

    explicit Tables(std::size_t classes) : n(classes), pairs(classes * classes), as_left(classes), as_right(classes) {}
    int64_t& at(std::size_t g, std::size_t h) { return pairs[g * n + h]; }
};

// How often a word stands before, after each class, and before itself.
struct Sides {
    std::vector<int64_t> before, after;
    std::vector<int32_t> touched_before, touched_after;
    int64_t itself = 0, left = 0, right = 0;

    explicit Sides(std::size_t classes) : before(classes), after(classes) {}

    void gather(std::size_t word, const Neighbours& successors, const Neighbours& predecessors, std::span<const int32_t> classes) {
        for (int32_t h : touched_before) before[std::size_t(h)] = 0;
        for (int32_t h : touched_after) after[std::size_t(h)] = 0;
        touched_before.clear(), touched_after.clear();
        itself = left = right = 0;
        for (const auto& [other, count] : successors[word]) {
            left += count;
            if (std::size_t(other) == word) itself += count;
            else add(before, touched_before, classes[std::size_t(other)], count);
        }
        for (const auto& [other, count] : predecessors[word]) {
            right += count;
            if (std::size_t(other) != word) add(after, touched_after, classes[std::size_t(other)], count);
        }
    }

  private:
    static void add(std::vector<int64_t>& side, std::vector<int32_t>& touched, int32_t h, int64_t count) {
        if (!side[std::size_t(h)]) touched.push_back(h);
        side[std::size_t(h)] += count;
    }
};

// Puts the word into class g (sign 1) or takes it out (sign -1).
void shift(Tables& tables, const Sides& sides, std::size_t g, int64_t sign) {
    for (int32_t h : sides.touched_before) tables.at(g, std::size_t(h)) += sign * sides.before[std::size_t(h)];
    for (int32_t h : sides.touched_after) tables.at(std::size_t(h), g) += sign * sides.after[std::size_t(h)];
    tables.at(g, g) += sign * sides.itself;
    tables.as_left[g] += sign * sides.left;
    tables.as_right[g] += sign * sides.right;
}

// What the likelihood gains when the word, now in no class, joins class g.
double gain(Tables& tables, const Sides& sides, std::size_t g, const Terms& term) {
    double sum = term(tables.as_left[g]) - term(tables.as_left[g] + sides.left);
    sum += term(tables.as_right[g]) - term(tables.as_right[g] + sides.right);
    for (int32_t h : sides.touched_before) {
        if (std::size_t(h) == g) continue;
        const int64_t count = tables.at(g, std::size_t(h));
        sum += term(count + sides.before[std::size_t(h)]) - term(count);
    }
    for (int32_t h : sides.touched_after) {
        if (std::size_t(h) == g) continue;
        const int64_t count = tables.at(std::size_t(h), g);
        sum += term(count + sides.after[std::size_t(h)]) - term(count);
    }
    const int64_t own = tables.at(g, g);
    return sum + term(own + sides.before[g] + sides.after[g] + sides.itself) - term(own);
}

}  // namespace

int64_t exchange_classes(const Bigrams& bigrams, std::span<int32_t> classes, int n_classes, std::size_t movable, int sweeps) {
    const auto open = std::size_t(n_classes);
    const auto n = std::max(open, std::size_t(*std::max_element(classes.begin(), classes.end())) + 1);
    Neighbours successors(classes.size()), predecessors(classes.size());
    Tables tables(n);
    for (std::size_t i = 0; i < bigrams.count.size(); ++i) {
        const auto left = std::size_t(bigrams.left[i]), right = std::size_t(bigrams.right[i]);
        successors[left].emplace_back(bigrams.right[i], bigrams.count[i]);
        predecessors[right].emplace_back(bigrams.left[i], bigrams.count[i]);
        tables.at(std::size_t(classes[left]), std::size_t(classes[right])) += bigrams.count[i];
        tables.as_left[std::size_t(classes[left])] += bigrams.count[i];
        tables.as_right[std::size_t(classes[right])] += bigrams.count[i];
    }
    const Terms term;
    Sides sides(n);
    int64_t sweep = 0;
    for (bool moved = true; moved && sweep < sweeps; ++sweep) {
        moved = false;
        for (std::size_t word = 0; word < movable; ++word) {
            sides.gather(word, successors, predecessors, classes);
            const auto old = std::size_t(classes[word]);
            shift(tables, sides, old, -1);
            std::size_t best = old;
            double most = gain(tables, sides, old, term) + 1e-9;  // a tie leaves the word where it is
            for (std::size_t g = 0; g < open; ++g) {
                if (g == old) continue;
                if (const double found = gain(tables, sides, g, term); found > most) most = found, best = g;
            }
            shift(tables, sides, best, 1);
            classes[word] = int32_t(best);
            moved |= best != old;
        }
    }
    return sweep;
}

}  // namespace firth
