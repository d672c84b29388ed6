#include "text_words.h"

namespace firth {

using namespace unicode;

namespace {

constexpr uint8_t kNone = 0xFF;

bool is_newline(uint8_t kind) { return kind == CR || kind == LF || kind == Newline; }
bool is_ignored(uint8_t kind) { return kind == Extend || kind == Format || kind == ZWJ; }  // by WB4
bool is_letter(uint8_t kind) { return kind == ALetter || kind == HebrewLetter || kind == LetterPicture; }
bool is_picture(uint8_t kind) { return kind == Picture || kind == LetterPicture; }
bool is_mid_letter(uint8_t kind) { return kind == MidLetter || kind == MidNumLet || kind == SingleQuote; }
bool is_mid_number(uint8_t kind) { return kind == MidNum || kind == MidNumLet || kind == SingleQuote; }

uint8_t kind_of(uint32_t code) { return properties(code) & kClassMask; }

// The class of the first code point from p on that WB4 does not ignore.
uint8_t class_after(const uint8_t* p, const uint8_t* end) {
    while (p < end) {
        const Decoded next = decode(p, end);
        const uint8_t kind = kind_of(next.code);
        if (!is_ignored(kind)) return kind;
        p += next.length;
    }
    return kNone;
}

// WB5 to WB13b and WB16: whether `kind`, which ends at `after`, joins what stands before it.
bool continues(uint8_t before, uint8_t last, bool lone_flag, uint8_t kind, const uint8_t* after, const uint8_t* end) {
    if (is_letter(last)) {
        if (is_letter(kind) || kind == Numeric || kind == ExtendNumLet) return true;      // WB5 WB9 WB13a
        if (last == HebrewLetter && kind == SingleQuote) return true;                     // WB7a
        if (is_mid_letter(kind) && is_letter(class_after(after, end))) return true;       // WB6
        return last == HebrewLetter && kind == DoubleQuote && class_after(after, end) == HebrewLetter;  // WB7b
    }
    if (last == Numeric) {
        if (kind == Numeric || is_letter(kind) || kind == ExtendNumLet) return true;  // WB8 WB10 WB13a
        return is_mid_number(kind) && class_after(after, end) == Numeric;             // WB12
    }
    if (is_mid_letter(last) && is_letter(before) && is_letter(kind)) return true;                          // WB7
    if (last == DoubleQuote && before == HebrewLetter && kind == HebrewLetter) return true;                // WB7c
    if (is_mid_number(last) && before == Numeric && kind == Numeric) return true;                          // WB11
    if (last == Katakana) return kind == Katakana || kind == ExtendNumLet;                                 // WB13 WB13a
    if (last == ExtendNumLet) {
        return is_letter(kind) || kind == Numeric || kind == Katakana || kind == ExtendNumLet;  // WB13a WB13b
    }
    return last == RegionalIndicator && kind == RegionalIndicator && lone_flag;  // WB15 WB16
}

}  // namespace

Segment next_segment(const uint8_t* p, const uint8_t* end) {
    Decoded next = decode(p, end);
    uint8_t about = properties(next.code), kind = about & kClassMask;
    Segment segment{p + next.length, (about & kWordlike) != 0};
    if (kind == CR && segment.end < end && *segment.end == '\n') ++segment.end;  // WB3
    if (is_newline(kind)) return segment;                                       // WB3a
    uint8_t adjacent = kind, last = kind, before = kNone;  // last: adjacent but for what WB4 ignores
    bool lone_flag = kind == RegionalIndicator;
    while (segment.end < end) {
        next = decode(segment.end, end);
        about = properties(next.code);
        kind = about & kClassMask;
        const uint8_t* after = segment.end + next.length;
        if (is_newline(kind)) break;  // WB3b
        if (is_ignored(kind)) {       // WB4
            adjacent = kind;
        } else {
            const bool joined = (adjacent == ZWJ && is_picture(kind)) ||            // WB3c
                                (adjacent == WSegSpace && kind == WSegSpace) ||     // WB3d
                                continues(before, last, lone_flag, kind, after, end);
            if (!joined) break;  // WB999
            lone_flag = kind == RegionalIndicator && !(last == RegionalIndicator && lone_flag);
            before = last;
            adjacent = last = kind;
        }
        segment.wordlike |= (about & kWordlike) != 0;
        segment.end = after;
    }
    return segment;
}

bool is_sure_boundary(const uint8_t* begin, const uint8_t* p, const uint8_t* end) {
    if (p == begin || p[-1] == '\n') return true;
    if (p == end || is_continuation(*p)) return false;
    const uint8_t* previous = p - 1;
    while (previous > begin && p - previous < 4 && is_continuation(*previous)) --previous;
    const Decoded left = decode(previous, end), right = decode(p, end);
    if (previous + left.length != p || is_escaped(left.code) || is_escaped(right.code)) return false;
    const uint8_t before = kind_of(left.code), after = kind_of(right.code);
    if (is_ignored(after)) return false;
    return before == Other || before == Picture || (before == WSegSpace && after != WSegSpace);
}

}  // namespace firth
