// The weights of a projected LSTM in panels (lstm.h): worth keeping where single sentences are read.
#pragma once
#include "aligned_room.h"
#include "lstm.h"

namespace firth {

struct LstmWeights {
    LstmWeights() = default;
    LstmWeights(const float* w_ih, const float* w_hh, const float* w_hr, int n_in, int cells, int projection);

    int n_in = 0, cells = 0, projection = 0;
    AlignedRoom w_ih, w_hh, w_hr;
};

}  // namespace firth
