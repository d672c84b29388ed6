// A sparse matrix cut into tiles, blocks of rows by blocks of columns, for training that gives the same bytes on any
// number of threads: tiles that share neither rows nor columns can be worked on at the same time (Gemulla, Nijkamp, Haas
// and Sismanis 2011, "Large-Scale Matrix Factorization with Distributed Stochastic Gradient Descent", section 4).
#pragma once
#include <cstdint>

namespace firth {

// One number of the matrix, as GloVe wants it.
struct Entry {
    uint16_t row;     // within the block of rows
    uint16_t column;  // within the block of columns
    float log_x;
    float weight;     // f(x)
};
static_assert(sizeof(Entry) == 12);

// Words stand in an order of their own on each side, so that a block is a range of places. A tile is cut further into
// stripes, of so few columns that their parameters stay in a core's own cache while the rows pass by.
struct Cut {
    int32_t n_words;
    int blocks;                    // on each side
    const int32_t* first;          // blocks + 1: the first place of each
    int stripe;                    // columns of a stripe
    int stripes;                   // of a tile
    int run;                       // entries of one row that may follow each other
    const int32_t* row_words;      // the word at each place
    const int32_t* column_places;  // the place of each word
    int64_t tiles() const { return int64_t(blocks) * blocks; }
};

// The matrix, rows compressed (CSR).
template <class Value>
struct CountRows {
    const int64_t* indptr;
    const int32_t* indices;
    const Value* values;
};

// Writes the entries of the matrix into `entries`, stripe after stripe of tile after tile, row block by row block, and
// where each stripe begins into `begin` (tiles() * stripes + 1). Within a stripe rows come in the order of their places,
// each with at most `run` entries; then, from the first row again, those with entries left, and so on.
// Returns the position of a value that is not positive and finite, or -1.
template <class Value>
int64_t cut_into_tiles(const CountRows<Value>& matrix, const Cut& cut, double x_max, double alpha, int threads,
                       int64_t* begin, Entry* entries);

}  // namespace firth
