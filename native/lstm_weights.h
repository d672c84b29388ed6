// The weights of a projected LSTM in panels (lstm.h): worth keeping where single sentences are read.
#pragma once
#include "aligned_room.h"
#include "lstm.h"

namespace firth {

struct LstmWeights {
    LstmWeights() = default;
    LstmWeights(const float* w_ih, const float* w_hh, const float* w_hr, int n_in, int cells, int projection);

    void mark(const float* w_ih, const float* w_hh, const float* w_hr);  // notes what was packed, for `holds`
    // Whether these very numbers were packed, by a digest of all of them: weights change in many ways that tell nobody.
    bool holds(const float* w_ih, const float* w_hh, const float* w_hr) const;

    int n_in = 0, cells = 0, projection = 0;
    AlignedRoom w_ih, w_hh, w_hr;
    uint64_t digest = 0;
};

}  // namespace firth
