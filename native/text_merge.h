// Makes one vocabulary of the tables that the threads filled, ordered by count and then by bytes.
#pragma once
#include <cstdint>
#include <vector>

#include "text_table.h"

namespace firth {

struct Vocabulary {
    std::vector<uint8_t> bytes;    // every word end to end
    std::vector<int64_t> ends;     // of each word in bytes
    std::vector<int64_t> counts;   // descending; equal counts by bytes
    std::vector<std::vector<int32_t>> final_ids;  // per table: its id -> position here
    uint64_t letters = 0, han = 0, invalid = 0;   // letters, Han letters and invalid tokens of the whole text
};

struct Normalisation {
    bool lower = false, fold_digits = false;
};

// All tables have the same seed; there is at least one.
Vocabulary merge(const std::vector<WordTable>& tables, Normalisation wanted, std::size_t threads);

}  // namespace firth
