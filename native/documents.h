// Labelled lines as rows of a matrix: a word's own, then those of its character n-grams, then those of the word n-grams.
//
// Of the millions of buckets that n-grams hash into, only those that the text hits get rows. A row that a single document
// touches moves with that document alone; all such rows of a document are trained as one (see supervised.h), and a text
// is full of them: more than half of the different word pairs stand in one review only.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "labelled.h"
#include "subword.h"

namespace firth {

struct FeatureOptions {
    int word_ngrams;
    NgramRange grams;  // of characters; its buckets serve the word n-grams too
};

// Buckets of the word n-grams of a line, from the hashes of its words: h = h * 116049371 + next, numbers of 32 bits widened
// with their sign, modulo the buckets; by first word, shorter ones first.
template <class Found>
void line_ngrams(std::span<const uint32_t> hashes, int longest, uint32_t buckets, Found found) {
    for (size_t i = 0; buckets && i < hashes.size(); ++i) {
        uint64_t h = uint64_t(int64_t(int32_t(hashes[i])));
        for (size_t j = i + 1; j < hashes.size() && j < i + size_t(longest); ++j) {
            h = h * 116049371u + uint64_t(int64_t(int32_t(hashes[j])));
            found(int32_t(h % buckets));
        }
    }
}

struct Documents {
    std::vector<int32_t> features;  // rows, with repetitions
    std::vector<int64_t> feature_ends;
    std::vector<int32_t> labels;
    std::vector<int64_t> label_ends;
    LineCounts counts;

    // Rows of one document only: `times` of each, the documents' own one after another.
    std::vector<int32_t> own_rows, own_times;
    std::vector<int64_t> own_ends;

    std::vector<int32_t> buckets;  // of row n_words + i: buckets[i]
    int64_t size() const { return int64_t(feature_ends.size()); }
};

// The documents of a text. With `together`, rows of one document are kept apart from its features.
Documents documents_of(const LabelledText& text, const LabelledVocab& vocab, const FeatureOptions& options, bool together);

// What a trained model makes of a line.
class FeatureSpace {
public:
    // kept: buckets[i] has row n_words + rows[i]; without, every bucket has a row.
    FeatureSpace(const WordBytes& words, const WordBytes& labels, std::string prefix, const FeatureOptions& options,
                 bool all_buckets, std::span<const int32_t> buckets, std::span<const int32_t> rows);
    // Every line of a text as a document, those without labels or words too.
    Documents encode(const char* text, size_t n, int threads) const;

private:
    struct Line;
    void read_block(const char* text, size_t n, Documents& out) const;
    void finish(Line& line, Documents& out) const;
    int32_t row_of(int32_t bucket) const;

    TypeTable types_;
    std::vector<int32_t> number_;  // by type: a word's row, or of a label -1 - its number
    std::vector<int64_t> gram_ends_;
    std::vector<int32_t> grams_;  // buckets of the character n-grams of each type
    int32_t n_words_;
    const std::string prefix_;
    const FeatureOptions options_;
    const bool all_buckets_;
    struct Slot {
        int32_t bucket = -1, row = -1;
    };
    std::vector<Slot> kept_;  // open addressing
};

}  // namespace firth
