// The native readers of vector files under a fuzzer: any bytes, fed whole and in pieces, must give the same rows, the
// same fault at the same byte, and every word must be found at its first row.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "vectors_index.h"
#include "vectors_rows.h"

namespace {

struct Outcome {
    std::size_t consumed;
    std::string fault;
};

Outcome feed(firth::Rows& rows, std::string_view data, bool binary, std::size_t step) {
    std::size_t done = 0, seen = 0;
    for (;;) {
        seen = std::min(data.size(), std::max(seen, done) + step);
        const bool last = seen == data.size();
        const std::string piece(data.substr(done, seen - done));  // its own block, so that reading past it is caught
        const firth::Fed fed = binary ? rows.feed_binary(piece, last) : rows.feed_text(piece, last);
        if (fed.consumed > piece.size()) std::abort();
        done += fed.consumed;
        if (!fed.fault.empty() || last) return {done, fed.fault};
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 3) return 0;
    const bool binary = bytes[0] & 1;
    const std::size_t dim = 1 + bytes[1] % 5, limit = bytes[0] & 2 ? 3 : 1u << 20, step = 1 + bytes[2] % 40;
    const std::string_view data(reinterpret_cast<const char*>(bytes) + 3, size - 3);
    firth::Rows whole(dim, limit), parts(dim, limit);
    const Outcome one = feed(whole, data, binary, data.size() + 1), many = feed(parts, data, binary, step);
    if (one.consumed != many.consumed || one.fault != many.fault) std::abort();
    if (whole.n != parts.n || whole.n > limit || whole.values.size() != whole.n * dim) std::abort();
    if (whole.first_nonfinite != parts.first_nonfinite || whole.blob.size() != parts.blob.size()) std::abort();
    if (whole.n && std::memcmp(whole.values.data(), parts.values.data(), whole.n * dim * sizeof(float))) std::abort();

    const firth::WordBytes words{reinterpret_cast<const char*>(whole.blob.data()), whole.offsets.data(), whole.n, 0};
    const firth::WordIndex index(words);
    std::size_t again = 0;
    for (std::size_t row = 0; row < whole.n; ++row) {
        const std::int64_t first = index.find(words[row]);
        if (first < 0 || first > std::int64_t(row) || words[first] != words[row]) std::abort();
        again += first < std::int64_t(row);
    }
    if (again != index.duplicates().size()) std::abort();

    // What was read is written, and read again to the same bits.
    if (!binary && whole.n && whole.first_nonfinite < 0) {
        const std::string text = firth::rows_as_text(whole.values.data(), dim, words, 0, whole.n);
        firth::Rows back(dim, limit);
        const firth::Fed fed = back.feed_text(text, true);
        if (!fed.fault.empty() || back.n != whole.n) std::abort();
        if (std::memcmp(back.values.data(), whole.values.data(), whole.n * dim * sizeof(float))) std::abort();
    }
    (void)firth::trailing_numbers(data);
    return 0;
}
