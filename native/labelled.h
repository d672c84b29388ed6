// Labelled lines as fastText reads them: tokens between blanks, those that begin with the prefix are labels, and every
// end of a line is the word </s>.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "subword.h"
#include "type_table.h"

namespace firth {

inline constexpr std::string_view kEndOfLine = "</s>";

inline bool is_blank(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == 0; }

// Calls token(word, hash) for each token of [text, text + n), and line(newline) where a line ends, after its token </s>:
// at a newline, and at a </s> of the text. A token that the end of the text cuts is left, unless it is the `last` one:
// returns how much was read.
template <class Token, class Line>
size_t split_line_tokens(const char* text, size_t n, bool last, Token token, Line line) {
    static const uint32_t end_hash = fnv_hash(kEndOfLine);
    size_t at = 0;
    while (at < n) {
        if (is_blank(static_cast<unsigned char>(text[at]))) {
            if (text[at++] == '\n') token(kEndOfLine, end_hash), line(true);
            continue;
        }
        size_t end = at;
        uint32_t hash = 2166136261u;
        for (; end < n && !is_blank(static_cast<unsigned char>(text[end])); ++end)
            hash = (hash ^ uint32_t(int32_t(static_cast<signed char>(text[end])))) * 16777619u;
        if (end == n && !last) return at;
        const std::string_view word(text + at, end - at);
        token(word, hash);
        if (word == kEndOfLine) line(false);
        at = end;
    }
    return at;
}

// Which lines are examples, and how many are not.
struct LineCounts {
    int64_t lines = 0, without_labels = 0, without_words = 0, first_without_labels = 0;  // the last one counts from 1
};

// The text of one pass, every token as the number of its type.
class LabelledText {
public:
    explicit LabelledText(std::string prefix) : prefix_(std::move(prefix)) {}
    void feed(const char* text, size_t n);  // the next bytes
    void end_text();                        // of a file: the next byte begins a line

    const TypeTable& types() const { return types_; }
    bool is_label(int32_t type) const { return labels_[type]; }
    int64_t count(int32_t type) const { return counts_[type]; }
    const std::vector<int32_t>& tokens() const { return tokens_; }
    const std::vector<int64_t>& ends() const { return ends_; }  // of the lines

private:
    void read(const char* text, size_t n, bool last);

    const std::string prefix_;
    std::string rest_;  // an unfinished token
    TypeTable types_;
    std::vector<int64_t> counts_;
    std::vector<uint8_t> labels_;
    std::vector<int32_t> tokens_;
    std::vector<int64_t> ends_;
};

// Words and labels of a text, most frequent first, equals by their bytes.
struct LabelledVocab {
    std::vector<int32_t> words, labels;    // types
    std::vector<int32_t> word_of, label_of;  // by type: its row, or -1
};
LabelledVocab vocabulary_of(const LabelledText& text, int64_t min_count, int64_t min_count_label);

}  // namespace firth
