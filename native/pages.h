// Memory straight from the system: it goes back when dropped, is not written before it is used, and comes in large pages
// where they are to be had, which scattered reads need.
#pragma once
#include <cstddef>
#include <new>
#include <span>
#include <utility>

#include <sys/mman.h>

namespace firth {

template <class T>
class Pages {
  public:
    Pages() = default;
    explicit Pages(std::size_t n) : n_(n) {
        if (!n) return;
        void* got = mmap(nullptr, n * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (got == MAP_FAILED) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
        madvise(got, n * sizeof(T), MADV_HUGEPAGE);
#endif
        data_ = static_cast<T*>(got);
    }
    Pages(Pages&& other) noexcept : data_(std::exchange(other.data_, nullptr)), n_(std::exchange(other.n_, 0)) {}
    Pages& operator=(Pages&& other) noexcept {
        std::swap(data_, other.data_), std::swap(n_, other.n_);
        return *this;
    }
    ~Pages() {
        if (data_) munmap(data_, n_ * sizeof(T));
    }

    T& operator[](std::size_t i) { return data_[i]; }
    T* begin() { return data_; }
    std::size_t size() const { return n_; }
    operator std::span<const T>() const { return {data_, n_}; }

  private:
    T* data_ = nullptr;
    std::size_t n_ = 0;
};

}  // namespace firth
