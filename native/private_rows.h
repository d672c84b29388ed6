// The rows of a matrix that one block works on during a round.
//
// A row that no other block of the round touches is worked on where it lies. A row that several touch is copied for
// each of them, frozen as it was, and the copies are merged when the round ends.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace firth {

struct AlignedDelete {
    void operator()(void* p) const { std::free(p); }
};
using AlignedFloats = std::unique_ptr<float[], AlignedDelete>;

inline AlignedFloats aligned_floats(size_t count) {
    void* p = std::aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64 + 64);
    if (!p) throw std::bad_alloc();
    return AlignedFloats(static_cast<float*>(p));
}

// Scratch that grows with what is asked of it.
class Room {
public:
    float* need(size_t count) {
        if (count > size_) {
            room_ = aligned_floats(count * 3 / 2);
            size_ = count * 3 / 2;
        }
        return room_.get();
    }

private:
    AlignedFloats room_;
    size_t size_ = 0;
};

inline void prefetch_row(const float* row, int stride) {
    for (int c = 0; c < stride; c += 16) __builtin_prefetch(row + c);
}

// Which of `threads` threads a row belongs to when changes are merged.
inline int owner_of(int32_t row, int threads) {
    return int(uint64_t(uint32_t(row) * 0x9E3779B1u) * uint32_t(threads) >> 32);
}

class PrivateRows {
public:
    struct Shared {  // a row with copies in several blocks
        int32_t row, slot;
        int32_t blocks;  // that touch it
        int32_t uses;    // by this block
        float* copy;
    };

    // Forget all rows; room for `expected` of them is made at once.
    void clear(size_t expected) {
        size_t wanted = 64;
        while (wanted < 2 * expected) wanted *= 2;
        for (size_t place : places_) table_[place] = Entry{};
        if (table_.size() < wanted) table_.assign(wanted, Entry{});
        rows_.clear();
        uses_.clear();
        places_.clear();
        shared_.clear();
    }

    // The slot of `row` among this block's rows, given when it is first asked for.
    int32_t slot(int32_t row) {
        Entry* entry = find(row);
        if (entry->row == row) {
            ++uses_[entry->slot];
            return entry->slot;
        }
        if (2 * rows_.size() >= table_.size()) {
            grow();
            entry = find(row);
        }
        *entry = {row, int32_t(rows_.size())};
        rows_.push_back(row);
        uses_.push_back(1);
        places_.push_back(size_t(entry - table_.data()));
        return entry->slot;
    }

    void use(int32_t slot) { ++uses_[slot]; }  // once more

    // Settle where every row is worked on; blocks(row) tells how many blocks of the round touch it, frozen (or null)
    // which rows none of them changes.
    template <class Blocks>
    void bind(float* matrix, int stride, const Blocks& blocks, const uint8_t* frozen = nullptr) {
        where_.resize(rows_.size());
        for (size_t i = 0; i < rows_.size(); ++i) {
            const int count = blocks(rows_[i]);
            if (count > 1 && !(frozen && frozen[rows_[i]])) shared_.push_back({rows_[i], int32_t(i), count, uses_[i], nullptr});
        }
        float* const copies = copies_.need(shared_.size() * stride);
        constexpr size_t kAhead = 8;
        for (size_t i = 0; i < rows_.size(); ++i) where_[i] = matrix + size_t(rows_[i]) * stride;
        for (size_t i = 0; i < shared_.size(); ++i) {
            if (i + kAhead < shared_.size()) prefetch_row(where_[shared_[i + kAhead].slot], stride);
            float* copy = copies + i * stride;
            std::memcpy(copy, where_[shared_[i].slot], stride * sizeof(float));
            shared_[i].copy = where_[shared_[i].slot] = copy;
        }
    }

    float* at(int32_t slot) const { return where_[slot]; }
    const std::vector<int32_t>& rows() const { return rows_; }
    int32_t uses(int32_t slot) const { return uses_[slot]; }
    const std::vector<Shared>& shared() const { return shared_; }

private:
    struct Entry {
        int32_t row = -1, slot = -1;
    };
    Entry* find(int32_t row) {
        size_t i = (uint32_t(row) * 0x9E3779B1u >> 7) & (table_.size() - 1);
        while (table_[i].row != row && table_[i].row != -1) i = (i + 1) & (table_.size() - 1);
        return &table_[i];
    }
    void grow() {
        table_.assign(2 * table_.size(), Entry{});
        for (size_t i = 0; i < rows_.size(); ++i) {
            Entry* entry = find(rows_[i]);
            *entry = {rows_[i], int32_t(i)};
            places_[i] = size_t(entry - table_.data());
        }
    }

    std::vector<Entry> table_;    // open addressing, at most half full
    std::vector<int32_t> rows_;   // by slot
    std::vector<int32_t> uses_;   // by slot: how often it was asked for
    std::vector<size_t> places_;  // of each row in the table
    std::vector<float*> where_;   // by slot
    std::vector<Shared> shared_;
    Room copies_;
};

// How many blocks of a round touch each row: a counter array per thread, so that counting needs no locks; their sum
// does not depend on which thread counted what.
class TouchCounts {
public:
    TouchCounts(int32_t n_rows, int threads) : counts_(threads, std::vector<uint8_t>(n_rows, 0)) {}
    void add(int thread, const std::vector<int32_t>& rows) {
        for (int32_t row : rows) ++counts_[thread][row];
    }
    void remove(int thread, const std::vector<int32_t>& rows) {
        for (int32_t row : rows) --counts_[thread][row];
    }
    int operator()(int32_t row) const {
        int sum = 0;
        for (const auto& counts : counts_) sum += counts[row];
        return sum;
    }

private:
    std::vector<std::vector<uint8_t>> counts_;
};

}  // namespace firth
