// The lines of an ARPA file: numbers, words, sections.
#pragma once
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

#include "arpa.h"
#include "text_table.h"

namespace firth {

// Powers of ten that a double holds exactly.
inline constexpr double kTens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

struct ArpaText {
    const char* begin;
    const char* end;

    [[noreturn]] void fault(const char* at, const std::string& what) const { throw ArpaFault(what, at - begin); }

    const char* line_end(const char* at) const {
        const void* found = std::memchr(at, '\n', std::size_t(end - at));
        return found ? static_cast<const char*>(found) : end;
    }

    // A line without the blanks at its end.
    std::string_view line(const char* at, const char* stop) const {
        while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t' || stop[-1] == '\r')) --stop;
        return {at, std::size_t(stop - at)};
    }

    // The number at `at`, which must end at `stop` or before a blank; moves `at` behind it. Up to 15 digits are a whole
    // number and an exact power of ten, whose quotient is rounded once to double and once to float.
    float number(const char*& at, const char* stop) const {
        const char* p = at;
        const bool negative = p < stop && *p == '-';
        p += negative;
        int64_t digits = 0;
        int n = 0, point = 0;
        for (; p < stop && unsigned(*p - '0') < 10; ++p, n += digits > 0) digits = n < 16 ? 10 * digits + (*p - '0') : digits;
        if (p < stop && *p == '.')
            for (++p; p < stop && unsigned(*p - '0') < 10; ++p, n += digits > 0, ++point)
                digits = n < 16 ? 10 * digits + (*p - '0') : digits;
        const bool plain = (p == stop || *p == '\t' || *p == ' ') && p > at + negative && n <= 15 && point <= 22;
        float value;
        if (plain) {
            value = float(double(digits) / kTens[point]);
            value = negative ? -value : value;
        } else {
            const auto read = std::from_chars(at, stop, value);
            p = read.ptr;
            const bool small = read.ec == std::errc::result_out_of_range && p > at;
            if (small) value = 0;  // nearer to zero than a float can tell; what is too large is caught by its exponent
            if ((read.ec != std::errc() && !small) || (p < stop && *p != '\t' && *p != ' ') || !std::isfinite(value))
                fault(at, "no number");
            if (small && std::string_view(at, std::size_t(p - at)).find("e-") == std::string_view::npos &&
                std::string_view(at, std::size_t(p - at)).find("E-") == std::string_view::npos)
                fault(at, "a number out of range");
        }
        at = p;
        return value;
    }

    static const char* blanks(const char* at, const char* stop) {
        while (at < stop && (*at == '\t' || *at == ' ')) ++at;
        return at;
    }
    static const char* word_end(const char* at, const char* stop) {
        while (at < stop && *at != '\t' && *at != ' ') ++at;
        return at;
    }

    // Calls each with the hash key of a word and its bytes, which may be a copy with room behind.
    template <class Each>
    auto with_key(const WordTable& table, std::string_view word, Each&& each) const {
        const char* p = word.data();
        char room[2 * kPadding] = {};
        if (word.size() <= kPadding && p + kPadding > end) p = static_cast<const char*>(std::memcpy(room, p, word.size()));
        const auto* bytes = reinterpret_cast<const uint8_t*>(p);
        return each(table.key(bytes, word.size()), bytes);
    }
};

}  // namespace firth
