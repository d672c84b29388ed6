// word2vec training: from blocks of a corpus to groups of examples to updated rows.
// Mikolov et al. 2013a (arXiv 1301.3781) sections 3.1 and 3.2; 2013b (arXiv 1310.4546) sections 2.1 to 2.3.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "sampling.h"

namespace firth {

enum class Architecture { kSkipgram, kCbow };
enum class Loss { kNegative, kHierarchical, kSoftmax };
enum class Context { kMean, kSum, kHistoric };  // of CBOW

// Everything that training reads, and the two matrices that it changes. All pointers are borrowed.
struct Word2VecTask {
    // the text: words whose row is not below n_words (as unsigned) are those that the reader's cut drops
    const int32_t* ids;
    const int32_t* row_of;  // from ids to rows, or null where they are the same
    int64_t n_types;        // length of row_of
    int64_t n_tokens;
    const int64_t* ends;  // of the sentences, exclusive
    int64_t n_sentences;
    int32_t n_words;
    const uint32_t* keep;  // a word stays where a random number is at most keep[word] (subsampling)

    // the model, rows padded to `stride`
    float* input;
    float* output;  // a row per word; per inner node of the tree for the hierarchical softmax
    int dim;
    int stride;
    int32_t n_outputs;
    // fastText: input rows are those of words and then of n-grams; a word's vector is the mean of the rows
    // [part_first[w], part_first[w + 1]) of part_row, the first of which is its own. Null: it is row w.
    const int64_t* part_first;
    const int32_t* part_row;
    int64_t n_input_rows;
    const uint8_t* frozen;  // per word, or null: its input row does not change
    float* positions;       // CBOW: weights of the places around the centre, (2 window + 1) x stride, or null

    Architecture architecture;
    Loss loss;
    Context context;
    int window;
    bool dynamic_window;
    int negative;
    AliasTable noise;
    const int64_t* path_first;  // word w's path through the tree: [path_first[w], path_first[w + 1])
    const int32_t* path_node;
    const uint8_t* path_code;   // 1 where the path turns right

    // the schedule
    int epochs;
    float rate, last_rate;
    uint64_t seed;
    bool deterministic;
    bool update;  // false: only the loss is wanted
    int block_words;
    int blocks_per_round;
    int group;   // centre words in one gradient step; 1 for the hierarchical softmax
    int pool;    // noise words shared by a group
    float pull;  // how far one use moves a row towards where its neighbours pull it, for each unit of the rate
};

struct Block;

struct Tally {
    double loss = 0;
    int64_t pairs = 0;  // examples that the loss is a sum over
};

class Word2VecTrainer {
public:
    explicit Word2VecTrainer(const Word2VecTask& task);
    ~Word2VecTrainer();
    int64_t rounds_per_epoch() const { return rounds_; }
    // Train the next `count` rounds, which must lie in one epoch. Rounds are counted through all epochs.
    void run(int64_t count, int threads);
    // Where training stands: rounds done, and the sums of the epoch at work (or just ended), block after block, so that
    // they do not depend on how an epoch is sliced into calls.
    int64_t round() const { return at_; }
    const Tally& tally() const { return sum_; }
    void seek(int64_t round, Tally tally) { at_ = round, sum_ = tally; }

private:
    struct Crew;
    int slots(int64_t round) const;
    void prepare(int thread, int64_t round, int slot);
    std::vector<const Block*> listed(int64_t round) const;
    void compose(int thread, int64_t round);
    void work(int thread, int64_t round, int slot);
    void bind_rows(int thread, int slot, Block& block);
    void merge(int thread, int threads, int64_t round);
    void merge_positions(int64_t round, float pull);

    Word2VecTask task_;
    int64_t blocks_, rounds_;
    int64_t at_ = 0;
    Tally sum_;
    bool in_place_;  // every block works on the matrices themselves: racing, or one block at a time
    // Of two rounds: while some threads still merge one, others prepare the next.
    std::vector<std::unique_ptr<Block>> rounds_at_work_[2];
    const std::vector<std::unique_ptr<Block>>& blocks_of(int64_t round) const { return rounds_at_work_[round % 2]; }
    std::unique_ptr<Crew> crew_;
    struct Merging {  // of a row that several blocks touched
        int32_t uses = 0, merged = 0;
        float factor = 0;
    };
    std::vector<Merging> merging_input_, merging_output_;
};

// What k blocks did to a row, each from the same frozen point, is more than what they would have done one after the
// other, since each goes most of the way alone. If a use of the row takes it the share x / (1 + x) of the way to where
// its neighbours pull it, a block of u uses leaves r = 1 / (1 + x u) of the way, and k such blocks in turn r^k; their
// changes added up claim k (1 - r). The sum is therefore scaled by (1 - r^k) / (k (1 - r)): 1 where little is moved,
// 1 / k, the mean, where each block alone moves a row as far as it goes. Unlike a fixed power of k this stays bounded.
float agreement(int blocks, double uses, float pull);

// Uniform in [-1/2, 1/2) / dim, as word2vec has it; the number depends on seed, row and column alone.
void init_rows(float* matrix, int64_t first_row, int64_t n_rows, int dim, int stride, uint64_t seed);

}  // namespace firth
