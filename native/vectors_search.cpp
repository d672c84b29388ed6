#include "vectors_search.h"

namespace firth {

Hits hits_above(const float* products, std::size_t rows, std::size_t queries, const float* inverse,
                const float* floors) {
    Hits hits;
    for (std::size_t row = 0; row < rows; ++row, products += queries) {
        const float scale = inverse[row];
        // Hardly any row has a hit, so the whole row is tested first, without a branch per score.
        unsigned any = 0;
        for (std::size_t q = 0; q < queries; ++q) any |= products[q] * scale >= floors[q];
        if (!any) continue;
        for (std::size_t q = 0; q < queries; ++q) {
            const float score = products[q] * scale;
            if (!(score >= floors[q])) continue;
            hits.rows.push_back(static_cast<std::int64_t>(row));
            hits.queries.push_back(static_cast<std::int64_t>(q));
            hits.scores.push_back(score);
        }
    }
    return hits;
}

}  // namespace firth
