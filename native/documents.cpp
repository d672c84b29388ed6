#include "documents.h"

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>

#include "parallel.h"
#include "vectors_index.h"

namespace firth {

namespace {

// Who touches a row: no document yet, one (its number + 1), or several (kShared, and below it the row given since).
constexpr int32_t kShared = -1;

class Owners {
public:
    explicit Owners(size_t n) : table_(static_cast<int32_t*>(std::calloc(n + 1, sizeof(int32_t)))) {
        if (!table_) throw std::bad_alloc();
    }
    void touch(size_t at, int32_t document) {
        int32_t& owner = table_.get()[at];
        if (owner != kShared && owner != document + 1) owner = owner == 0 ? document + 1 : kShared;
    }
    int32_t& operator[](size_t at) { return table_.get()[at]; }
    void prefetch(size_t at) const { __builtin_prefetch(table_.get() + at); }

private:
    struct Free {
        void operator()(int32_t* p) const { std::free(p); }
    };
    std::unique_ptr<int32_t, Free> table_;  // pages that are never touched cost nothing
};

// The buckets of the character n-grams of every type that is a word.
struct Grams {
    std::vector<int64_t> ends;
    std::vector<int32_t> buckets;
    std::span<const int32_t> of(int32_t type) const {
        if (ends.empty()) return {};
        const size_t begin = type ? size_t(ends[type - 1]) : 0;
        return {buckets.data() + begin, size_t(ends[type]) - begin};
    }
};

Grams grams_of(const LabelledText& text, const NgramRange& range) {
    Grams grams;
    if (range.maxn < 1) return grams;
    for (int32_t type = 0; type < text.types().size(); ++type) {
        if (!text.is_label(type)) word_ngrams(text.types()[type], range, grams.buckets);
        grams.ends.push_back(int64_t(grams.buckets.size()));
    }
    return grams;
}

// Features with buckets in their own numbers, as ~bucket; lines that are no examples are counted.
void read_lines(const LabelledText& text, const LabelledVocab& vocab, const FeatureOptions& options, Documents& out) {
    const Grams grams = grams_of(text, options.grams);
    std::vector<uint32_t> hashes;
    int64_t at = 0;
    for (int64_t end : text.ends()) {
        const size_t first_feature = out.features.size(), first_label = out.labels.size();
        const bool blank = end - at == 1 && text.types()[text.tokens()[at]] == kEndOfLine;
        hashes.clear();
        for (; at < end; ++at) {
            const int32_t type = text.tokens()[at];
            if (text.is_label(type)) {
                if (vocab.label_of[type] >= 0) out.labels.push_back(vocab.label_of[type]);
                continue;
            }
            if (vocab.word_of[type] >= 0) out.features.push_back(vocab.word_of[type]);
            for (int32_t bucket : grams.of(type)) out.features.push_back(~bucket);
            if (options.word_ngrams > 1) hashes.push_back(text.types().hash(type));
        }
        line_ngrams(hashes, options.word_ngrams, options.grams.buckets, [&](int32_t b) { out.features.push_back(~b); });
        ++out.counts.lines;
        const bool labels = out.labels.size() > first_label, words = out.features.size() > first_feature;
        if (labels && words) {
            out.feature_ends.push_back(int64_t(out.features.size())), out.label_ends.push_back(int64_t(out.labels.size()));
            continue;
        }
        if (!labels && !blank && ++out.counts.without_labels == 1) out.counts.first_without_labels = out.counts.lines;
        if (labels) ++out.counts.without_words;
        out.features.resize(first_feature), out.labels.resize(first_label);
    }
    if (out.feature_ends.size() >= size_t(INT32_MAX)) throw std::length_error("more than 2^31 documents");
}

// Gives rows to the buckets that are there, in the order of first appearance, and sets rows of one document apart.
class Numbering {
public:
    Numbering(Documents& out, int32_t n_words, uint32_t buckets)
        : out_(out), n_words_(n_words), words_(size_t(n_words)), buckets_(buckets) {}

    void run(bool together) {
        each([&](int32_t document, int32_t feature) { touch(feature, document); });
        int64_t kept = 0;
        std::vector<int32_t> own;
        int64_t at = 0;
        for (size_t document = 0; document < out_.feature_ends.size(); ++document) {
            own.clear();
            for (; at < out_.feature_ends[document]; ++at) {
                ahead(at);
                const int32_t feature = out_.features[at];
                if (together && owner(feature) > 0) own.push_back(feature);
                else out_.features[size_t(kept++)] = feature >= 0 ? feature : shared_row(~feature);
            }
            out_.feature_ends[document] = kept;
            add_own(own);
        }
        out_.features.resize(size_t(kept));
    }

private:
    int32_t& owner(int32_t feature) { return feature >= 0 ? words_[size_t(feature)] : buckets_[size_t(~feature)]; }
    void touch(int32_t feature, int32_t document) {
        feature >= 0 ? words_.touch(size_t(feature), document) : buckets_.touch(size_t(~feature), document);
    }
    void ahead(int64_t at) {
        if (at + 16 < int64_t(out_.features.size()) && out_.features[at + 16] < 0) buckets_.prefetch(size_t(~out_.features[at + 16]));
    }
    template <class Use>
    void each(Use use) {
        int64_t at = 0;
        for (size_t document = 0; document < out_.feature_ends.size(); ++document)
            for (; at < out_.feature_ends[document]; ++at) ahead(at), use(int32_t(document), out_.features[at]);
    }
    int32_t new_row(int32_t bucket) {
        if (int64_t(out_.buckets.size()) + n_words_ >= INT32_MAX - 2) throw std::length_error("more than 2^31 rows");
        out_.buckets.push_back(bucket);
        return n_words_ + int32_t(out_.buckets.size()) - 1;
    }
    int32_t shared_row(int32_t bucket) {  // the owner's place holds it from then on, as kShared - 1 - its place
        int32_t& owner = buckets_[size_t(bucket)];
        if (owner >= kShared) owner = kShared - 1 - (new_row(bucket) - n_words_);
        return n_words_ + kShared - 1 - owner;
    }
    void add_own(std::vector<int32_t>& own) {
        std::sort(own.begin(), own.end());
        for (size_t i = 0; i < own.size();) {
            size_t end = i;
            while (end < own.size() && own[end] == own[i]) ++end;
            out_.own_rows.push_back(own[i] >= 0 ? own[i] : new_row(~own[i]));
            out_.own_times.push_back(int32_t(end - i));
            i = end;
        }
        out_.own_ends.push_back(int64_t(out_.own_rows.size()));
    }

    Documents& out_;
    const int32_t n_words_;
    Owners words_, buckets_;
};

}  // namespace

Documents documents_of(const LabelledText& text, const LabelledVocab& vocab, const FeatureOptions& options, bool together) {
    Documents out;
    read_lines(text, vocab, options, out);
    Numbering(out, int32_t(vocab.words.size()), options.grams.buckets).run(together);
    return out;
}

// ---- what a trained model makes of a line

struct FeatureSpace::Line {
    std::vector<int32_t> rows, buckets, labels;
    std::vector<uint32_t> hashes;
    bool over = false;
};

FeatureSpace::FeatureSpace(const WordBytes& words, const WordBytes& labels, std::string prefix, const FeatureOptions& options,
                           bool all_buckets, std::span<const int32_t> buckets, std::span<const int32_t> rows)
    : n_words_(int32_t(words.n)), prefix_(std::move(prefix)), options_(options), all_buckets_(all_buckets) {
    for (const WordBytes* list : {&words, &labels})
        for (size_t i = 0; i < list->n; ++i) {
            const int32_t type = types_.add((*list)[i], fnv_hash((*list)[i]));
            if (size_t(type) < number_.size()) continue;  // of words that stand twice the first counts
            number_.push_back(list == &words ? int32_t(i) : -1 - int32_t(i));
            if (list == &words) word_ngrams((*list)[i], options.grams, grams_);
            gram_ends_.push_back(int64_t(grams_.size()));
        }
    size_t size = 64;
    while (size < 2 * buckets.size()) size *= 2;
    kept_.assign(size, Slot{});
    for (size_t i = 0; i < buckets.size(); ++i) {
        size_t at = (uint32_t(buckets[i]) * 0x9E3779B1u >> 4) & (size - 1);
        while (kept_[at].bucket >= 0 && kept_[at].bucket != buckets[i]) at = (at + 1) & (size - 1);
        kept_[at] = {buckets[i], n_words_ + rows[i]};
    }
}

int32_t FeatureSpace::row_of(int32_t bucket) const {
    if (all_buckets_) return n_words_ + bucket;
    size_t at = (uint32_t(bucket) * 0x9E3779B1u >> 4) & (kept_.size() - 1);
    while (kept_[at].bucket >= 0 && kept_[at].bucket != bucket) at = (at + 1) & (kept_.size() - 1);
    return kept_[at].row;
}

void FeatureSpace::finish(Line& line, Documents& out) const {
    // Rows of character n-grams stand among the words; their order does not matter to a sum but for its last digits.
    line_ngrams(line.hashes, options_.word_ngrams, options_.grams.buckets, [&](int32_t b) { line.buckets.push_back(b); });
    out.features.insert(out.features.end(), line.rows.begin(), line.rows.end());
    for (size_t i = 0; i < line.buckets.size(); ++i) {
        if (i + 16 < line.buckets.size())
            __builtin_prefetch(&kept_[(uint32_t(line.buckets[i + 16]) * 0x9E3779B1u >> 4) & (kept_.size() - 1)]);
        const int32_t row = row_of(line.buckets[i]);
        if (row >= 0) out.features.push_back(row);
    }
    out.labels.insert(out.labels.end(), line.labels.begin(), line.labels.end());
    out.feature_ends.push_back(int64_t(out.features.size())), out.label_ends.push_back(int64_t(out.labels.size()));
    line.rows.clear(), line.buckets.clear(), line.labels.clear(), line.hashes.clear(), line.over = false;
}

void FeatureSpace::read_block(const char* text, size_t n, Documents& out) const {
    Line line;
    split_line_tokens(
        text, n, true,
        [&](std::string_view word, uint32_t hash) {
            if (line.over) return;
            const int32_t type = types_.find(word, hash);
            if (type >= 0 ? number_[type] < 0 : word.starts_with(prefix_)) {
                if (type >= 0) line.labels.push_back(-1 - number_[type]);
                return;
            }
            if (type >= 0) {
                line.rows.push_back(number_[type]);
                line.buckets.insert(line.buckets.end(), grams_.begin() + (type ? gram_ends_[type - 1] : 0), grams_.begin() + gram_ends_[type]);
            } else {
                word_ngrams(word, options_.grams, line.buckets);
            }
            if (options_.word_ngrams > 1) line.hashes.push_back(hash);
        },
        [&](bool newline) { newline ? finish(line, out) : void(line.over = true); });
    if (n && text[n - 1] != '\n') finish(line, out);
}

Documents FeatureSpace::encode(const char* text, size_t n, int threads) const {
    constexpr size_t kBlock = 1 << 16;
    std::vector<size_t> begin{0};
    while (begin.back() < n) {
        const size_t want = std::min(n, begin.back() + kBlock);
        const void* end = want < n ? std::memchr(text + want, '\n', n - want) : nullptr;
        begin.push_back(end ? size_t(static_cast<const char*>(end) - text) + 1 : n);
    }
    std::vector<Documents> blocks(begin.size() - 1);
    parallel(size_t(threads), blocks.size(), [&](size_t, size_t i) { read_block(text + begin[i], begin[i + 1] - begin[i], blocks[i]); });
    Documents out;
    for (Documents& block : blocks) {
        const int64_t features = int64_t(out.features.size()), labels = int64_t(out.labels.size());
        out.features.insert(out.features.end(), block.features.begin(), block.features.end());
        out.labels.insert(out.labels.end(), block.labels.begin(), block.labels.end());
        for (int64_t end : block.feature_ends) out.feature_ends.push_back(features + end);
        for (int64_t end : block.label_ends) out.label_ends.push_back(labels + end);
        block = Documents{};
    }
    return out;
}

}  // namespace firth
