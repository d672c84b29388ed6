// Rows of a vector file, read piece by piece: words in one buffer, values in another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vectors_index.h"

namespace firth {

// Plain values that grow in place where the system can remap them; 1 GB must not be copied to become 2.
template <class T>
class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();

    void reserve(std::size_t wanted);  // throws std::bad_alloc
    T* extend(std::size_t more);       // where the `more` new values go
    void drop(std::size_t fewer) { size_ -= fewer; }
    std::size_t size() const { return size_; }
    T* data() { return data_; }
    T* release();  // trimmed; the caller frees it

private:
    T* data_ = nullptr;
    std::size_t size_ = 0, room_ = 0;
};

struct Fed {
    std::size_t consumed;  // bytes of whole rows
    std::string fault;     // empty when all is well
};

class Rows {
public:
    Rows(std::size_t dim, std::size_t limit);

    void reserve(std::size_t rows) { values.reserve(rows * dim); }
    // Text: a row is a line; its last `dim` fields are the values, what stands before them is the word.
    Fed feed_text(std::string_view piece, bool last);
    // Binary: word, space, dim little-endian floats, then perhaps a newline.
    Fed feed_binary(std::string_view piece, bool last);

    const std::size_t dim, limit;
    std::size_t n = 0;
    std::int64_t first_nonfinite = -1;
    std::size_t nonfinite_rows = 0;
    Buffer<float> values;
    Buffer<std::uint8_t> blob;
    Buffer<std::int64_t> offsets;

private:
    std::string text_row(std::string_view line);
    void add_word(std::string_view word);
    void check_finite(const float* row);
};

// How many fields at the end of a line are numbers; the first field is never counted, it is the word.
std::size_t trailing_numbers(std::string_view line);

// Rows as text (the shortest digits that give the float back, laid out as NumPy prints them) or as binary.
std::string rows_as_text(const float* values, std::size_t dim, const WordBytes& words, std::size_t from,
                         std::size_t to);
std::string rows_as_binary(const float* values, std::size_t dim, const WordBytes& words, std::size_t from,
                           std::size_t to);

}  // namespace firth
