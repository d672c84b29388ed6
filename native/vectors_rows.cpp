#include "vectors_rows.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace firth {

template <class T>
Buffer<T>::~Buffer() {
    std::free(data_);
}

template <class T>
void Buffer<T>::reserve(std::size_t wanted) {
    if (wanted <= room_) return;
    if (wanted > std::numeric_limits<std::size_t>::max() / sizeof(T)) throw std::bad_alloc();
    void* moved = std::realloc(data_, wanted * sizeof(T));
    if (!moved) throw std::bad_alloc();
    data_ = static_cast<T*>(moved);
    room_ = wanted;
#ifdef __linux__
    // Large pages: filling 1 GB costs 500 page faults instead of 300,000. Only advice, so a refusal is no fault.
    constexpr std::size_t large = 2u << 20;
    const std::size_t begin = (reinterpret_cast<std::uintptr_t>(data_) + large - 1) / large * large;
    const std::size_t end = reinterpret_cast<std::uintptr_t>(data_ + room_) / large * large;
    if (end > begin + 4 * large) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

template <class T>
T* Buffer<T>::extend(std::size_t more) {
    if (size_ + more > room_) reserve(std::max(size_ + more, room_ + room_ / 2 + 64));
    size_ += more;
    return data_ + size_ - more;
}

template <class T>
T* Buffer<T>::release() {
    if (!size_) reserve(1);
    void* trimmed = size_ ? std::realloc(data_, size_ * sizeof(T)) : data_;
    T* given = trimmed ? static_cast<T*>(trimmed) : data_;
    data_ = nullptr;
    size_ = room_ = 0;
    return given;
}

template class Buffer<float>;
template class Buffer<std::uint8_t>;
template class Buffer<std::int64_t>;

Rows::Rows(std::size_t dim, std::size_t limit) : dim(dim), limit(limit) { *offsets.extend(1) = 0; }

void Rows::add_word(std::string_view word) {
    if (!word.empty()) std::memcpy(blob.extend(word.size()), word.data(), word.size());
    *offsets.extend(1) = static_cast<std::int64_t>(blob.size());
    ++n;
}

void Rows::check_finite(const float* row) {
    // All exponent bits set means infinite or not a number.
    std::uint32_t worst = 0;
    for (std::size_t d = 0; d < dim; ++d) {
        worst = std::max(worst, std::bit_cast<std::uint32_t>(row[d]) & 0x7F800000u);
    }
    if (worst != 0x7F800000u) return;
    if (first_nonfinite < 0) first_nonfinite = static_cast<std::int64_t>(n);
    ++nonfinite_rows;
}

Fed Rows::feed_binary(std::string_view piece, bool last) {
    constexpr std::size_t longest_word = 1u << 20;
    const std::size_t width = dim * sizeof(float);
    std::size_t at = 0;
    while (n < limit) {
        std::size_t start = at;
        while (start < piece.size() && piece[start] == '\n') ++start;
        const std::size_t room = std::min(piece.size() - start, longest_word);
        const void* space = room ? std::memchr(piece.data() + start, ' ', room) : nullptr;
        if (!space && room == longest_word) return {at, "no space ends the word within 1 MiB"};
        const std::size_t end = space ? static_cast<const char*>(space) - piece.data() : piece.size();
        if (!space || piece.size() - end - 1 < width) {
            return {at, last ? "the file ends within a row" : ""};
        }
        float* row = values.extend(dim);
        std::memcpy(row, piece.data() + end + 1, width);
        if constexpr (std::endian::native == std::endian::big) {
            for (std::size_t d = 0; d < dim; ++d) {
                row[d] = std::bit_cast<float>(__builtin_bswap32(std::bit_cast<std::uint32_t>(row[d])));
            }
        }
        check_finite(row);
        add_word(piece.substr(start, end - start));
        at = end + 1 + width;
    }
    return {at, ""};
}

std::string rows_as_binary(const float* values, std::size_t dim, const WordBytes& words, std::size_t from,
                           std::size_t to) {
    std::string out;
    out.reserve((to - from) * (dim * sizeof(float) + 16));
    for (std::size_t row = from; row < to; ++row) {
        out.append(words[row]);
        out.push_back(' ');
        for (std::size_t d = 0; d < dim; ++d) {
            std::uint32_t bits = std::bit_cast<std::uint32_t>(values[row * dim + d]);
            if constexpr (std::endian::native == std::endian::big) bits = __builtin_bswap32(bits);
            out.append(reinterpret_cast<const char*>(&bits), sizeof bits);
        }
    }
    return out;
}

}  // namespace firth
