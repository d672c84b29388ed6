#include "examples.h"

#include <algorithm>
#include <cmath>

#include "dispatch.h"

namespace firth {

GroupRunner::GroupRunner(const Word2VecTask& task, Block& block, Scratch& scratch, TreeTop* top)
    : task_(task), block_(block), s_(scratch), kernels_(kernels()), top_(top) {}

void GroupRunner::run() {
    fetch_ahead(block_.first, std::min(block_.first + task_.group, block_.last), 0);
    for (int at = block_.first, number = 0; at < block_.last; at += task_.group, ++number) {
        const int stop = std::min(at + task_.group, block_.last);
        s_.targets.swap(s_.path);
        fetch_ahead(stop, std::min(stop + task_.group, block_.last), number + 1);
        inputs(at, stop);
        if (s_.inputs.empty()) continue;
        switch (task_.loss) {
            case Loss::kNegative: negative(number); break;
            case Loss::kHierarchical: hierarchical(); break;
            case Loss::kSoftmax: softmax(); break;
        }
        if (task_.update) update_inputs();
    }
    block_.tally.loss += std::log(product_);
}

// The rows of the next group start on their way from memory while this one is computed.
void GroupRunner::fetch_ahead(int at, int stop, int number) {
    const int reach = std::min(stop + task_.window, int(block_.words.size()));
    for (int i = at + task_.window; i < reach; ++i) prefetch_row(block_.input_rows[i], task_.stride);
    if (at >= stop) return;
    auto targets = [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) prefetch_row(block_.output_rows[i], task_.stride);
    };
    if (task_.loss == Loss::kNegative) {
        targets(size_t(at - block_.first), size_t(stop - block_.first));
        targets(block_.centres() + size_t(number) * task_.pool, block_.centres() + size_t(number + 1) * task_.pool);
    } else if (task_.loss == Loss::kHierarchical) {
        read_path(at);
        // the nodes near the root are at hand anyway
        for (size_t k = s_.path.size() / 2; k < s_.path.size(); ++k) prefetch_row(s_.path[k], task_.stride);
    }
}

void GroupRunner::read_path(int centre) {
    const Path path = path_of(task_, block_.words[centre]);
    s_.path.resize(path.length);
    if (!block_.paths.empty()) {
        float* const* rows = block_.output_rows.data() + block_.paths[centre - block_.first];
        std::copy_n(rows, path.length, s_.path.begin());
        return;
    }
    prefetch_paths(task_, block_, centre, 2);
    for (int k = 0; k < path.length; ++k) {
        const int32_t node = task_.path_node[path.first + k];
        s_.path[k] = top_ ? top_->row(task_, node) : task_.output + size_t(node) * task_.stride;
    }
}

// ---------------------------------------------------------------- inputs

void GroupRunner::inputs(int at, int stop) {
    s_.inputs.clear(), s_.meetings.clear();
    low_ = stop, high_ = at;
    int pairs = 0;
    for (int i = at; i < stop; ++i) {
        const Window& w = window(i);
        if (w.size() == 0) continue;
        low_ = std::min(low_, w.begin), high_ = std::max(high_, w.end);
        pairs += w.size();
    }
    if (pairs == 0) return;
    if (task_.architecture == Architecture::kSkipgram) skipgram_inputs(at, stop);
    else cbow_inputs(at, stop);
    block_.tally.pairs += task_.architecture == Architecture::kSkipgram ? pairs : int(s_.inputs.size());
}

void GroupRunner::skipgram_inputs(int at, int stop) {
    const bool alone = task_.loss == Loss::kHierarchical;  // one centre word, which is no input
    for (int i = low_; i < high_; ++i)
        if (!alone || i != at) s_.inputs.push_back(block_.input_rows[i]);
    if (alone) return s_.meetings.push_back({0, int(s_.inputs.size()), -1, at, block_.words[at]});
    for (int i = at; i < stop; ++i)
        if (window(i).size())
            s_.meetings.push_back({window(i).begin - low_, window(i).end - low_, i - low_, i, block_.words[i]});
}

void GroupRunner::cbow_inputs(int at, int stop) {
    s_.begin.clear(), s_.end.clear(), s_.hole.clear(), s_.share.clear();
    float* const hidden = s_.hidden.need(size_t(task_.group) * task_.stride);
    for (int i = at; i < stop; ++i) {
        const Window& w = window(i);
        if (w.size() == 0) continue;
        const int place = int(s_.inputs.size());
        s_.begin.push_back(w.begin - low_), s_.end.push_back(w.end - low_), s_.hole.push_back(i - low_);
        s_.share.push_back(task_.context == Context::kSum ? 1.0f : 1.0f / float(w.size()));
        s_.inputs.push_back(hidden + size_t(place) * task_.stride);
        s_.meetings.push_back({place, place + 1, -1, i, block_.words[i]});
    }
    s_.rows.assign(block_.input_rows.begin() + low_, block_.input_rows.begin() + high_);
    if (block_.positions) kernels_.weigh_windows(group_windows(), positions(nullptr), s_.share.data(), hidden);
    else kernels_.sum_windows(group_windows(), s_.share.data(), hidden);
}

Windows GroupRunner::group_windows() const {
    return {task_.dim, task_.stride, int(s_.begin.size()), s_.rows.data(), s_.begin.data(), s_.end.data(), s_.hole.data()};
}

// ---------------------------------------------------------------- losses

// The group's inputs and targets, with room for what its step leaves.
Group<float> GroupRunner::group(bool distinct) {
    const int n = int(s_.inputs.size()), m = int(s_.targets.size());
    Group<float> g{task_.dim, task_.stride, n, m, s_.inputs.data(), s_.targets.data()};
    g.scratch = s_.tiles.need(tiles_size(n, m)), g.rate = block_.rate;
    g.d_inputs = s_.d_inputs.need(size_t(n) * task_.stride);
    if (!distinct || !task_.update) g.d_targets = s_.d_targets.need(size_t(m) * task_.stride);
    return g;
}

void GroupRunner::add_targets() {
    if (task_.update)
        kernels_.add_rows(s_.targets.data(), s_.d_targets.need(0), int(s_.targets.size()), task_.dim, task_.stride);
}

// Noise words of the pool, then the centre words. Each input of skip-gram meets the centres of some windows, so one
// dense step takes all; each of CBOW meets its own centre alone.
void GroupRunner::negative(int number) {
    const int32_t* pool = block_.noise.data() + size_t(number) * task_.pool;
    float* const* rows = block_.output_rows.data() + block_.centres() + size_t(number) * task_.pool;
    s_.targets.assign(rows, rows + task_.pool);
    for (const Meeting& meeting : s_.meetings) s_.targets.push_back(block_.output_rows[meeting.centre - block_.first]);
    Group<float> all = group(false);
    const bool own = task_.architecture == Architecture::kCbow;
    if (own) all.n_targets = task_.pool;
    clear_pairs(all);
    if (!own) seen_pairs();
    noise_pairs(pool);
    block_.tally.loss += kernels_.pairs_f(all, {s_.seen_pairs.need(0), s_.all_pairs.need(0)});
    if (own) own_pairs(all);
    add_targets();
}

// No pairs yet between the group's inputs and its targets.
void GroupRunner::clear_pairs(const Group<float>& g) {
    const size_t size = tiles_size(g.n_inputs, g.n_targets);
    std::fill_n(s_.seen_pairs.need(size), size, 0.0f);
    std::fill_n(s_.all_pairs.need(size), size, 0.0f);
    s_.weight.assign(g.n_inputs, task_.architecture == Architecture::kCbow ? 1.0f : 0.0f);
}

size_t GroupRunner::place(int input, int column) const {
    return size_t(column / kColumns) * tile_size(int(s_.inputs.size())) + input * kColumns + column % kColumns;
}

// The inputs in a centre's window meet it once, and see it.
void GroupRunner::seen_pairs() {
    float *seen = s_.seen_pairs.need(0), *all = s_.all_pairs.need(0);
    int column = task_.pool;
    for (const Meeting& meeting : s_.meetings) {
        const size_t top = place(0, column++);
        for (int i = meeting.begin; i < meeting.end; ++i) {
            if (i == meeting.hole) continue;
            seen[top + i * kColumns] = all[top + i * kColumns] = 1.0f;
            s_.weight[i] += 1.0f;
        }
    }
}

// Each input meets the pool once for every pair that it is in, less the pairs whose centre the noise word itself is.
// A meeting counts negative / pool, so that a pair has `negative` noise words.
void GroupRunner::noise_pairs(const int32_t* pool) {
    const int n = int(s_.inputs.size()), size = task_.pool;
    const float unit = float(task_.negative) / float(size);
    float* all = s_.all_pairs.need(0);
    for (int m = 0; m < size; m += kColumns) {
        float* pairs = all + place(0, m);
        for (int i = 0; i < n; ++i)
            for (int k = 0; k < kColumns; ++k)
                if (size - m >= kColumns || k < size - m) pairs[i * kColumns + k] = unit * s_.weight[i];
    }
    for (const Meeting& meeting : s_.meetings) {
        for (int m = 0; m < size; ++m) {
            if (pool[m] != meeting.word) continue;
            float* pairs = all + place(0, m);
            for (int i = meeting.begin; i < meeting.end; ++i)
                if (i != meeting.hole) pairs[i * kColumns] = std::max(0.0f, pairs[i * kColumns] - unit);
        }
    }
}

// After the pool's step: every hidden vector with the centre word that it predicts.
void GroupRunner::own_pairs(Group<float> g) {
    g.n_targets = g.n_inputs;
    g.targets += task_.pool, g.d_targets += size_t(task_.pool) * task_.stride;
    block_.tally.loss += kernels_.own_f(g);
}

// At every inner node of the centre word's path a choice: left (code 0) is what sigma stands for. A group is one centre
// word here: paths of several have little more than the root in common, and sparse steps cost more than they save. Its
// nodes are the targets already (read_path).
void GroupRunner::hierarchical() {
    const uint8_t* codes = task_.path_code + path_of(task_, s_.meetings.front().word).first;
    const Group<float> all = group(true);
    if (all.n_targets) block_.tally.loss += kernels_.path_f(all, codes, product_);
    else std::fill_n(all.d_inputs, size_t(all.n_inputs) * all.stride, 0.0f);  // the tree of a single word has no nodes
}

void GroupRunner::softmax() {
    const int n = int(s_.inputs.size());
    s_.first.assign(1, 0), s_.seen.clear();
    for (int i = 0; i < n; ++i) {
        for (const Meeting& meeting : s_.meetings)
            if (i >= meeting.begin && i < meeting.end && i != meeting.hole) s_.seen.push_back(meeting.word);
        s_.first.push_back(int(s_.seen.size()));
    }
    s_.targets.clear();
    for (size_t m = 0; m < size_t(task_.n_outputs); ++m) s_.targets.push_back(task_.output + m * task_.stride);
    const Group<float> all = group(true);
    const Softmax<float> g{all.dim, all.stride, n, task_.n_outputs, all.inputs, all.targets, s_.first.data(),
                           s_.seen.data(), all.scratch, all.rate, all.d_inputs, all.d_targets};
    block_.tally.loss += kernels_.softmax_f(g);
}

// ---------------------------------------------------------------- updates of the inputs

void GroupRunner::update_inputs() {
    if (task_.architecture == Architecture::kCbow) return spread();
    if (task_.frozen) {
        const int hole = task_.loss == Loss::kHierarchical ? s_.meetings.front().centre : high_;
        for (size_t i = 0; i < s_.inputs.size(); ++i)
            if (frozen(low_ + int(i) + (low_ + int(i) >= hole))) s_.inputs[i] = spare();
    }
    kernels_.add_rows(s_.inputs.data(), s_.d_inputs.need(0), int(s_.inputs.size()), task_.dim, task_.stride);
}

// CBOW: each context word takes its share of the change of every hidden vector that it is part of. The mean's
// gradient has the factor 1 / size; word2vec.c left it out (Context::kHistoric), see docs/word2vec.md.
void GroupRunner::spread() {
    if (task_.context == Context::kHistoric) s_.share.assign(s_.share.size(), 1.0f);
    for (int i = low_; task_.frozen && i < high_; ++i)
        if (frozen(i)) s_.rows[i - low_] = spare();
    if (!block_.positions) return kernels_.spread_windows(group_windows(), s_.share.data(), s_.d_inputs.need(0));
    const int places = 2 * task_.window + 1;
    float* const changes = s_.d_positions.need(size_t(places) * task_.stride);
    std::fill_n(changes, size_t(places) * task_.stride, 0.0f);
    kernels_.unweigh_windows(group_windows(), positions(changes), s_.share.data(), s_.d_inputs.need(0));
    for (int k = 0; k < places; ++k)
        kernels_.axpby(block_.positions + size_t(k) * task_.stride, 1.0f, changes + size_t(k) * task_.stride, 1.0f, task_.dim);
}

}  // namespace firth
