// The default word boundaries of Unicode (UAX #29, section 4.1.1).
#pragma once
#include <array>

#include "text_unicode.h"

namespace firth {

struct Segment {
    const uint8_t* end;
    bool wordlike;  // holds a letter, a number or an ideograph (general category L or N)
};

// The segment that begins at the boundary p < end. No rule looks back across a boundary, so none is remembered.
Segment next_segment(const uint8_t* p, const uint8_t* end);

// Whether there is a boundary at p, whatever the text is further away; true is certain, false is not.
bool is_sure_boundary(const uint8_t* begin, const uint8_t* p, const uint8_t* end);

enum AsciiClass : uint8_t { kAlone, kLetter, kDigit, kJoiner, kMidLetter, kMidNumber, kMidBoth };

constexpr std::array<uint8_t, 128> ascii_classes() {
    std::array<uint8_t, 128> table{};
    for (int c = 0; c < 128; ++c) {
        if ((c | 32) >= 'a' && (c | 32) <= 'z') table[c] = kLetter;
        if (c >= '0' && c <= '9') table[c] = kDigit;
    }
    table['_'] = kJoiner;
    table[':'] = kMidLetter;
    table[','] = table[';'] = kMidNumber;
    table['.'] = table['\''] = kMidBoth;
    return table;
}
inline constexpr auto kAscii = ascii_classes();

inline bool joins(uint8_t before, uint8_t middle, uint8_t after) {
    if (before == kLetter && after == kLetter) return middle == kMidLetter || middle == kMidBoth;
    return before == kDigit && after == kDigit && (middle == kMidNumber || middle == kMidBoth);
}

// The end of the segment that begins at the ASCII letter, digit or underscore at p; null where other scripts decide.
inline const uint8_t* ascii_segment(const uint8_t* p, const uint8_t* end, bool& wordlike) {
    wordlike = false;
    while (true) {
        uint8_t kind = kAlone;
        while (p < end && *p < 0x80 && (kind = kAscii[*p]) >= kLetter && kind <= kJoiner) {
            wordlike |= kind != kJoiner;
            ++p;
        }
        if (p == end) return p;
        if (*p >= 0x80) return nullptr;
        if (kind == kAlone || p + 1 == end) return p;
        if (p[1] >= 0x80) return nullptr;
        if (!joins(kAscii[p[-1]], kind, kAscii[p[1]])) return p;
        ++p;
    }
}

// Calls sink.token(begin, length) for every wordlike segment and sink.line() at every line feed.
template <class Sink>
void split_words(const uint8_t* p, const uint8_t* end, Sink& sink) {
    while (p < end) {
        const uint8_t* next = nullptr;
        bool wordlike = false;
        if (*p < 0x80) {
            const uint8_t kind = kAscii[*p];
            if (kind >= kLetter && kind <= kJoiner) {
                next = ascii_segment(p, end, wordlike);
            } else if (p + 1 == end || p[1] < 0x80) {
                if (*p == '\n') sink.line();
                ++p;
                continue;
            }
        }
        if (next == nullptr) {
            const Segment segment = next_segment(p, end);
            if (*p == '\n') sink.line();
            next = segment.end;
            wordlike = segment.wordlike;
        }
        if (wordlike) sink.token(p, static_cast<std::size_t>(next - p));
        p = next;
    }
}

}  // namespace firth
