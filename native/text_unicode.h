// UTF-8 decoding that never fails, and the properties of code points.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "unicode_tables.h"

namespace firth::unicode {

struct Decoded {
    uint32_t code;    // an invalid byte b gives 0xDC00 + b, as Python's "surrogateescape" does
    uint32_t length;  // in bytes
};

inline bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }
inline bool is_escaped(uint32_t code) { return code >= 0xDC80 && code <= 0xDCFF; }

// The code point at p < end; a byte that begins no valid sequence stands for itself.
inline Decoded decode(const uint8_t* p, const uint8_t* end) {
    const uint32_t lead = p[0];
    const std::ptrdiff_t left = end - p;
    if (lead < 0x80) return {lead, 1};
    const Decoded invalid{0xDC00 + lead, 1};
    if (lead < 0xC2 || lead > 0xF4 || left < 2 || !is_continuation(p[1])) return invalid;
    const uint32_t second = p[1] & 0x3F;
    if (lead < 0xE0) return {(lead & 0x1F) << 6 | second, 2};
    if (left < 3 || !is_continuation(p[2])) return invalid;
    if (lead < 0xF0) {
        const uint32_t code = (lead & 0x0F) << 12 | second << 6 | (p[2] & 0x3F);
        return code < 0x800 || (code >= 0xD800 && code < 0xE000) ? invalid : Decoded{code, 3};
    }
    if (left < 4 || !is_continuation(p[3])) return invalid;
    const uint32_t code = (lead & 0x07) << 18 | second << 12 | (p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    return code < 0x10000 || code > 0x10FFFF ? invalid : Decoded{code, 4};
}

// Word_Break class and flags. An invalid byte counts as a letter, so that a word of a wrongly declared text stays whole.
inline uint8_t properties(uint32_t code) {
    if (is_escaped(code)) return ALetter | kWordlike;
    return kProperties[kBlockOf[code >> kBlockBits] << kBlockBits | (code & ((1u << kBlockBits) - 1))];
}

// The length in bytes of the White_Space character at p, or 0.
inline uint32_t white_space(const uint8_t* p, const uint8_t* end) {
    if (p[0] < 0x80) return p[0] == ' ' || (p[0] >= '\t' && p[0] <= '\r');
    if (p[0] == 0xC2) return end - p > 1 && (p[1] == 0x85 || p[1] == 0xA0) ? 2 : 0;
    if (p[0] < 0xE1 || p[0] > 0xE3 || end - p < 3) return 0;
    const uint32_t rest = p[1] << 8 | p[2];
    if (p[0] == 0xE1) return rest == 0x9A80 ? 3 : 0;  // U+1680
    if (p[0] == 0xE3) return rest == 0x8080 ? 3 : 0;  // U+3000
    const bool space = (rest >= 0x8080 && rest <= 0x808A) || rest == 0x80A8 || rest == 0x80A9 || rest == 0x80AF;
    return space || rest == 0x819F ? 3 : 0;  // U+2000 to U+200A, U+2028, U+2029, U+202F; U+205F
}

// What a word tells about its text.
struct Census {
    uint64_t letters = 0, han = 0;
    bool invalid = false;
};
Census census(std::string_view word);

// The word with every letter lowered as Python's str.lower does (a final sigma too), and every decimal digit as '0'.
std::string normalise(std::string_view word, bool lower, bool fold_digits);

}  // namespace firth::unicode
