// One pass over a text: split into tokens, count, write provisional ids; then final ids by count.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "text_merge.h"
#include "text_pairs.h"
#include "text_split.h"

namespace firth {

struct TextOptions {
    Tokenizer tokenizer = Tokenizer::words;
    Normalisation normalisation;
    std::size_t threads = 1;
    std::size_t block = 1 << 18;        // bytes that one thread splits at a time; it changes nothing but speed
    bool blank_lines = false;           // whether a line without a token is a sentence, an empty one
    int ids_file = -1, ends_file = -1;  // descriptors, open for reading and writing; int32 ids, int64 sentence ends
};

// Not for use from two threads at a time. I/O failures throw std::system_error.
class TextPass {
  public:
    explicit TextPass(const TextOptions& options);

    // Takes the next bytes of the text; what may be part of a longer token waits.
    void feed(const uint8_t* bytes, std::size_t n);

    // The same for up to n bytes of a regular file from offset on; returns how many there were.
    std::size_t feed_file(int file, uint64_t offset, std::size_t n);

    // Ends a file or another item: nothing waits any longer and the next token begins a new sentence.
    void end_text();

    // Tokens as they are: token i is bytes[token_ends[i-1] + separator, token_ends[i]), sentence j ends before token
    // sentence_ends[j]. Empty tokens are skipped. Throws std::invalid_argument when the ends do not ascend.
    struct Tokens {
        const uint8_t* bytes;
        std::size_t n_bytes, separator;
        const int64_t *token_ends, *sentence_ends;
        std::size_t n_tokens, n_sentences;
    };
    void feed_tokens(const Tokens& tokens);

    // Gives numbers 0, 1, ... to words in this order; two equal words are one in what comes out. Only for feed_ids.
    void add_words(const uint8_t* bytes, std::size_t n_bytes, const int64_t* ends, std::size_t n_words);

    // Tokens by those numbers, whole sentences. From the left, each pair that is a phrase becomes that phrase's number,
    // and its second word begins no other pair.
    void feed_ids(std::span<const int32_t> ids, std::span<const int64_t> ends, const PairMap& phrases);

    // Writes the final ids and gives the vocabulary; the pass is over.
    Vocabulary finish();

    uint64_t tokens() const { return tokens_; }
    uint64_t sentences() const { return sentences_; }
    uint64_t empty_tokens() const { return empty_; }

  private:
    struct Block {
        uint32_t table = 0;
        std::vector<uint32_t> ids;
        std::vector<uint64_t> line_ends;  // in tokens of this block
    };
    struct Extent {
        uint32_t table;
        uint64_t end;  // in tokens of the text
    };

    void process(bool everything);
    std::vector<std::size_t> cut_points(std::size_t end) const;
    void write(std::vector<Block>& blocks);
    void close_sentence(uint64_t end, bool keep_empty, std::vector<int64_t>& ends);
    void remap(const Vocabulary& vocabulary);

    TextOptions options_;
    std::vector<WordTable> tables_;    // one per thread
    std::vector<uint8_t> waiting_;     // bytes not yet split, then padding
    std::size_t used_ = 0, seen_ = 0;  // of waiting_: bytes of text; bytes known to hold no cut
    std::vector<Extent> extents_;
    std::vector<uint32_t> numbers_;  // of add_words -> id in every table
    uint64_t tokens_ = 0, sentences_ = 0, last_end_ = 0, empty_ = 0;
};

}  // namespace firth
