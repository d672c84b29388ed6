#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <numeric>
#include <system_error>

#include <unistd.h>

#include "arpa.h"
#include "parallel.h"

namespace firth {

namespace {

constexpr int64_t kPiece = 1 << 15;  // n-grams that a thread writes at once

// Bytes of pieces, put behind each other in their order whichever is ready first.
class InOrder {
  public:
    explicit InOrder(int file) : file_(file) {}

    void write(std::size_t piece, const std::vector<char>& bytes) {
        int64_t at;
        {
            std::unique_lock lock(mutex_);
            turn_.wait(lock, [&] { return next_ == piece || broken_; });
            if (broken_) return;
            at = end_;
            end_ += int64_t(bytes.size());
            ++next_;
        }
        turn_.notify_all();
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t n = pwrite(file_, bytes.data() + done, bytes.size() - done, at + int64_t(done));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) throw std::system_error(n < 0 ? errno : ENOSPC, std::generic_category());
            done += std::size_t(n);
        }
    }

    // Lets the others go that wait for a piece which will never come.
    void give_up() {
        {
            std::lock_guard lock(mutex_);
            broken_ = true;
        }
        turn_.notify_all();
    }

  private:
    int file_;
    std::mutex mutex_;
    std::condition_variable turn_;
    std::size_t next_ = 0;
    int64_t end_ = 0;
    bool broken_ = false;
};

class Writer {
  public:
    Writer(std::span<const ArpaPart> parts, std::span<const uint8_t> bytes, std::span<const int64_t> offsets, int32_t bos)
        : parts_(parts), bytes_(reinterpret_cast<const char*>(bytes.data())), offsets_(offsets), bos_(bos) {
        for (int64_t i = 0; i + 1 < int64_t(offsets.size()); ++i)
            longest_ = std::max(longest_, std::size_t(offsets[std::size_t(i) + 1] - offsets[std::size_t(i)]));
    }

    std::vector<char> head() const {
        std::string text = "\\data\\\n";
        for (std::size_t level = 0; level < parts_.size(); ++level)
            text += "ngram " + std::to_string(level + 1) + "=" + std::to_string(parts_[level].word.size()) + "\n";
        return {text.begin(), text.end()};
    }

    // Lines of the nodes [begin, end) of a level; the section's name before the first, a blank line after the last.
    std::vector<char> lines(std::size_t level, int64_t begin, int64_t end) const {
        const ArpaPart& part = parts_[level];
        std::vector<char> text(64);
        char* p = text.data();
        if (begin == 0) p = put(p, "\n\\" + std::to_string(level + 1) + "-grams:\n");
        std::vector<int64_t> path = begin < end ? path_to(level, begin) : std::vector<int64_t>();
        std::string before = words_of(path, path.size());
        for (int64_t i = begin; i < end; ++i) {
            if (level && !within(level, path, i)) {
                move(level, path, i);
                before = words_of(path, level);
            }
            const std::size_t used = std::size_t(p - text.data()), wanted = used + before.size() + longest_ + 128;
            if (wanted > text.size()) text.resize(wanted * 2), p = text.data() + used;
            p = number(p, level == 0 && i == bos_ ? 0.0f : part.log_prob[std::size_t(i)]);
            *p++ = '\t';
            p = put(p, before);
            p = put(p, word(part.word[std::size_t(i)]));
            if (!part.backoff.empty()) {
                *p++ = '\t';
                p = number(p, part.backoff[std::size_t(i)]);
            }
            *p++ = '\n';
        }
        text.resize(std::size_t(p - text.data()));
        return text;
    }

  private:
    static char* put(char* p, std::string_view text) {
        std::memcpy(p, text.data(), text.size());
        return p + text.size();
    }

    // Small numbers without an exponent, as lmplz writes them; never "-0".
    static char* number(char* p, float value) {
        const float size = std::abs(value);
        if (1e-6f <= size && size < 1) return std::to_chars(p, p + 32, value, std::chars_format::fixed).ptr;
        return std::to_chars(p, p + 32, value + 0.0f).ptr;
    }

    std::string_view word(int32_t id) const {
        const int64_t begin = offsets_[std::size_t(id)];
        return {bytes_ + begin, std::size_t(offsets_[std::size_t(id) + 1] - begin)};
    }

    bool within(std::size_t level, const std::vector<int64_t>& path, int64_t node) const {
        const auto first = parts_[level - 1].first;
        return node < first[std::size_t(path[level - 1]) + 1];
    }

    // The nodes that a node continues, the shortest first.
    std::vector<int64_t> path_to(std::size_t level, int64_t node) const {
        std::vector<int64_t> path(level);
        for (std::size_t k = level; k-- > 0; node = path[k]) {
            const auto first = parts_[k].first;
            path[k] = std::upper_bound(first.begin(), first.end(), node) - first.begin() - 1;
        }
        return path;
    }

    void move(std::size_t level, std::vector<int64_t>& path, int64_t node) const {
        for (std::size_t k = level; k-- > 0; node = path[k]) {
            const auto first = parts_[k].first;
            if (node < first[std::size_t(path[k]) + 1]) return;
            while (node >= first[std::size_t(path[k]) + 1]) ++path[k];
        }
    }

    std::string words_of(const std::vector<int64_t>& path, std::size_t level) const {
        std::string text;
        for (std::size_t k = 0; k < level; ++k) {
            text += word(parts_[k].word[std::size_t(path[k])]);
            text += ' ';
        }
        return text;
    }

    std::span<const ArpaPart> parts_;
    const char* bytes_;
    std::span<const int64_t> offsets_;
    int32_t bos_;
    std::size_t longest_ = 0;
};

}  // namespace

void write_arpa(std::span<const ArpaPart> parts, std::span<const uint8_t> bytes, std::span<const int64_t> offsets,
                int32_t bos, int file, std::size_t threads) {
    const Writer writer(parts, bytes, offsets, bos);
    struct Piece {
        std::size_t level;
        int64_t begin;
    };
    std::vector<Piece> pieces;
    for (std::size_t level = 0; level < parts.size(); ++level)
        for (int64_t begin = 0; begin == 0 || begin < int64_t(parts[level].word.size()); begin += kPiece) pieces.push_back({level, begin});
    InOrder out(file);
    parallel(threads, pieces.size() + 2, [&](std::size_t, std::size_t i) {
        try {
            if (i == 0) return out.write(i, writer.head());
            constexpr std::string_view end = "\n\\end\\\n";
            if (i == pieces.size() + 1) return out.write(i, {end.begin(), end.end()});
            const auto [level, begin] = pieces[i - 1];
            out.write(i, writer.lines(level, begin, std::min(begin + kPiece, int64_t(parts[level].word.size()))));
        } catch (...) {
            out.give_up();
            throw;
        }
    });
}

}  // namespace firth
