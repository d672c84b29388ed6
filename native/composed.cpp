#include "composed.h"

#include <algorithm>
#include <cstring>

#include "block.h"
#include "dispatch.h"
#include "kernels.h"
#include "word2vec.h"

namespace firth {

namespace {

constexpr size_t kAhead = 8;

float* row_at(const Word2VecTask& task, int32_t row) { return task.input + size_t(row) * task.stride; }

}  // namespace

void RoundWords::unite(const Blocks& blocks) {
    size_t total = 0;
    for (const Block* block : blocks) total += block->input.rows().size();
    words_.clear(total);
    first_.clear(), places_.clear(), head_.clear(), tail_.clear(), blocks_.clear(), asked_.clear();
    next_.assign(total, -1);
    for (const Block* block : blocks) {
        first_.push_back(places_.size());
        const std::vector<int32_t>& words = block->input.rows();
        for (size_t slot = 0; slot < words.size(); ++slot) {
            const int32_t place = words_.slot(words[slot]), here = int32_t(places_.size());
            if (size_t(place) == head_.size()) {
                head_.push_back(here), tail_.push_back(here), blocks_.push_back(1), asked_.push_back(0);
            } else {
                next_[tail_[place]] = here, tail_[place] = here, ++blocks_[place];
            }
            asked_[place] += block->input.uses(int32_t(slot));
            places_.push_back(place);
        }
    }
}

void RoundWords::compose(const Word2VecTask& task, float* vectors, int thread, int threads) {
    constexpr size_t kWords = 4;  // at a time, so that their rows are on their way while those before are summed
    const std::vector<int32_t>& words = words_.rows();
    const size_t from = words.size() * thread / threads, to = words.size() * (thread + 1) / threads;
    parts_.clear(), begin_.clear(), end_.clear(), share_.clear();
    for (size_t i = from; i < to; ++i) {
        begin_.push_back(int(parts_.size()));
        for (int64_t part = task.part_first[words[i]]; part < task.part_first[words[i] + 1]; ++part)
            parts_.push_back(row_at(task, task.part_row[part]));
        end_.push_back(int(parts_.size()));
        share_.push_back(1.0f / float(end_.back() - begin_.back()));
    }
    const size_t n = begin_.size();
    hole_.assign(kWords, -1);
    auto fetch = [&](size_t first) {
        if (first >= n) return;
        for (int i = begin_[first]; i < end_[std::min(n, first + kWords) - 1]; ++i) prefetch_row(parts_[i], task.stride);
    };
    fetch(0);
    for (size_t i = 0; i < n; i += kWords) {
        fetch(i + kWords);
        const int count = int(std::min(kWords, n - i));
        kernels().sum_windows({task.dim, task.stride, count, parts_.data(), begin_.data() + i, end_.data() + i, hole_.data()},
                              share_.data() + i, vectors + (from + i) * task.stride);
    }
}

// Rows of this thread, in the order in which the words come to them.
void RoundWords::find_rows(const Word2VecTask& task, int thread, int threads) {
    const std::vector<int32_t>& words = words_.rows();
    number_.resize(size_t(task.n_input_rows), 0);
    for (int32_t row : rows_) number_[row] = 0;
    rows_.clear(), changed_.clear(), uses_.clear(), times_.clear();
    for (size_t i = 0; i < words.size(); ++i)
        for (int64_t part = task.part_first[words[i]]; part < task.part_first[words[i] + 1]; ++part) {
            const int32_t row = task.part_row[part];
            if (owner_of(row, threads) != thread) continue;
            int32_t& number = number_[row];
            if (number == 0) {
                rows_.push_back(row), uses_.push_back(0), times_.push_back(0);
                number = int32_t(rows_.size());
            }
            uses_[number - 1] += asked_[i], ++times_[number - 1];
            changed_.push_back({int32_t(i), number - 1});
        }
}

// The sum of the blocks' changes of a word, as far as they agree.
const float* RoundWords::change_of(const Word2VecTask& task, const Blocks& blocks, size_t word, float pull) {
    size_t block = 0;
    auto change = [&](int32_t here) {
        while (block + 1 < first_.size() && size_t(here) >= first_[block + 1]) ++block;
        return blocks[block]->composed.at(size_t(here) - first_[block]);
    };
    if (blocks_[word] == 1) return change(head_[word]);
    float* const sum = sum_.need(task.stride);
    const float share = agreement(blocks_[word], double(asked_[word]), pull);
    float before = 0.0f;
    for (int32_t here = head_[word]; here >= 0; here = next_[here], before = 1.0f) {
        if (before == 0.0f) std::fill_n(sum, task.stride, 0.0f);
        kernels().axpby(sum, before, change(here), share, task.dim);
    }
    return sum;
}

void RoundWords::spread(const Word2VecTask& task, const Blocks& blocks, int thread, int threads, float pull) {
    find_rows(task, thread, threads);
    factor_.resize(uses_.size());
    for (size_t i = 0; i < uses_.size(); ++i) factor_[i] = agreement(times_[i], double(uses_[i]), pull);
    auto at = [&](size_t i) { return row_at(task, rows_[changed_[i].row]); };
    const float* change = nullptr;
    int32_t fetched = 0;  // rows are numbered as they are first met: from this one on they are still in memory
    for (size_t i = 0; i < changed_.size(); ++i) {
        if (i + kAhead < changed_.size() && changed_[i + kAhead].row >= fetched) {
            fetched = changed_[i + kAhead].row + 1;
            prefetch_row(at(i + kAhead), task.stride);
        }
        const size_t word = size_t(changed_[i].word);
        if (i == 0 || changed_[i - 1].word != changed_[i].word) change = change_of(task, blocks, word, pull);
        kernels().axpby(at(i), 1.0f, change, factor_[changed_[i].row], task.dim);
    }
}

void ComposedRows::open(const float* vectors, const RoundWords& words, size_t block, size_t n, int stride) {
    n_ = n, stride_ = stride;
    now_ = room_.need(n * stride);
    for (size_t i = 0; i < n; ++i)
        std::memcpy(at(i), vectors + size_t(words.place(block, i)) * stride, size_t(stride) * sizeof(float));
}

void ComposedRows::close(const float* vectors, const RoundWords& words, size_t block, int dim) {
    for (size_t i = 0; i < n_; ++i)
        kernels().axpby(at(i), 1.0f, vectors + size_t(words.place(block, i)) * stride_, -1.0f, dim);
}

}  // namespace firth
