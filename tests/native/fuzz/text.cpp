// Fuzz target: a text through the native pass, whole and in pieces, must give the same words; then phrases over its ids.
// The first three bytes choose tokenizer, threads, block size and the flags; the rest is the text.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "../../../native/text.h"

namespace {

struct Files {
    std::FILE *ids = std::tmpfile(), *ends = std::tmpfile();
    ~Files() {
        std::fclose(ids);
        std::fclose(ends);
    }
};

template <class T>
std::vector<T> contents(std::FILE* file, std::size_t n) {
    std::vector<T> values(n);
    if (n > 0 && pread(fileno(file), values.data(), n * sizeof(T), 0) != static_cast<ssize_t>(n * sizeof(T))) abort();
    return values;
}

struct Result {
    std::vector<int32_t> ids;
    std::vector<int64_t> ends;
    firth::Vocabulary vocabulary;
    bool operator==(const Result& other) const {
        return ids == other.ids && ends == other.ends && vocabulary.bytes == other.vocabulary.bytes &&
               vocabulary.ends == other.vocabulary.ends && vocabulary.counts == other.vocabulary.counts;
    }
};

Result finished(firth::TextPass& pass, const Files& files) {
    Result result;
    result.vocabulary = pass.finish();
    result.ids = contents<int32_t>(files.ids, pass.tokens());
    result.ends = contents<int64_t>(files.ends, pass.sentences());
    return result;
}

firth::TextOptions options(const std::uint8_t* head, const Files& files) {
    firth::TextOptions made;
    made.tokenizer = static_cast<firth::Tokenizer>(head[0] & 3);
    made.normalisation = {(head[0] & 4) != 0, (head[0] & 8) != 0};
    made.threads = 1 + (head[1] & 3);
    made.block = 1 + (head[2] & 31);
    made.ids_file = fileno(files.ids);
    made.ends_file = fileno(files.ends);
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    if (size < 3) return 0;
    const std::vector<std::uint8_t> text(bytes + 3, bytes + size);  // a copy of exact size, so that overreads show
    Files whole_files, parts_files, joined_files;
    firth::TextOptions whole_options = options(bytes, whole_files);
    whole_options.threads = 1;
    whole_options.block = 1 << 18;
    firth::TextPass whole(whole_options), parts(options(bytes, parts_files));
    whole.feed(text.data(), text.size());
    for (std::size_t begin = 0, step = 1 + bytes[2] / 8; begin < text.size(); begin += step) {
        parts.feed(text.data() + begin, std::min(step, text.size() - begin));
    }
    const Result one = finished(whole, whole_files), other = finished(parts, parts_files);
    if (!(one == other)) abort();

    const std::vector<std::uint8_t> wanted(one.vocabulary.counts.size(), 1);
    const auto found = firth::count_pairs(one.ids, one.ends, wanted, 2, 1 + (bytes[1] & 3), 2);
    std::vector<std::int32_t> numbers;
    std::vector<std::uint8_t> joined;
    std::vector<std::int64_t> joined_ends;
    for (std::size_t i = 0; i < found.pairs.size(); ++i) {
        numbers.push_back(static_cast<std::int32_t>(wanted.size() + i));
        for (char c : "p" + std::to_string(i)) joined.push_back(static_cast<std::uint8_t>(c));
        joined_ends.push_back(static_cast<std::int64_t>(joined.size()));
    }
    firth::TextPass again(options(bytes, joined_files));
    again.add_words(one.vocabulary.bytes.data(), one.vocabulary.bytes.size(), one.vocabulary.ends.data(), wanted.size());
    again.add_words(joined.data(), joined.size(), joined_ends.data(), joined_ends.size());
    again.feed_ids(one.ids, one.ends, firth::PairMap(found.pairs, numbers));
    const Result last = finished(again, joined_files);
    if (last.ends.size() != one.ends.size() || last.ids.size() > one.ids.size()) abort();
    return 0;
}
