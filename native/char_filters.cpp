#include "char_filters.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "aligned_room.h"
#include "dispatch.h"
#include "kernels.h"
#include "parallel.h"

namespace firth {
namespace {

// One chunk of one group: where its filters stand in the group and among all.
struct Place {
    int group, first, count;
    int64_t column;
};

std::vector<Place> chunks_of(const Filters* groups, int n_groups, int64_t& total) {
    std::vector<Place> found;
    total = 0;
    for (int g = n_groups - 1; g >= 0; --g)  // the widest first: most work
        for (int first = 0; first < groups[g].number; first += kFilters)
            found.push_back({g, first, std::min(kFilters, groups[g].number - first), 0});
    std::vector<int64_t> begin(size_t(n_groups), 0);
    for (int g = 0; g < n_groups; ++g) begin[size_t(g)] = total, total += groups[g].number;
    for (Place& place : found) place.column = begin[size_t(place.group)] + place.first;
    return found;
}

// Weights of a chunk as the kernels read them.
void arrange(const Filters& group, const Place& place, int dim, float* out) {
    std::fill_n(out, size_t(group.width) * dim * kFilters, 0.0f);
    const float* in = group.weights + size_t(place.first) * dim * group.width;
    for (int f = 0; f < place.count; ++f)
        for (int d = 0; d < dim; ++d)
            for (int k = 0; k < group.width; ++k) out[(size_t(k) * dim + d) * kFilters + f] = *in++;
}

int widest(const Filters* groups, int n_groups) {
    int width = 1;
    for (int g = 0; g < n_groups; ++g) width = std::max(width, groups[g].width);
    return width;
}

// What a thread needs for its chunks.
struct Scratch {
    Scratch(const CharacterRows& rows, int width)
        : weights(aligned_room(size_t(width) * rows.dim * kFilters)), d_weights(aligned_room(size_t(width) * rows.dim * kFilters)),
          table(aligned_room(size_t(width) * rows.n_ids * kFilters)) {}
    AlignedRoom weights, d_weights, table;
};

// The gradient of each window's numbers, which are those of the table, to the best window of each word.
void spread(const CharacterRows& rows, const FilterChunk& chunk, const float* d_best) {
    std::fill_n(chunk.table, size_t(rows.n_ids) * chunk.width * kFilters, 0.0f);
    for (int64_t i = 0; i < rows.n_words; ++i) {
        const int32_t* ids = rows.ids + i * rows.length;
        const float* d = d_best + i * chunk.stride;
        const uint16_t* place = chunk.place + i * chunk.stride;
        for (int f = 0; f < chunk.count; ++f) {
            if (d[f] == 0) continue;  // half of them, behind a rectifier
            const int32_t* under = ids + place[f];
            for (int k = 0; k < chunk.width; ++k) chunk.table[(size_t(under[k]) * chunk.width + k) * kFilters + f] += d[f];
        }
    }
}

void give_back(const Filters& group, const Place& place, int dim, const float* d_weights) {
    float* out = group.d_weights + size_t(place.first) * dim * group.width;
    for (int f = 0; f < place.count; ++f)
        for (int d = 0; d < dim; ++d)
            for (int k = 0; k < group.width; ++k) *out++ = d_weights[(size_t(k) * dim + d) * kFilters + f];
}

}  // namespace

bool char_filters(const CharacterRows& rows, const Filters* groups, int n_groups, float* best, uint16_t* place, int threads) {
    int64_t total = 0;
    const std::vector<Place> chunks = chunks_of(groups, n_groups, total);
    const int width = widest(groups, n_groups);
    std::vector<std::unique_ptr<Scratch>> scratch{size_t(threads)};
    std::atomic<bool> finite{true};
    parallel(size_t(threads), chunks.size(), [&](size_t thread, size_t item) {
        if (!scratch[thread]) scratch[thread] = std::make_unique<Scratch>(rows, width);
        const Place& at = chunks[item];
        const Filters& group = groups[at.group];
        arrange(group, at, rows.dim, scratch[thread]->weights.get());
        const FilterChunk chunk{group.width, at.count, scratch[thread]->weights.get(), scratch[thread]->table.get(),
                                best + at.column, place ? place + at.column : nullptr, total};
        if (!kernels().char_table(rows, chunk)) finite = false;
        kernels().char_windows(rows, chunk);
    });
    return finite;
}

void char_filters_back(const CharacterRows& rows, const Filters* groups, int n_groups, const float* d_best, const uint16_t* place,
                       float* d_vectors, int threads) {
    int64_t total = 0;
    const std::vector<Place> chunks = chunks_of(groups, n_groups, total);
    const int width = widest(groups, n_groups);
    const size_t vectors = size_t(rows.n_ids) * rows.dim;
    std::vector<std::unique_ptr<Scratch>> scratch{size_t(threads)};
    const AlignedRoom parts = aligned_room(chunks.size() * vectors);  // of each chunk, added up in their order
    parallel(size_t(threads), chunks.size(), [&](size_t thread, size_t item) {
        if (!scratch[thread]) scratch[thread] = std::make_unique<Scratch>(rows, width);
        const Place& at = chunks[item];
        const Filters& group = groups[at.group];
        Scratch& own = *scratch[thread];
        arrange(group, at, rows.dim, own.weights.get());
        const FilterChunk chunk{group.width, at.count, own.weights.get(), own.table.get(), nullptr,
                                const_cast<uint16_t*>(place) + at.column, total};
        spread(rows, chunk, d_best + at.column);
        kernels().char_table_back(rows, chunk, own.d_weights.get(), parts.get() + item * vectors);
        give_back(group, at, rows.dim, own.d_weights.get());
    });
    std::fill_n(d_vectors, vectors, 0.0f);
    for (size_t item = 0; item < chunks.size(); ++item)
        for (size_t i = 0; i < vectors; ++i) d_vectors[i] += parts[item * vectors + i];
}

}  // namespace firth
