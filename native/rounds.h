// Training that gives the same bytes on any number of threads.
//
// The corpus is cut into blocks, a fixed number of which make a round. During a round the parameters that several
// blocks touch are frozen; each block works on copies of its own (private_rows.h) and sees its own updates at once.
// When all blocks are done, their changes are merged in block order, every row by the one thread that owns it. Who
// computed a block therefore never matters.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <type_traits>
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

// All threads wait for the last one. A phase takes some hundred microseconds, so they spin for about as long before they
// sleep; not where there are more threads than processors.
class Gate {
public:
    explicit Gate(int threads)
        : threads_(threads), spins_(unsigned(threads) <= std::thread::hardware_concurrency() ? 4000 : 0) {}

    void wait() {
        const uint32_t phase = phase_.load(std::memory_order_acquire);
        if (here_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
            here_.store(0, std::memory_order_relaxed);
            phase_.fetch_add(1, std::memory_order_release);
            phase_.notify_all();
            return;
        }
        for (int i = 0; i < spins_; ++i) {
            if (phase_.load(std::memory_order_acquire) != phase) return;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
        while (phase_.load(std::memory_order_acquire) == phase) phase_.wait(phase, std::memory_order_acquire);
    }

private:
    const int threads_, spins_;
    std::atomic<int> here_{0};
    std::atomic<uint32_t> phase_{0};
};

// Runs body(thread) on all threads at once. Gates count on every thread, so none begins before all are there.
template <class Body>
void run_with(int threads, Trouble& trouble, Body body) {
    std::atomic<int> start{0};  // 1: begin; -1: a thread could not be had, leave
    std::vector<std::thread> others;
    auto begin_together = [&](int thread) {
        start.wait(0);
        if (start.load() > 0) body(thread);
    };
    trouble.guard([&] {
        for (int thread = 1; thread < threads; ++thread) others.emplace_back(begin_together, thread);
    });
    start.store(int(others.size()) + 1 == threads ? 1 : -1);
    start.notify_all();
    if (start.load() > 0) body(0);
    for (std::thread& other : others) other.join();
    trouble.rethrow();
}

// body(thread, gate, trouble) on all threads at once.
template <class Body>
void run_together(int threads, Body body) {
    Gate gate(threads);
    Trouble trouble;
    run_with(threads, trouble, [&](int thread) { body(thread, gate, trouble); });
}

// For every round in [first, first + count), on all threads: prepare(thread, round, slot) for each slot below
// slots(round), handed out as threads get free; then open(thread, round), unless it is a nullptr; then work(thread, round,
// slot) for each slot; then merge(thread, round). All wait for each other after every part but the last: a thread that has
// merged prepares blocks of the next round without waiting for the others to have merged.
template <class Slots, class Prepare, class Open, class Work, class Merge>
void run_rounds(int threads, int64_t first, int64_t count, Slots slots, Prepare prepare, Open open, Work work, Merge merge) {
    std::atomic<int64_t> next_prepare{0}, next_work{0};  // slots of all rounds, one after the other
    std::vector<int64_t> begin(1, 0);
    for (int64_t i = 0; i < count; ++i) begin.push_back(begin.back() + slots(first + i));
    Gate gate(threads);
    Trouble trouble;
    auto take_all = [&](std::atomic<int64_t>& next, int64_t i, auto run) {
        for (int64_t at = next.load(std::memory_order_relaxed); at < begin[i + 1];) {
            if (next.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
                trouble.guard([&] { run(int(at - begin[i])); });
                at = next.load(std::memory_order_relaxed);
            }
        }
    };
    auto body = [&](int thread) {
        auto prepare_all = [&](int64_t i) {
            take_all(next_prepare, i, [&](int slot) { prepare(thread, first + i, slot); });
        };
        prepare_all(0);
        for (int64_t i = 0; i < count; ++i) {
            gate.wait();
            if constexpr (!std::is_same_v<Open, std::nullptr_t>) {
                trouble.guard([&] { open(thread, first + i); });
                gate.wait();
            }
            take_all(next_work, i, [&](int slot) { work(thread, first + i, slot); });
            gate.wait();
            trouble.guard([&] { merge(thread, first + i); });
            if (i + 1 < count) prepare_all(i + 1);
        }
    };
    run_with(threads, trouble, body);
}

}  // namespace firth
