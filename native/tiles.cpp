#include "tiles.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "parallel.h"

namespace firth {

namespace {

// Calls visit(bucket, position, place) for every entry of a block of rows, in the order of places. A bucket is a layer of
// a stripe: layer k holds the entries from k * run on of the rows that have so many in the stripe.
class BlockReader {
public:
    BlockReader(const Cut& cut, int block)
        : cut_(cut), block_(block), layers_((cut.stripe + cut.run - 1) / cut.run), seen_(size_t(cut.blocks) * cut.stripes) {}
    size_t buckets() const { return seen_.size() * layers_; }
    int layers() const { return layers_; }

    template <class Value, class Visit>
    void read(const CountRows<Value>& matrix, const std::vector<uint16_t>& column_blocks, Visit visit) {
        for (int32_t place = cut_.first[block_]; place < cut_.first[block_ + 1]; ++place) {
            const int32_t word = cut_.row_words[place];
            std::fill(seen_.begin(), seen_.end(), 0);
            for (int64_t at = matrix.indptr[word]; at < matrix.indptr[word + 1]; ++at) {
                const int32_t other = matrix.indices[at], column_block = column_blocks[other];
                const int32_t column = cut_.column_places[other] - cut_.first[column_block];
                const size_t stripe = size_t(column_block) * cut_.stripes + column / cut_.stripe;
                visit(stripe * layers_ + seen_[stripe]++ / cut_.run, at, place - cut_.first[block_], column);
            }
        }
    }

private:
    const Cut& cut_;
    const int block_, layers_;
    std::vector<int32_t> seen_;  // entries of the row in each stripe so far
};

std::vector<uint16_t> blocks_of_words(const Cut& cut) {
    std::vector<uint16_t> blocks(cut.n_words);
    for (int32_t word = 0; word < cut.n_words; ++word)
        blocks[word] = uint16_t(std::upper_bound(cut.first, cut.first + cut.blocks, cut.column_places[word]) - cut.first - 1);
    return blocks;
}

}  // namespace

template <class Value>
int64_t cut_into_tiles(const CountRows<Value>& matrix, const Cut& cut, double x_max, double alpha, int threads,
                       int64_t* begin, Entry* entries) {
    const std::vector<uint16_t> column_blocks = blocks_of_words(cut);
    std::vector<int64_t> start(cut.blocks + 1, 0);  // where each block's entries begin
    for (int block = 0; block < cut.blocks; ++block) {
        start[block + 1] = start[block];
        for (int32_t place = cut.first[block]; place < cut.first[block + 1]; ++place)
            start[block + 1] += matrix.indptr[cut.row_words[place] + 1] - matrix.indptr[cut.row_words[place]];
    }
    std::atomic<int64_t> unfit{-1};
    const double log_max = std::log(x_max);
    parallel(threads, cut.blocks, [&](size_t, size_t block) {
        BlockReader reader(cut, int(block));
        std::vector<int64_t> next(reader.buckets() + 1, 0);
        reader.read(matrix, column_blocks, [&](size_t bucket, int64_t, int32_t, int32_t) { ++next[bucket + 1]; });
        next[0] = start[block];
        for (size_t bucket = 1; bucket < next.size(); ++bucket) next[bucket] += next[bucket - 1];
        const size_t stripes = size_t(cut.blocks) * cut.stripes;
        for (size_t stripe = 0; stripe < stripes; ++stripe) begin[block * stripes + stripe] = next[stripe * reader.layers()];
        reader.read(matrix, column_blocks, [&](size_t bucket, int64_t at, int32_t row, int32_t column) {
            const double x = double(matrix.values[at]), log_x = std::log(x);
            if (!(x > 0) || !std::isfinite(x)) unfit = at;
            const double weight = x < x_max ? std::exp(alpha * (log_x - log_max)) : 1.0;
            entries[next[bucket]++] = {uint16_t(row), uint16_t(column), float(log_x), float(weight)};
        });
    });
    begin[cut.tiles() * cut.stripes] = start[cut.blocks];
    return unfit;
}

template int64_t cut_into_tiles(const CountRows<float>&, const Cut&, double, double, int, int64_t*, Entry*);
template int64_t cut_into_tiles(const CountRows<double>&, const Cut&, double, double, int, int64_t*, Entry*);

}  // namespace firth
