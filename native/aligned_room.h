// Room for numbers that begins at a multiple of 64 bytes.
#pragma once
#include <cstdlib>
#include <memory>
#include <new>

namespace firth {

struct FreeRoom {
    void operator()(float* p) const { std::free(p); }
};
using AlignedRoom = std::unique_ptr<float[], FreeRoom>;

inline AlignedRoom aligned_room(std::size_t n) {
    float* p = static_cast<float*>(std::aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64 + 64));
    if (!p) throw std::bad_alloc();
    return AlignedRoom(p);
}

}  // namespace firth
