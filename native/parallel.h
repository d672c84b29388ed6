// Runs a function over numbered items on a few threads; the first exception stops the rest and is thrown on.
#pragma once
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace firth {

// work(thread, item) for every item of [0, items); which thread gets which item is not fixed.
template <class Work>
void parallel(std::size_t threads, std::size_t items, Work&& work) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex failing;
    auto run = [&](std::size_t thread) {
        try {
            for (std::size_t item; (item = next.fetch_add(1)) < items;) work(thread, item);
        } catch (...) {
            next = items;
            std::lock_guard lock(failing);
            if (!failure) failure = std::current_exception();
        }
    };
    std::vector<std::thread> others;
    const std::size_t wanted = threads < items ? threads : items;
    try {
        for (std::size_t thread = 1; thread < wanted; ++thread) others.emplace_back(run, thread);
    } catch (const std::system_error&) {
        // Fewer threads than wanted: the work is shared out dynamically, so those that run do it all.
    }
    run(0);
    for (auto& thread : others) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace firth
