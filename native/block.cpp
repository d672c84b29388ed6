#include "block.h"

#include <algorithm>

namespace firth {

namespace {

class Reader {
public:
    Reader(const Word2VecTask& task, int64_t epoch, Block& block)
        : task_(task), block_(block), key_(stream_key(task.seed, Stream::kSubsample, uint64_t(epoch))) {}

    // The kept words of [low, high), with those that a window may reach on either side, never out of the sentence.
    // Leaves the tokens at which sentences begin in `bounds`.
    void read(int64_t low, int64_t high, std::vector<int>& bounds) {
        const int64_t* sentence = std::upper_bound(task_.ends, task_.ends + task_.n_sentences, low);
        const int64_t start = sentence == task_.ends ? 0 : sentence[-1];
        for (int64_t i = low - 1, found = 0; i >= start && found < task_.window; --i) found += take(i);
        std::reverse(block_.words.begin(), block_.words.end());
        block_.first = int(block_.words.size());
        bounds.push_back(0);
        int64_t at = low;
        for (;; ++sentence) {
            const int64_t stop = std::min(*sentence, high);
            for (; at < stop; ++at) take(at);
            if (at == high) break;
            bounds.push_back(int(block_.words.size()));
        }
        block_.last = int(block_.words.size());
        for (int64_t i = high, found = 0; i < *sentence && found < task_.window; ++i) found += take(i);
        bounds.push_back(int(block_.words.size()));
    }

private:
    bool take(int64_t i) {
        int32_t word = task_.ids[i];
        if (task_.row_of) word = uint32_t(word) < uint64_t(task_.n_types) ? task_.row_of[word] : -1;
        if (uint32_t(word) >= uint32_t(task_.n_words)) return false;
        const uint32_t keep = task_.keep[word];
        if (keep != 0xffffffffu && uint32_t(random_at(key_, uint64_t(i)) >> 32) > keep) return false;
        block_.words.push_back(word);
        return true;
    }
    const Word2VecTask& task_;
    Block& block_;
    uint64_t key_;
};

}  // namespace

void read_block(const Word2VecTask& task, int64_t epoch, int64_t number, Block& block) {
    block.words.clear(), block.windows.clear(), block.noise.clear();
    block.tally = {};
    const int64_t low = number * task.block_words, high = std::min(task.n_tokens, low + task.block_words);
    std::vector<int> bounds;
    Reader(task, epoch, block).read(low, high, bounds);

    Random random(stream_key(task.seed, Stream::kBlock, uint64_t(epoch)) + mix64(uint64_t(number)));
    size_t sentence = 0;
    for (int i = block.first; i < block.last; ++i) {
        while (i >= bounds[sentence + 1]) ++sentence;
        const int reach = task.dynamic_window ? 1 + int(random.below(uint32_t(task.window))) : task.window;
        block.windows.push_back({std::max(bounds[sentence], i - reach), std::min(bounds[sentence + 1], i + reach + 1)});
    }
    if (task.loss == Loss::kNegative) {
        const int groups = (block.centres() + task.group - 1) / task.group;
        for (int i = 0; i < groups * task.pool; ++i) block.noise.push_back(task.noise.draw(random));
    }
    const double progress = (double(epoch) + double(low) / double(task.n_tokens)) / task.epochs;
    block.rate = std::max(task.last_rate, float(task.rate * (1.0 - progress)));
}

}  // namespace firth
