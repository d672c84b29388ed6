// GloVe training over tiles of the co-occurrence matrix. Pennington, Socher and Manning 2014, section 4.2.
#pragma once
#include <cstdint>
#include <vector>

#include "tiles.h"

namespace firth {

// Everything that training reads, and the parameters that it changes. All pointers are borrowed.
struct GloveTask {
    const Entry* entries;
    const int64_t* begin;  // of every stripe of every tile: blocks * blocks * stripes + 1
    const int32_t* first;  // the first place of each block, blocks + 1
    int blocks, stripes;
    float *rows, *columns;  // a record (kernels.h) for each place
    int width;
    float rate;
    uint64_t seed;
};

// A round is as many tiles as there are blocks, no two of which share a block of rows or of columns; so many rounds make
// an epoch. Round k pairs the i-th block of rows with the (i + k)-th block of columns, both in an order drawn for the
// epoch. A tile begins when the tiles of the round before with its rows and its columns are done, so that nobody waits for
// a whole round, and every tile finds the same parameters whoever works on it.
class GloveTrainer {
public:
    explicit GloveTrainer(const GloveTask& task) : task_(task) {}
    int64_t rounds_per_epoch() const { return task_.blocks; }
    // Train the next `count` rounds, which must lie in one epoch. Rounds are counted through all epochs.
    void run(int64_t count, int threads);
    // Where training stands: rounds done; sum of losses and entries of the epoch at work (or just ended).
    int64_t round() const { return at_; }
    double loss() const { return loss_; }
    int64_t pairs() const { return pairs_; }
    void seek(int64_t round, double loss, int64_t pairs) { at_ = round, loss_ = loss, pairs_ = pairs; }

private:
    struct Orders {  // of an epoch
        std::vector<int32_t> rows, columns, stripes;
    };
    Orders orders(int64_t epoch) const;
    double tile(int row_block, int column_block, const Orders& orders) const;

    GloveTask task_;
    int64_t at_ = 0, pairs_ = 0;
    double loss_ = 0;
};

}  // namespace firth
