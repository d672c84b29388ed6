// The scores of a block of rows against many queries, gone through once: which reach their query's floor?
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace firth {

struct Hits {
    std::vector<std::int64_t> rows, queries;
    std::vector<float> scores;
};

// products: rows x queries; a score is a product times its row's inverse length. NaN reaches no floor.
Hits hits_above(const float* products, std::size_t rows, std::size_t queries, const float* inverse,
                const float* floors);

}  // namespace firth
