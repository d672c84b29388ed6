// Training that gives the same bytes on any number of threads.
//
// The corpus is cut into blocks, a fixed number of which make a round. During a round the parameters that several
// blocks touch are frozen; each block works on copies of its own (private_rows.h) and sees its own updates at once.
// When all blocks are done, their changes are merged in block order, every row by the one thread that owns it. Who
// computed a block therefore never matters.
#pragma once
#include <atomic>
#include <barrier>
#include <cstdint>
#include <thread>
#include <vector>

namespace firth {

// For every round in [first, first + count): prepare(thread, round, slot) for each slot below slots(round), handed
// out as threads get free; then work(thread, round, slot) likewise; then merge(thread, round) on all threads.
template <class Slots, class Prepare, class Work, class Merge>
void run_rounds(int threads, int64_t first, int64_t count, Slots slots, Prepare prepare, Work work, Merge merge) {
    std::atomic<int> next_prepare{0}, next_work{0};
    std::barrier gate(threads);
    auto take = [](std::atomic<int>& next) { return next.fetch_add(1, std::memory_order_relaxed); };
    auto body = [&](int thread) {
        for (int64_t round = first; round < first + count; ++round) {
            const int n = slots(round);
            for (int slot; (slot = take(next_prepare)) < n;) prepare(thread, round, slot);
            gate.arrive_and_wait();
            if (thread == 0) next_prepare.store(0, std::memory_order_relaxed);
            for (int slot; (slot = take(next_work)) < n;) work(thread, round, slot);
            gate.arrive_and_wait();
            if (thread == 0) next_work.store(0, std::memory_order_relaxed);
            merge(thread, round);
            gate.arrive_and_wait();
        }
    };
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(body, thread);
    body(0);
    for (std::thread& other : others) other.join();
}

}  // namespace firth
