#include "labelled.h"

#include <algorithm>

namespace firth {

void LabelledText::read(const char* text, size_t n, bool last) {
    const size_t read = split_line_tokens(
        text, n, last,
        [&](std::string_view word, uint32_t hash) {
            const int32_t type = types_.add(word, hash);
            if (size_t(type) == counts_.size()) counts_.push_back(0), labels_.push_back(word.starts_with(prefix_));
            ++counts_[type];
            tokens_.push_back(type);
        },
        [&](bool) { ends_.push_back(int64_t(tokens_.size())); });
    rest_.assign(text + read, n - read);
}

void LabelledText::feed(const char* text, size_t n) {
    if (!rest_.empty()) {  // the token under way ends at the first blank
        const char* const end = std::find_if(text, text + n, [](char c) { return is_blank(static_cast<unsigned char>(c)); });
        std::string token = rest_.append(text, end);
        if (end == text + n) return;
        n -= size_t(end - text), text = end;
        read(token.data(), token.size(), true);
    }
    read(text, n, false);
}

void LabelledText::end_text() {
    const std::string token = rest_;
    read(token.data(), token.size(), true);
    if (!tokens_.empty() && (ends_.empty() || ends_.back() != int64_t(tokens_.size()))) ends_.push_back(int64_t(tokens_.size()));
}

LabelledVocab vocabulary_of(const LabelledText& text, int64_t min_count, int64_t min_count_label) {
    LabelledVocab vocab;
    const int32_t n = text.types().size();
    for (int32_t type = 0; type < n; ++type) {
        const bool label = text.is_label(type);
        if (text.count(type) >= (label ? min_count_label : min_count)) (label ? vocab.labels : vocab.words).push_back(type);
    }
    for (auto [list, rows] : {std::pair(&vocab.words, &vocab.word_of), std::pair(&vocab.labels, &vocab.label_of)}) {
        std::sort(list->begin(), list->end(), [&](int32_t a, int32_t b) {
            const int64_t x = text.count(a), y = text.count(b);
            return x != y ? x > y : text.types()[a] < text.types()[b];
        });
        rows->assign(size_t(n), -1);
        for (size_t row = 0; row < list->size(); ++row) (*rows)[(*list)[row]] = int32_t(row);
    }
    return vocab;
}

}  // namespace firth
