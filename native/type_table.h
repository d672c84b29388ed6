// The distinct tokens of a text in the order of first appearance, by their FNV hash: fastText's n-grams need that hash of
// every token anyway.
#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace firth {

class TypeTable {
public:
    TypeTable() : slots_(1024) {}

    // The number of a token, given at its first appearance.
    int32_t add(std::string_view token, uint32_t hash) {
        size_t at = place(token, hash);
        if (slots_[at].id >= 0) return slots_[at].id;
        if (hashes_.size() == size_t(INT32_MAX)) throw std::length_error("more than 2^31 different tokens");
        slots_[at] = {hash, int32_t(hashes_.size())};
        bytes_.append(token);
        ends_.push_back(int64_t(bytes_.size()));
        hashes_.push_back(hash);
        if (2 * hashes_.size() > slots_.size()) grow();
        return int32_t(hashes_.size()) - 1;
    }
    int32_t find(std::string_view token, uint32_t hash) const { return slots_[place(token, hash)].id; }  // -1: unknown

    int32_t size() const { return int32_t(hashes_.size()); }
    uint32_t hash(int32_t id) const { return hashes_[id]; }
    std::string_view operator[](int32_t id) const {
        const int64_t begin = id ? ends_[id - 1] : 0;
        return std::string_view(bytes_).substr(size_t(begin), size_t(ends_[id] - begin));
    }

private:
    struct Slot {
        uint32_t hash = 0;
        int32_t id = -1;
    };
    size_t first(uint32_t hash) const { return size_t(hash * 0x9E3779B97F4A7C15ull >> 20) & (slots_.size() - 1); }
    size_t place(std::string_view token, uint32_t hash) const {
        for (size_t at = first(hash);; at = (at + 1) & (slots_.size() - 1)) {
            const Slot& slot = slots_[at];
            if (slot.id < 0 || (slot.hash == hash && (*this)[slot.id] == token)) return at;
        }
    }
    void grow() {
        slots_.assign(2 * slots_.size(), Slot{});
        for (int32_t id = 0; id < size(); ++id) {
            size_t at = first(hashes_[id]);
            while (slots_[at].id >= 0) at = (at + 1) & (slots_.size() - 1);
            slots_[at] = {hashes_[id], id};
        }
    }

    std::vector<Slot> slots_;  // open addressing, at most half full
    std::string bytes_;
    std::vector<int64_t> ends_;
    std::vector<uint32_t> hashes_;
};

}  // namespace firth
