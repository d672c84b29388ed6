// One block of the corpus as a trainer sees it: the words that subsampling kept, the window of each, the noise words.
// A pure function of corpus, options, seed, epoch and block number; no parameter is read.
#pragma once
#include <cstdint>
#include <vector>

#include "composed.h"
#include "private_rows.h"
#include "word2vec.h"

namespace firth {

struct Window {  // tokens [begin, end) without the centre itself; empty where there is no context
    int begin, end;
    int size() const { return end > begin ? end - begin - 1 : 0; }
};

struct Block {
    std::vector<int32_t> words;    // the block's kept words and, on both sides, what their windows may reach
    int first = 0, last = 0;       // [first, last): the block's own words, which are the centres
    std::vector<Window> windows;   // of each centre
    std::vector<int32_t> noise;    // the pool of each group, end to end
    float rate = 0;

    // Where the rows are worked on: of every word; of each centre's target and the noise, or of the paths' nodes (where
    // these have no slots, the paths themselves tell).
    std::vector<float*> input_rows, output_rows;
    PrivateRows input, output;
    ComposedRows composed;         // of the words of `input`, where vectors are composed
    std::vector<int32_t> input_slots, output_slots;
    std::vector<int64_t> paths, known_paths;  // where each centre's path begins in output_slots; of each word, in making it
    int thread = 0;                // that prepared it
    Tally tally;

    int centres() const { return last - first; }
};

// Fill everything of `block` but the rows.
void read_block(const Word2VecTask& task, int64_t epoch, int64_t number, Block& block);

}  // namespace firth
