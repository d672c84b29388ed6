#include "text_unicode.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace firth::unicode {

namespace {

constexpr uint32_t kSigma = 0x3A3, kSmallSigma = 0x3C3, kFinalSigma = 0x3C2, kDottedI = 0x130, kDotAbove = 0x307;

const uint8_t* bytes(std::string_view word) { return reinterpret_cast<const uint8_t*>(word.data()); }

// Whether code lies in one of the ranges, which are sorted and inclusive.
template <std::size_t N>
bool within(const CodePair (&ranges)[N], uint32_t code) {
    auto after = std::upper_bound(std::begin(ranges), std::end(ranges), code,
                                  [](uint32_t value, const CodePair& range) { return value < range.first; });
    return after != std::begin(ranges) && code <= std::prev(after)->second;
}

uint32_t lowered(uint32_t code) {
    auto at = std::lower_bound(std::begin(kLower), std::end(kLower), code,
                               [](const CodePair& pair, uint32_t value) { return pair.first < value; });
    return at != std::end(kLower) && at->first == code ? at->second : code;
}

// Unicode's Final_Sigma (chapter 3.13): a cased letter before, none after, ignorable characters between.
bool is_final_sigma(const std::vector<uint32_t>& codes, std::size_t sigma) {
    std::size_t before = sigma;
    while (before > 0 && within(kCaseIgnored, codes[before - 1])) --before;
    if (before == 0 || !within(kCased, codes[before - 1])) return false;
    std::size_t after = sigma + 1;
    while (after < codes.size() && within(kCaseIgnored, codes[after])) ++after;
    return after == codes.size() || !within(kCased, codes[after]);
}

void append(std::string& out, uint32_t code) {
    if (is_escaped(code)) {
        out += static_cast<char>(code - 0xDC00);
    } else if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    } else if (code < 0x10000) {
        out += {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
                static_cast<char>(0x80 | (code & 0x3F))};
    } else {
        out += {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
                static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
    }
}

bool is_ascii(std::string_view word) {
    return std::all_of(word.begin(), word.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

char ascii_normalised(char c, bool lower, bool fold_digits) {
    if (lower && c >= 'A' && c <= 'Z') return static_cast<char>(c + ('a' - 'A'));
    return fold_digits && c >= '0' && c <= '9' ? '0' : c;
}

}  // namespace

Census census(std::string_view word) {
    Census found;
    const uint8_t *p = bytes(word), *end = p + word.size();
    while (p < end) {
        const Decoded next = decode(p, end);
        const uint8_t about = properties(next.code);
        found.letters += (about & kLetter) != 0;
        found.han += (about & kHan) != 0;
        found.invalid |= is_escaped(next.code);
        p += next.length;
    }
    return found;
}

std::string normalise(std::string_view word, bool lower, bool fold_digits) {
    std::string out;
    out.reserve(word.size());
    if (is_ascii(word)) {
        for (char c : word) out += ascii_normalised(c, lower, fold_digits);
        return out;
    }
    std::vector<uint32_t> codes;
    const uint8_t *p = bytes(word), *end = p + word.size();
    while (p < end) {
        const Decoded next = decode(p, end);
        codes.push_back(next.code);
        p += next.length;
    }
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const uint32_t code = codes[i];
        if (fold_digits && within(kDigits, code)) {
            out += '0';
        } else if (lower && code == kSigma) {
            append(out, is_final_sigma(codes, i) ? kFinalSigma : kSmallSigma);
        } else if (lower && code == kDottedI) {  // the one letter whose lower case is two code points
            out += 'i';
            append(out, kDotAbove);
        } else {
            append(out, lower ? lowered(code) : code);
        }
    }
    return out;
}

}  // namespace firth::unicode
