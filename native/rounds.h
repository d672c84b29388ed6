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
#include <exception>
#include <thread>
#include <vector>

namespace firth {

// The first exception of any thread: the others go on to their barriers, doing nothing, until all can leave.
class Trouble {
public:
    template <class F>
    void guard(F run) {
        if (failed_.load(std::memory_order_relaxed)) return;
        try {
            run();
        } catch (...) {
            if (!failed_.exchange(true)) what_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (what_) std::rethrow_exception(what_);
    }

private:
    std::atomic<bool> failed_{false};
    std::exception_ptr what_;
};

// For every round in [first, first + count): prepare(thread, round, slot) for each slot below slots(round), handed
// out as threads get free; then work(thread, round, slot) likewise; then merge(thread, round) on all threads.
template <class Slots, class Prepare, class Work, class Merge>
void run_rounds(int threads, int64_t first, int64_t count, Slots slots, Prepare prepare, Work work, Merge merge) {
    std::atomic<int> next_prepare{0}, next_work{0};
    std::barrier gate(threads);
    Trouble trouble;
    auto take_all = [&](std::atomic<int>& next, int n, auto run) {
        for (int slot; (slot = next.fetch_add(1, std::memory_order_relaxed)) < n;) trouble.guard([&] { run(slot); });
    };
    auto body = [&](int thread) {
        for (int64_t round = first; round < first + count; ++round) {
            const int n = slots(round);
            take_all(next_prepare, n, [&](int slot) { prepare(thread, round, slot); });
            gate.arrive_and_wait();
            if (thread == 0) next_prepare.store(0, std::memory_order_relaxed);
            take_all(next_work, n, [&](int slot) { work(thread, round, slot); });
            gate.arrive_and_wait();
            if (thread == 0) next_work.store(0, std::memory_order_relaxed);
            trouble.guard([&] { merge(thread, round); });
            gate.arrive_and_wait();
        }
    };
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(body, thread);
    body(0);
    for (std::thread& other : others) other.join();
    trouble.rethrow();
}

}  // namespace firth
