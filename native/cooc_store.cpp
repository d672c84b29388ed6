#include "cooc_store.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <sys/mman.h>
#include <unistd.h>

namespace firth {
namespace {

[[noreturn]] void fail() { throw std::system_error(errno, std::generic_category()); }

void read_at(int file, void* bytes, std::size_t n, uint64_t place) {
    auto* to = static_cast<char*>(bytes);
    while (n) {
        const ssize_t got = pread(file, to, n, off_t(place));
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = EIO;
        if (got <= 0) fail();
        to += got, place += uint64_t(got), n -= std::size_t(got);
    }
}

template <class T>
std::byte* put(std::byte* to, const std::vector<T>& from) {
    if (!from.empty()) std::memcpy(to, from.data(), from.size() * sizeof(T));
    return to + from.size() * sizeof(T);
}

template <class T>
const std::byte* get(const std::byte* from, std::vector<T>& to) {
    if (!to.empty()) std::memcpy(to.data(), from, to.size() * sizeof(T));
    return from + to.size() * sizeof(T);
}

}  // namespace

void write_at(int file, const void* bytes, std::size_t n, uint64_t place) {
    const auto* from = static_cast<const char*>(bytes);
    while (n) {
        const ssize_t done = pwrite(file, from, n, off_t(place));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) fail();
        from += done, place += uint64_t(done), n -= std::size_t(done);
    }
}

CoocSegment CoocStore::keep(const CoocRows& rows) {
    CoocSegment segment{nullptr, 0, uint32_t(rows.lengths.size()), rows.columns.size()};
    const std::size_t bytes = segment.bytes();
    if (!bytes) return segment;
    if (used_.fetch_add(bytes) + bytes > budget_) {
        used_ -= bytes;
        uint64_t at = segment.place = end_.fetch_add(bytes);
        const auto part = [&](const auto& values) {
            const std::size_t n = values.size() * sizeof(values[0]);
            write_at(file_, values.data(), n, at);
            at += n;
        };
        part(rows.lengths), part(rows.columns), part(rows.sums);
        return segment;
    }
    void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    segment.pages = static_cast<std::byte*>(pages);
    put(put(put(segment.pages, rows.lengths), rows.columns), rows.sums);
    return segment;
}

void CoocStore::load(const CoocSegment& segment, CoocRows& rows) const {
    rows.lengths.resize(segment.rows), rows.columns.resize(segment.pairs), rows.sums.resize(segment.pairs);
    if (segment.pages) {
        get(get(get(segment.pages, rows.lengths), rows.columns), rows.sums);
        return;
    }
    uint64_t at = segment.place;
    const auto part = [&](auto& values) {
        const std::size_t n = values.size() * sizeof(values[0]);
        read_at(file_, values.data(), n, at);
        at += n;
    };
    part(rows.lengths), part(rows.columns), part(rows.sums);
}

void CoocStore::drop(CoocSegment& segment) {
    if (segment.pages) {
        munmap(segment.pages, segment.bytes());
        used_ -= segment.bytes();
    }
    segment = {};
}

}  // namespace firth
