#include "glove.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>

#include "dispatch.h"
#include "kernels.h"
#include "parallel.h"
#include "sampling.h"

namespace firth {

namespace {

// 0 .. n - 1 in an order drawn by Fisher and Yates' method.
std::vector<int32_t> shuffled(int n, Random& random) {
    std::vector<int32_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    for (int i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(uint32_t(i))]);
    return order;
}

// How many tiles of a block of rows or columns are done; those who need the next wait here.
class Progress {
public:
    void reach(int64_t count) {
        done_.store(count, std::memory_order_release);
        done_.notify_all();
    }
    void wait_for(int64_t count) const {
        for (int64_t now; (now = done_.load(std::memory_order_acquire)) < count;) done_.wait(now, std::memory_order_acquire);
    }

private:
    std::atomic<int64_t> done_{0};
};

}  // namespace

GloveTrainer::Orders GloveTrainer::orders(int64_t epoch) const {
    Random random(stream_key(task_.seed, Stream::kTiles, uint64_t(epoch)));
    Orders orders;
    orders.rows = shuffled(task_.blocks, random);
    orders.columns = shuffled(task_.blocks, random);
    orders.stripes = shuffled(task_.stripes, random);
    return orders;
}

double GloveTrainer::tile(int row_block, int column_block, const Orders& orders) const {
    const size_t record = 2 * size_t(task_.width);
    const size_t first = (size_t(row_block) * task_.blocks + column_block) * task_.stripes;
    const auto step = kernels().glove_f;
    double loss = 0;
    for (int32_t number : orders.stripes) {
        const int64_t begin = task_.begin[first + number], n = task_.begin[first + number + 1] - begin;
        if (n == 0) continue;
        loss += step({task_.entries + begin, n, task_.rows + task_.first[row_block] * record,
                      task_.columns + task_.first[column_block] * record, task_.width, task_.rate});
    }
    return loss;
}

void GloveTrainer::run(int64_t count, int threads) {
    const int n = task_.blocks;
    const int64_t first = at_ % n;
    const Orders order = orders(at_ / n);
    if (first == 0) loss_ = 0, pairs_ = 0;
    std::vector<double> losses(size_t(count) * n);
    const auto rows_done = std::make_unique<Progress[]>(n), columns_done = std::make_unique<Progress[]>(n);
    auto blocks = [&](int64_t item) {
        const int64_t i = item % n, round = first + item / n;
        return std::pair{order.rows[i], order.columns[(i + round) % n]};
    };
    // Items are handed out in order and wait only for earlier ones, so some thread can always go on.
    parallel(size_t(std::min(threads, n)), size_t(count) * n, [&](size_t, size_t item) {
        const auto [row_block, column_block] = blocks(int64_t(item));
        const int64_t round = int64_t(item) / n;
        rows_done[row_block].wait_for(round);
        columns_done[column_block].wait_for(round);
        losses[item] = tile(row_block, column_block, order);
        rows_done[row_block].reach(round + 1);
        columns_done[column_block].reach(round + 1);
    });
    for (size_t item = 0; item < losses.size(); ++item) {
        const auto [row_block, column_block] = blocks(int64_t(item));
        const int64_t* begin = task_.begin + (size_t(row_block) * n + column_block) * task_.stripes;
        loss_ += losses[item], pairs_ += begin[task_.stripes] - begin[0];
    }
    at_ += count;
}

}  // namespace firth
