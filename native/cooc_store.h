// Where counted rows wait for the end: in memory while the budget lasts, then in a file.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace firth {

// Neighbouring rows of a sparse matrix of whole numbers: row i has lengths[i] columns, ascending.
struct CoocRows {
    std::vector<uint32_t> lengths, columns;
    std::vector<uint64_t> sums;

    void clear() { lengths.clear(), columns.clear(), sums.clear(); }
};

// One such run of rows at rest: the three arrays end to end, in pages of its own (which go back to the system when they
// are dropped, as malloc's need not) or at a place in the file.
struct CoocSegment {
    std::byte* pages = nullptr;
    uint64_t place = 0;
    uint32_t rows = 0;
    uint64_t pairs = 0;

    std::size_t bytes() const { return rows * sizeof(uint32_t) + pairs * (sizeof(uint32_t) + sizeof(uint64_t)); }
};

// keep() and load() may be called from several threads. I/O failures throw std::system_error.
class CoocStore {
  public:
    CoocStore(std::size_t budget, int file) : budget_(budget), file_(file) {}
    CoocStore(const CoocStore&) = delete;

    CoocSegment keep(const CoocRows& rows);
    void load(const CoocSegment& segment, CoocRows& rows) const;
    void drop(CoocSegment& segment);

    // Bytes of all segments in pages, and of all ever written to the file.
    std::size_t used() const { return used_; }
    uint64_t spilled() const { return end_; }

  private:
    std::size_t budget_;
    int file_;
    std::atomic<std::size_t> used_{0};
    std::atomic<uint64_t> end_{0};
};

void write_at(int file, const void* bytes, std::size_t n, uint64_t place);

}  // namespace firth
