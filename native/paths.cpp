#include "paths.h"

#include <algorithm>

#include "dispatch.h"
#include "kernels.h"

namespace firth {

void give_slots(const Word2VecTask& task, Block& block) {
    std::vector<int64_t>& known = block.known_paths;  // by the word's own slot: where its nodes' slots begin
    known.assign(block.input.rows().size(), -1);
    block.paths.clear(), block.output_slots.clear();
    for (int i = block.first; i < block.last; ++i) {
        prefetch_paths(task, block, i, 8);
        const Path path = path_of(task, block.words[i]);
        int64_t& begin = known[block.input_slots[i]];
        if (begin >= 0) {
            for (int k = 0; k < path.length; ++k) block.output.use(block.output_slots[begin + k]);
        } else {
            begin = int64_t(block.output_slots.size());
            for (int k = 0; k < path.length; ++k)
                block.output_slots.push_back(block.output.slot(task.path_node[path.first + k]));
        }
        block.paths.push_back(begin);
    }
}

// Nodes are numbered from the deepest up, the root last.
void TreeTop::open(const Word2VecTask& task) {
    first_ = std::max(task.n_words - 1 - kNodes, 0);
    const size_t size = size_t(std::max(task.n_words - 1, 0) - first_) * task.stride;
    const float* top = task.output + size_t(first_) * task.stride;
    std::copy_n(top, size, copy_.need(size));
    std::copy_n(copy_.need(0), size, start_.need(size));
    uses_.assign(kNodes + 1, 0);
}

void TreeTop::close(const Word2VecTask& task, int threads, float pull) {
    for (int32_t node = first_; node < task.n_words - 1; ++node) {
        const int32_t uses = uses_[node - first_];
        if (!uses) continue;
        const size_t at = size_t(node - first_) * task.stride;
        const float share = agreement(threads, double(threads) * uses, pull);
        float* row = task.output + size_t(node) * task.stride;
        kernels().axpby(row, 1.0f, copy_.need(0) + at, share, task.dim);
        kernels().axpby(row, 1.0f, start_.need(0) + at, -share, task.dim);
    }
}

}  // namespace firth
