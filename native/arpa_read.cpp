#include <algorithm>
#include <bit>
#include <numeric>

#include "arpa_lines.h"
#include "arpa_trie.h"
#include "parallel.h"

namespace firth {

namespace {

constexpr std::size_t kPiece = 1 << 20;  // bytes that a thread reads at once
constexpr std::size_t kMostWords = 32;   // of an n-gram

class Reader {
  public:
    Reader(std::span<const uint8_t> text, uint64_t seed, std::size_t threads)
        : text_{reinterpret_cast<const char*>(text.data()), reinterpret_cast<const char*>(text.data()) + text.size()},
          at_(text_.begin), table_(seed), threads_(threads) {}

    ArpaModel read() {
        read_counts();
        const char* sections = at_;
        lacking_.resize(counts_.size() + 1);
        // What is lacking is known when all has been read, or much of it; put in, it may want shorter ones in its turn.
        while (true) {
            at_ = sections;
            std::vector<std::vector<uint32_t>> lacking(counts_.size() + 1);
            read_all(lacking);
            bool complete = true;
            for (std::size_t size = 2; size < counts_.size(); ++size) complete &= !take_in(lacking[size], size);
            if (complete) break;
        }
        spell();
        for (std::size_t size = 2; size < lacking_.size(); ++size) model_.inserted += int64_t(lacking_[size].size() / size);
        return std::move(model_);
    }

  private:
    bool next_line(std::string_view& line) {
        while (at_ < text_.end) {
            const char* stop = text_.line_end(at_);
            line = text_.line(text_.blanks(at_, stop), stop);
            at_ = std::min(stop + 1, text_.end);
            if (!line.empty()) return true;
        }
        return false;
    }

    std::string_view expect(const char* what) {
        std::string_view line;
        const char* from = at_;
        if (!next_line(line)) text_.fault(from, std::string("the file ends before ") + what);
        return line;
    }

    // \data\, then "ngram 1=5" and so on.
    void read_counts() {
        if (const auto line = expect("\\data\\"); line != "\\data\\") text_.fault(line.data(), "no \\data\\ at the start");
        while (true) {
            const char* before = at_;
            const std::string_view line = expect("the first section");
            if (line.starts_with('\\')) {
                at_ = before;
                break;
            }
            uint64_t size = 0, count = 0;
            const char* stop = line.data() + line.size();
            const char* p = line.starts_with("ngram ") ? text_.blanks(line.data() + 6, stop) : stop;
            const auto first = std::from_chars(p, stop, size);
            p = text_.blanks(first.ptr, stop);
            const bool equals = first.ec == std::errc() && p < stop && *p == '=';
            const auto second = equals ? std::from_chars(text_.blanks(p + 1, stop), stop, count) : first;
            if (!equals || second.ec != std::errc() || second.ptr != stop) text_.fault(line.data(), "no count such as \"ngram 1=5\"");
            if (size != counts_.size() + 1) text_.fault(line.data(), "the counts of n-grams don't go up by one word");
            if (size > kMostWords) text_.fault(line.data(), "n-grams of more than 32 words");
            if (count > uint64_t(text_.end - text_.begin)) text_.fault(line.data(), "more n-grams than the file can hold");
            counts_.push_back(count);
        }
        if (counts_.empty()) text_.fault(at_, "no counts of n-grams");
    }

    void read_all(std::vector<std::vector<uint32_t>>& lacking) {
        model_.levels.clear();
        ArpaBase base;
        for (std::size_t size = 1; size <= counts_.size(); ++size) {
            const std::string name = "\\" + std::to_string(size) + "-grams:";
            const std::string_view line = expect(name.c_str());
            if (line != name) text_.fault(line.data(), "the section " + name + " should begin here");
            const char* begin = at_;
            const char* end = section_end();
            if (size == 1) read_words(begin, end);
            else if (!read_ngrams(begin, end, size, base, lacking[size - 1])) return;
            at_ = end;
        }
        if (const auto line = expect("\\end\\"); line != "\\end\\") text_.fault(line.data(), "\\end\\ should stand here");
    }

    // Where the line begins that starts with a backslash.
    const char* section_end() const {
        for (const char* p = at_; p < text_.end; ++p) {
            p = static_cast<const char*>(std::memchr(p, '\\', std::size_t(text_.end - p)));
            if (!p) break;
            if (p == at_ || p[-1] == '\n') return p;
        }
        return text_.end;
    }

    // Log probability, `size` words and perhaps a back-off weight; each(i, word) hears the words.
    template <class Each>
    std::pair<float, float> read_line(const char* p, const char* stop, std::size_t size, Each&& each) const {
        const char* from = p;
        const float log_prob = text_.number(p, stop);
        if (log_prob > 0) text_.fault(from, "a positive log probability");
        for (std::size_t i = 0; i < size; ++i) {
            const char* word = text_.blanks(p, stop);
            p = text_.word_end(word, stop);
            if (p == word) text_.fault(word, "the line ends before its " + std::to_string(size) + " words");
            each(i, std::string_view(word, std::size_t(p - word)));
        }
        const char* after = p = text_.blanks(p, stop);
        const float backoff = p < stop ? text_.number(p, stop) : 0.0f;
        if (text_.blanks(p, stop) < stop) text_.fault(p, "the line goes on after its back-off weight");
        if (backoff != 0 && size == counts_.size()) text_.fault(after, "a back-off weight at the longest n-grams");
        return {log_prob, backoff};
    }

    template <class Each>
    void lines(const char* begin, const char* end, Each&& each) const {
        for (const char* p = begin; p < end;) {
            const char* stop = std::min(text_.line_end(p), end);
            const std::string_view line = text_.line(text_.blanks(p, stop), stop);
            if (!line.empty()) each(line.data(), line.data() + line.size());
            p = stop + 1;
        }
    }

    void demand_count(std::size_t size, uint64_t found, const char* begin) const {
        if (found != counts_[size - 1])
            text_.fault(begin, "the section has " + std::to_string(found) + " n-grams where \\data\\ promises " +
                                   std::to_string(counts_[size - 1]));
    }

    // Ids go by the order of the lines, but <s> comes last.
    void read_words(const char* begin, const char* end) {
        table_ = WordTable(table_.seed());
        bos_ = eos_ = unk_ = -1;
        std::vector<float> log_probs, backoffs;
        lines(begin, end, [&](const char* p, const char* stop) {
            const auto [log_prob, backoff] = read_line(p, stop, 1, [&](std::size_t, std::string_view word) { add_word(word); });
            log_probs.push_back(log_prob), backoffs.push_back(backoff);
        });
        demand_count(1, log_probs.size(), begin);
        if (bos_ < 0 || eos_ < 0) text_.fault(begin, bos_ < 0 ? "no <s> among the words" : "no </s> among the words");
        model_.lacks_unk = unk_ < 0;
        if (unk_ < 0) {
            text_.with_key(table_, "<unk>", [&](auto key, auto* bytes) { return unk_ = table_.add(key, bytes, 1); });
            log_probs.push_back(-100), backoffs.push_back(0);  // as KenLM has it
        }
        log_probs[std::size_t(bos_)] = -99;
        const std::size_t n = log_probs.size();
        if (n > 0x7FFFFFFE) text_.fault(begin, "over 2,147,483,646 words");
        std::rotate(log_probs.begin() + bos_, log_probs.begin() + bos_ + 1, log_probs.end());
        std::rotate(backoffs.begin() + bos_, backoffs.begin() + bos_ + 1, backoffs.end());
        ArpaLevel level;
        level.word.resize(n);
        std::iota(level.word.begin(), level.word.end(), 0);
        level.log_prob = std::move(log_probs);
        if (counts_.size() > 1) level.backoff = std::move(backoffs), level.first.resize(n + 1);
        model_.levels.push_back(std::move(level));
    }

    void add_word(std::string_view word) {
        if (word == "<bos>" || word == "<eos>") text_.fault(word.data(), "a word is spelt as one of Firth's marks, " + std::string(word));
        const bool unknown = word == "<unk>" || word == "<UNK>";
        const auto id = int64_t(text_.with_key(table_, unknown ? "<unk>" : word, [&](auto key, auto* bytes) { return table_.add(key, bytes, 1); }));
        if (std::size_t(id) + 1 != table_.size() || table_.count(std::size_t(id)) > 1) text_.fault(word.data(), "a word stands twice");
        if (word == "<s>") bos_ = id;
        if (word == "</s>") eos_ = id;
        if (unknown) unk_ = id;
    }

    uint32_t id_of(std::string_view word) const {
        const std::string_view known = word == "<UNK>" ? "<unk>" : word;
        const int64_t id = text_.with_key(table_, known, [&](auto key, auto* bytes) { return table_.find(key, bytes); });
        if (id < 0) text_.fault(word.data(), "a word that is not among the single words");
        return uint32_t(id == bos_ ? int64_t(table_.size()) - 1 : id - (id > bos_));
    }

    bool read_ngrams(const char* begin, const char* end, std::size_t size, ArpaBase& base, std::vector<uint32_t>& lacking) {
        std::vector<const char*> cuts{begin};
        while (std::size_t(end - cuts.back()) > kPiece) cuts.push_back(std::min(text_.line_end(cuts.back() + kPiece) + 1, end));
        if (cuts.back() < end) cuts.push_back(end);
        std::vector<ArpaRecords> pieces(cuts.size() - 1, {size, {}});
        parallel(threads_, pieces.size(), [&](std::size_t, std::size_t i) { read_piece(cuts[i], cuts[i + 1], pieces[i]); });
        uint64_t found = 0;
        for (const ArpaRecords& piece : pieces) found += piece.count();
        demand_count(size, found, begin);
        pieces.push_back(added(size));
        try {
            return add_level(pieces, model_.levels, base, size == counts_.size(), lacking, threads_);
        } catch (const std::invalid_argument& error) {
            text_.fault(begin, error.what());
        }
    }

    void read_piece(const char* begin, const char* end, ArpaRecords& records) const {
        std::string_view last[kMostWords];  // neighbours share words as a rule
        uint32_t ids[kMostWords] = {};
        records.numbers.reserve(std::size_t(end - begin) / (6 * records.size + 8) * records.stride());
        lines(begin, end, [&](const char* p, const char* stop) {
            const auto [log_prob, backoff] = read_line(p, stop, records.size, [&](std::size_t i, std::string_view word) {
                if (word != last[i]) ids[i] = id_of(word), last[i] = word;
                records.numbers.push_back(ids[i]);
            });
            records.numbers.push_back(std::bit_cast<uint32_t>(log_prob));
            records.numbers.push_back(std::bit_cast<uint32_t>(backoff));
        });
    }

    ArpaRecords added(std::size_t size) const {
        ArpaRecords records{size, {}};
        for (std::size_t i = 0; i < lacking_[size].size(); i += size) {
            records.numbers.insert(records.numbers.end(), &lacking_[size][i], &lacking_[size][i] + size);
            records.numbers.push_back(std::bit_cast<uint32_t>(kLacking));
            records.numbers.push_back(std::bit_cast<uint32_t>(0.0f));
        }
        return records;
    }

    // Adds n-grams to what is lacking, each once; returns whether there are any.
    bool take_in(const std::vector<uint32_t>& flat, std::size_t size) {
        std::vector<std::vector<uint32_t>> grams;
        for (std::size_t i = 0; i < flat.size(); i += size) grams.emplace_back(&flat[i], &flat[i] + size);
        std::sort(grams.begin(), grams.end());
        grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
        for (const auto& gram : grams) lacking_[size].insert(lacking_[size].end(), gram.begin(), gram.end());
        return !grams.empty();
    }

    void spell() {
        const auto add = [&](std::string_view word) {
            model_.words.insert(model_.words.end(), word.begin(), word.end());
            model_.ends.push_back(int64_t(model_.words.size()));
        };
        for (std::size_t i = 0; i < table_.size(); ++i)
            if (int64_t(i) != bos_) add(int64_t(i) == eos_ ? "<eos>" : table_.word(i));
        add("<bos>");
    }

    ArpaText text_;
    const char* at_;
    std::vector<uint64_t> counts_;
    WordTable table_;
    int64_t bos_ = -1, eos_ = -1, unk_ = -1;
    std::vector<std::vector<uint32_t>> lacking_;  // of each size, end to end
    std::size_t threads_;
    ArpaModel model_;
};

}  // namespace

ArpaModel read_arpa(std::span<const uint8_t> text, uint64_t seed, std::size_t threads) {
    return Reader(text, seed, threads).read();
}

}  // namespace firth
