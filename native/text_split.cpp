#include "text_split.h"

#include <stdexcept>
#include <string>

namespace firth {

namespace {

bool ends_with_space(const uint8_t* begin, const uint8_t* p) {
    if (p[-1] == ' ' || (p[-1] >= '\t' && p[-1] <= '\r')) return true;
    return p - begin >= 3 && p[-3] == 0xE3 && p[-2] == 0x80 && p[-1] == 0x80;  // U+3000: Chinese may hold no other
}

}  // namespace

Tokenizer tokenizer_named(std::string_view name) {
    if (name == "whitespace") return Tokenizer::whitespace;
    if (name == "words") return Tokenizer::words;
    if (name == "chars") return Tokenizer::chars;
    if (name == "fields") return Tokenizer::fields;
    throw std::invalid_argument("no tokenizer is named '" + std::string(name) + "'");
}

bool is_cut(Tokenizer tokenizer, const uint8_t* begin, const uint8_t* p, const uint8_t* end) {
    if (p == begin || p[-1] == '\n') return true;
    switch (tokenizer) {
        case Tokenizer::whitespace: return ends_with_space(begin, p);
        case Tokenizer::words: return is_sure_boundary(begin, p, end);
        case Tokenizer::chars: return p < end && !unicode::is_continuation(*p);
        case Tokenizer::fields: return p[-1] == 0x1F;
    }
    return false;
}

}  // namespace firth
