// The nodes of the hierarchical softmax: which rows the paths of a block's centres lead through.
#pragma once
#include <vector>

#include "block.h"

namespace firth {

// A word's path: nodes [first, first + length) of Word2VecTask::path_node.
struct Path {
    int64_t first;
    int length;
};

inline Path path_of(const Word2VecTask& task, int32_t word) {
    return {task.path_first[word], int(task.path_first[word + 1] - task.path_first[word])};
}

// Paths lie all over memory: each is called for `ahead` centres before its turn.
inline void prefetch_paths(const Word2VecTask& task, const Block& block, int centre, int ahead) {
    if (centre + 2 * ahead < block.last) __builtin_prefetch(task.path_first + block.words[centre + 2 * ahead]);
    if (centre + ahead >= block.last) return;
    const Path path = path_of(task, block.words[centre + ahead]);
    __builtin_prefetch(task.path_node + path.first), __builtin_prefetch(task.path_node + path.first + path.length - 1);
    __builtin_prefetch(task.path_code + path.first);
}

// Slots for the nodes of every centre's path; a word that comes again has the slots that it has.
void give_slots(const Word2VecTask& task, Block& block);

// The top of the tree while threads race. Every centre changes it, and what two processors write in turn travels between
// them each time; so each thread works on a copy for the length of a block, and then adds what it changed, as far as
// threads that did the same agree (agreement in word2vec.cpp).
class TreeTop {
public:
    static constexpr int kNodes = 127;
    void open(const Word2VecTask& task);
    void close(const Word2VecTask& task, int threads, float pull);
    float* row(const Word2VecTask& task, int32_t node) {
        const bool top = node >= first_;
        uses_[top ? node - first_ : kNodes] += 1;  // the last counts the nodes below
        return top ? copy_.need(0) + size_t(node - first_) * task.stride : task.output + size_t(node) * task.stride;
    }

private:
    int32_t first_ = 0;
    Room copy_, start_;
    std::vector<int32_t> uses_;
};

}  // namespace firth
