#include "examples.h"

#include <algorithm>

#include "dispatch.h"

namespace firth {

void Scratch::reserve(int n_inputs, int n_targets, int stride) {
    if (size_t(n_inputs) <= room_inputs && size_t(n_targets) <= room_targets) return;
    room_inputs = std::max(room_inputs, size_t(n_inputs) * 3 / 2 + 8);
    room_targets = std::max(room_targets, size_t(n_targets) * 3 / 2 + 8);
    const size_t tiles = (room_targets + kColumns - 1) / kColumns * tile_size(int(room_inputs));
    coefficients = aligned_floats(tiles);
    tile = aligned_floats(tiles + room_inputs + kPad);
    d_inputs = aligned_floats(room_inputs * stride);
    d_own = aligned_floats(room_inputs * stride);
    d_shared = aligned_floats(room_targets * stride);
}

GroupRunner::GroupRunner(const Word2VecTask& task, Block& block, Scratch& scratch)
    : task_(task), block_(block), s_(scratch), kernels_(kernels()) {
    if (!s_.hidden) s_.hidden = aligned_floats(size_t(task.group) * task.stride);
}

void GroupRunner::run() {
    const int step = task_.loss == Loss::kHierarchical ? 1 : task_.group;
    for (int at = block_.first, number = 0; at < block_.last; at += step, ++number) {
        const int stop = std::min(at + step, block_.last);
        fetch_ahead(stop, std::min(stop + step, block_.last), number + 1);
        inputs(at, stop);
        if (s_.inputs.empty()) continue;
        switch (task_.loss) {
            case Loss::kNegative: negative(number); break;
            case Loss::kHierarchical: hierarchical(at); break;
            case Loss::kSoftmax: softmax(); break;
        }
        if (task_.update) update_inputs(at, stop);
    }
}

// The rows of the next group start on their way from memory while this one is computed.
void GroupRunner::fetch_ahead(int at, int stop, int number) {
    const int reach = std::min(stop + task_.window, int(block_.words.size()));
    for (int i = at + task_.window; i < reach; ++i) prefetch_row(block_.input_rows[i], task_.stride);
    auto targets = [&](size_t begin, size_t end) {
        for (size_t i = begin; i < end; ++i) prefetch_row(block_.output_rows[i], task_.stride);
    };
    const size_t first = size_t(at - block_.first), last = size_t(stop - block_.first);
    if (task_.loss == Loss::kNegative) {
        targets(first, last);
        if (at < stop) targets(block_.centres() + size_t(number) * task_.pool, block_.centres() + size_t(number + 1) * task_.pool);
    } else if (task_.loss == Loss::kHierarchical) {
        targets(size_t(block_.paths[first]), size_t(block_.paths[last]));
    }
}

// ---------------------------------------------------------------- inputs

void GroupRunner::inputs(int at, int stop) {
    s_.inputs.clear(), s_.own.clear(), s_.begin.clear(), s_.end.clear(), s_.hole.clear(), s_.centre_word.clear();
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
    for (int i = low_; i < high_; ++i) s_.inputs.push_back(block_.input_rows[i]);
    if (task_.loss == Loss::kHierarchical) {  // one centre a step, which is no input
        s_.inputs.erase(s_.inputs.begin() + (at - low_));
        return;
    }
    for (int i = at; i < stop; ++i)
        if (window(i).size()) add_own(i, window(i).begin - low_, window(i).end - low_, i - low_);
}

void GroupRunner::cbow_inputs(int at, int stop) {
    for (int i = at; i < stop; ++i) {
        const Window& w = window(i);
        if (w.size() == 0) continue;
        const int place = int(s_.inputs.size());
        float* hidden = s_.hidden.get() + size_t(place) * task_.stride;
        std::fill(hidden, hidden + task_.stride, 0.0f);
        s_.rows.clear();
        for (int k = w.begin; k < w.end; ++k)
            if (k != i) s_.rows.push_back(block_.input_rows[k]);
        s_.factors.assign(s_.rows.size(), share(w.size()));
        kernels_.accumulate(hidden, s_.rows.data(), s_.factors.data(), int(s_.rows.size()), task_.stride);
        s_.inputs.push_back(hidden);
        add_own(i, place, place + 1, -1);
    }
}

void GroupRunner::add_own(int centre, int begin, int end, int hole) {
    s_.begin.push_back(begin), s_.end.push_back(end), s_.hole.push_back(hole);
    s_.centre_word.push_back(block_.words[centre]);
    if (task_.loss == Loss::kNegative) s_.own.push_back(block_.output_rows[centre - block_.first]);
}

// ---------------------------------------------------------------- losses

Group<float> GroupRunner::group() {
    Group<float> g{};
    g.stride = task_.stride;
    g.n_inputs = int(s_.inputs.size()), g.n_shared = int(s_.shared.size()), g.n_own = int(s_.own.size());
    g.inputs = s_.inputs.data(), g.shared = s_.shared.data(), g.own = s_.own.data();
    g.begin = s_.begin.data(), g.end = s_.end.data(), g.hole = s_.hole.data();
    g.coefficients = s_.coefficients.get(), g.scratch = s_.tile.get();
    g.rate = block_.rate;
    g.d_inputs = s_.d_inputs.get(), g.d_shared = s_.d_shared.get(), g.d_own = s_.d_own.get();
    return g;
}

void GroupRunner::negative(int number) {
    const int32_t* pool = block_.noise.data() + size_t(number) * task_.pool;
    float* const* rows = block_.output_rows.data() + block_.centres() + size_t(number) * task_.pool;
    s_.reserve(int(s_.inputs.size()), task_.pool, task_.stride);
    s_.shared.assign(rows, rows + task_.pool);
    negative_coefficients(pool);
    block_.tally.loss += kernels_.step_f(group());
    if (!task_.update) return;
    for (size_t k = 0; k < s_.own.size(); ++k) add(s_.own[k], s_.d_own.get() + k * task_.stride);
    for (size_t m = 0; m < s_.shared.size(); ++m) add(s_.shared[m], s_.d_shared.get() + m * task_.stride);
}

// Each input meets the pool once for every pair that it is in, less the pairs whose centre the noise word itself is.
// A meeting counts negative / pool, so that a pair has `negative` noise words.
void GroupRunner::negative_coefficients(const int32_t* pool) {
    const int n = int(s_.inputs.size()), tile = tile_size(n), size = task_.pool;
    const float unit = float(task_.negative) / float(size);
    s_.count.assign(n, 0);
    for (size_t k = 0; k < s_.begin.size(); ++k) {
        for (int i = s_.begin[k]; i < s_.end[k]; ++i) ++s_.count[i];
        if (s_.hole[k] >= 0) --s_.count[s_.hole[k]];
    }
    float* c = s_.coefficients.get();
    for (int t = 0; t * kColumns < size; ++t, c += tile) {
        const int width = std::min(kColumns, size - t * kColumns);
        for (int i = 0; i < n; ++i)
            for (int m = 0; m < kColumns; ++m) c[i * kColumns + m] = m < width ? unit * float(s_.count[i]) : 0.0f;
        if (n % 2) std::fill(c + n * kColumns, c + tile, 0.0f);
        for (int m = 0; m < width; ++m) {
            for (size_t k = 0; k < s_.begin.size(); ++k) {
                if (s_.centre_word[k] != pool[t * kColumns + m]) continue;
                for (int i = s_.begin[k]; i < s_.end[k]; ++i) c[i * kColumns + m] -= i == s_.hole[k] ? 0.0f : unit;
                // rounding must not leave a trace below zero: that would mean a seen pair
                for (int i = s_.begin[k]; i < s_.end[k]; ++i) c[i * kColumns + m] = c[i * kColumns + m] < 0.5f * unit ? 0.0f : c[i * kColumns + m];
            }
        }
    }
}

void GroupRunner::hierarchical(int at) {
    const int centre = at - block_.first;
    const int length = int(block_.paths[centre + 1] - block_.paths[centre]);
    const uint8_t* code = task_.path_code + task_.path_first[block_.words[at]];
    float* const* rows = block_.output_rows.data() + block_.paths[centre];
    const int n = int(s_.inputs.size()), tile = tile_size(n);
    s_.reserve(n, length, task_.stride);
    s_.shared.assign(rows, rows + length);
    s_.own.clear();
    float* c = s_.coefficients.get();
    for (int t = 0; t * kColumns < length; ++t, c += tile) {
        for (int m = 0; m < kColumns; ++m) {
            const int k = t * kColumns + m;
            const float sign = k >= length ? 0.0f : code[k] ? 1.0f : -1.0f;
            for (int i = 0; i < n; ++i) c[i * kColumns + m] = sign;
            if (n % 2) c[n * kColumns + m] = 0.0f;
        }
    }
    block_.tally.loss += kernels_.step_f(group());
    if (!task_.update) return;
    for (int m = 0; m < length; ++m) add(s_.shared[m], s_.d_shared.get() + size_t(m) * task_.stride);
}

void GroupRunner::softmax() {
    const int n = int(s_.inputs.size());
    s_.reserve(n, task_.n_outputs, task_.stride);
    s_.first.assign(1, 0), s_.seen.clear();
    for (int i = 0; i < n; ++i) {
        for (size_t k = 0; k < s_.begin.size(); ++k)
            if (i >= s_.begin[k] && i < s_.end[k] && i != s_.hole[k]) s_.seen.push_back(s_.centre_word[k]);
        s_.first.push_back(int(s_.seen.size()));
    }
    const Softmax<float> g{task_.stride,      n,           task_.n_outputs,   s_.inputs.data(),
                           task_.output,      s_.first.data(), s_.seen.data(), s_.tile.get(),
                           block_.rate,       s_.d_inputs.get(), s_.d_shared.get()};
    block_.tally.loss += kernels_.softmax_f(g);
    if (!task_.update) return;
    for (size_t m = 0; m < size_t(task_.n_outputs); ++m)
        add(task_.output + m * task_.stride, s_.d_shared.get() + m * task_.stride);
}

// ---------------------------------------------------------------- updates of the inputs

void GroupRunner::update_inputs(int at, int stop) {
    if (task_.architecture == Architecture::kCbow) return spread(at, stop);
    const bool alone = task_.loss == Loss::kHierarchical;
    for (size_t i = 0; i < s_.inputs.size(); ++i) {
        const int token = low_ + int(i) + (alone && low_ + int(i) >= at);
        if (!frozen(token)) add(s_.inputs[i], s_.d_inputs.get() + i * task_.stride);
    }
}

// CBOW: each context word takes its share of the change of every hidden vector that it is part of. The mean's
// gradient has the factor 1 / size; word2vec.c left it out (Context::kHistoric), see docs/word2vec.md.
void GroupRunner::spread(int at, int stop) {
    for (int token = low_; token < high_; ++token) {
        if (frozen(token)) continue;
        s_.rows.clear(), s_.factors.clear();
        for (int i = at, place = 0; i < stop; ++i) {
            const Window& w = window(i);
            if (w.size() == 0) continue;
            if (token != i && token >= w.begin && token < w.end) {
                s_.rows.push_back(s_.d_inputs.get() + size_t(place) * task_.stride);
                s_.factors.push_back(task_.context == Context::kHistoric ? 1.0f : share(w.size()));
            }
            ++place;
        }
        if (!s_.rows.empty())
            kernels_.accumulate(block_.input_rows[token], s_.rows.data(), s_.factors.data(), int(s_.rows.size()), task_.stride);
    }
}

}  // namespace firth
