// From a block's windows to gradient steps: each architecture makes the inputs, each loss meets them with targets.
#pragma once
#include <memory>
#include <vector>

#include "block.h"
#include "kernels.h"
#include "paths.h"

namespace firth {

// A centre word meets the inputs [begin, end) but hole (-1 where there is none).
struct Meeting {
    int begin, end, hole;
    int centre;
    int32_t word;
};

// What one thread needs while it works on a group of centres.
struct Scratch {
    std::vector<float*> inputs, targets;
    std::vector<float*> rows;  // of the tokens that a group of CBOW reaches
    std::vector<int> begin, end, hole;
    std::vector<float> share;
    std::vector<Meeting> meetings;
    std::vector<int> first, seen;
    std::vector<float> weight;
    std::vector<float*> path;  // rows of the next group's nodes
    Room seen_pairs, all_pairs, tiles, d_inputs, d_targets, hidden, spare, d_positions;
};

class GroupRunner {
public:
    GroupRunner(const Word2VecTask& task, Block& block, Scratch& scratch, TreeTop* top);
    void run();  // every group of the block, in order

private:
    void fetch_ahead(int at, int stop, int number);
    void read_path(int centre);
    void inputs(int at, int stop);
    void skipgram_inputs(int at, int stop);
    void cbow_inputs(int at, int stop);

    void negative(int number);
    void clear_pairs(const Group<float>& g);
    size_t place(int input, int column) const;
    void seen_pairs();
    void noise_pairs(const int32_t* pool);
    void own_pairs(Group<float> g);
    void hierarchical();
    void softmax();
    Group<float> group(bool distinct);  // whether no target stands twice
    void add_targets();

    void update_inputs();
    Windows group_windows() const;
    Positions positions(float* changes) const { return {task_.window, block_.positions, changes}; }
    void spread();
    float* spare() { return s_.spare.need(task_.stride); }  // where changes that must not be made go
    bool frozen(int token) const { return task_.frozen && task_.frozen[block_.words[token]]; }
    const Window& window(int centre) const { return block_.windows[centre - block_.first]; }

    const Word2VecTask& task_;
    Block& block_;
    Scratch& s_;
    const Kernels& kernels_;
    TreeTop* const top_;     // of the tree, or null
    double product_ = 1;     // of what the loss still lacks the logarithm of
    int low_ = 0, high_ = 0;  // tokens that the group's windows reach
};

}  // namespace firth
