// Numbers as text, both ways: what word2vec, GloVe and fastText write one row a line.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "vectors_rows.h"

namespace firth {

namespace {

bool is_gap(char c) { return c == ' ' || c == '\t'; }

// A number that from_chars calls out of range, or one that ends up at zero or infinity.
bool parse_extreme(const char* from, const char* to, float& value) {
    double wide = 0;
    const auto read = std::from_chars(from, to, wide);
    if (read.ptr != to) return false;
    if (read.ec != std::errc{}) wide = std::strtod(std::string(from, to).c_str(), nullptr);
    value = static_cast<float>(wide);
    return true;
}

// Exactly the characters [from, to) as the nearest float.
bool parse(const char* from, const char* to, float& value) {
    if (from < to && *from == '+' && to - from > 1 && from[1] != '-') ++from;
    const auto read = std::from_chars(from, to, value);
    if (read.ec == std::errc::result_out_of_range) return parse_extreme(from, to, value);
    return read.ec == std::errc{} && read.ptr == to;
}

std::string_view trimmed(std::string_view line) {
    while (!line.empty() && (is_gap(line.back()) || line.back() == '\r')) line.remove_suffix(1);
    return line;
}

const char* field_end(const char* at, const char* end) {
    while (at < end && !is_gap(*at)) ++at;
    return at;
}

// The usual row: one word without gaps, single gaps, exactly dim numbers. False sends the row to the careful reader.
bool parse_usual(std::string_view line, std::size_t dim, float* row, std::string_view& word) {
    const char *end = line.data() + line.size(), *at = field_end(line.data(), end);
    word = {line.data(), static_cast<std::size_t>(at - line.data())};
    for (std::size_t d = 0; d < dim; ++d) {
        if (at == end) return false;
        const char* stop = field_end(++at, end);
        if (!parse(at, stop, row[d])) return false;
        at = stop;
    }
    return at == end;
}

// From the end of the line: dim numbers, and all before them is the word. Returns how many numbers were found.
std::size_t parse_from_end(std::string_view line, std::size_t dim, float* row, std::string_view& word) {
    const char *begin = line.data(), *end = begin + line.size();
    for (std::size_t found = 0; found < dim; ++found) {
        while (end > begin && is_gap(end[-1])) --end;
        const char* from = end;
        while (from > begin && !is_gap(from[-1])) --from;
        float value = 0;
        if (from == begin || !parse(from, end, value)) return found;
        if (row) row[dim - 1 - found] = value;
        end = from;
    }
    word = {begin, static_cast<std::size_t>(end - 1 - begin)};
    return dim;
}

// 1e-4 <= |value| < 1e6 in plain digits with a point, the rest as d.ddde-05: as str() of a NumPy 2.4 float32.
char* print(char* out, float value) {
    char digits[32];
    const char* stop = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific).ptr;
    const char* mark = std::find(static_cast<const char*>(digits), stop, 'e');
    const float size = std::fabs(value);
    if (mark == stop || (size != 0 && (size < 1e-4f || size >= 1e6f))) {
        std::memcpy(out, digits, stop - digits);
        return out + (stop - digits);
    }
    int exponent = std::atoi(std::string(mark + 1, stop).c_str());
    const char* from = digits;
    if (*from == '-') *out++ = *from++;
    char plain[16];
    int count = 0;
    for (; from < mark; ++from) {
        if (*from != '.') plain[count++] = *from;
    }
    if (exponent < 0) {
        *out++ = '0';
        *out++ = '.';
        for (int zero = -1; zero > exponent; --zero) *out++ = '0';
        return std::copy(plain, plain + count, out);
    }
    for (int place = 0; place <= exponent; ++place) *out++ = place < count ? plain[place] : '0';
    *out++ = '.';
    if (count <= exponent + 1) *out++ = '0';
    return count > exponent + 1 ? std::copy(plain + exponent + 1, plain + count, out) : out;
}

}  // namespace

std::size_t trailing_numbers(std::string_view line) {
    std::string_view word;
    return parse_from_end(trimmed(line), line.size(), nullptr, word);
}

std::string Rows::text_row(std::string_view line) {
    std::string_view word;
    // A header can promise any dimension; a line holds no more numbers than half its characters.
    float* row = dim <= line.size() / 2 + 1 ? values.extend(dim) : nullptr;
    if (!row || !parse_usual(line, dim, row, word)) {
        const std::size_t found = parse_from_end(line, dim, row, word);
        if (found < dim) {
            if (row) values.drop(dim);
            return "row " + std::to_string(n + 1) + " ends in " + std::to_string(found) + " numbers, not " +
                   std::to_string(dim);
        }
    }
    check_finite(row);
    add_word(word);
    return "";
}

Fed Rows::feed_text(std::string_view piece, bool last) {
    std::size_t at = 0;
    while (n < limit && at < piece.size()) {
        const void* newline = std::memchr(piece.data() + at, '\n', piece.size() - at);
        if (!newline && !last) break;
        const std::size_t end = newline ? static_cast<const char*>(newline) - piece.data() : piece.size();
        const std::string_view line = trimmed(piece.substr(at, end - at));
        if (!line.empty()) {
            std::string fault = text_row(line);
            if (!fault.empty()) return {at, fault};
        }
        at = newline ? end + 1 : end;
    }
    return {at, ""};
}

std::string rows_as_text(const float* values, std::size_t dim, const WordBytes& words, std::size_t from,
                         std::size_t to) {
    std::string out;
    out.reserve((to - from) * (dim * 11 + 16));
    char number[64];
    for (std::size_t row = from; row < to; ++row) {
        out.append(words[row]);
        for (std::size_t d = 0; d < dim; ++d) {
            out.push_back(' ');
            out.append(number, print(number, values[row * dim + d]));
        }
        out.push_back('\n');
    }
    return out;
}

}  // namespace firth
