// The tokenizers, each with the places where a text may be cut in two without changing its tokens.
#pragma once
#include <string_view>

#include "text_words.h"

namespace firth {

enum class Tokenizer { whitespace, words, chars, fields };

// Throws std::invalid_argument for a name that is none of the above.
Tokenizer tokenizer_named(std::string_view name);

// Whether cutting at p (begin <= p <= end) certainly keeps every token whole; p == end means that more may follow.
bool is_cut(Tokenizer tokenizer, const uint8_t* begin, const uint8_t* p, const uint8_t* end);

// Tokens are what stands between White_Space characters; a line feed also ends a sentence.
template <class Sink>
void split_whitespace(const uint8_t* p, const uint8_t* end, Sink& sink) {
    static constexpr auto kMaybe = [] {
        std::array<bool, 256> table{};
        for (int c : {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20, 0xC2, 0xE1, 0xE2, 0xE3}) table[c] = true;
        return table;
    }();
    while (p < end) {
        const uint8_t* begin = p;
        uint32_t space = 0;
        while (p < end && !(kMaybe[*p] && (space = unicode::white_space(p, end)))) ++p;
        if (p > begin) sink.token(begin, static_cast<std::size_t>(p - begin));
        if (p == end) return;
        if (*p == '\n') sink.line();
        p += space;
    }
}

// Tokens are code points other than White_Space; an invalid byte is a token too.
template <class Sink>
void split_chars(const uint8_t* p, const uint8_t* end, Sink& sink) {
    while (p < end) {
        const uint32_t space = unicode::white_space(p, end);
        if (space) {
            if (*p == '\n') sink.line();
            p += space;
            continue;
        }
        const uint32_t length = unicode::decode(p, end).length;
        sink.token(p, length);
        p += length;
    }
}

inline bool is_wordlike(const uint8_t* p, const uint8_t* end) {
    while (p < end) {
        const unicode::Decoded next = unicode::decode(p, end);
        if (unicode::properties(next.code) & unicode::kWordlike) return true;
        p += next.length;
    }
    return false;
}

// Reads back what a segmenter wrote: tokens end at a unit separator (0x1F) or a line feed; those without a letter or
// number are dropped, as `words` drops them.
template <class Sink>
void split_fields(const uint8_t* p, const uint8_t* end, Sink& sink) {
    while (p < end) {
        const uint8_t* begin = p;
        while (p < end && *p != 0x1F && *p != '\n') ++p;
        if (is_wordlike(begin, p)) sink.token(begin, static_cast<std::size_t>(p - begin));
        if (p == end) return;
        if (*p == '\n') sink.line();
        ++p;
    }
}

template <class Sink>
void split(Tokenizer tokenizer, const uint8_t* begin, const uint8_t* end, Sink& sink) {
    switch (tokenizer) {
        case Tokenizer::whitespace: return split_whitespace(begin, end, sink);
        case Tokenizer::words: return split_words(begin, end, sink);
        case Tokenizer::chars: return split_chars(begin, end, sink);
        case Tokenizer::fields: return split_fields(begin, end, sink);
    }
}

}  // namespace firth
