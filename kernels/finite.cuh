// Whether states are still numbers.
#pragma once
#include "base.cuh"

// Set R_NOT_FINITE where a float state or constant of a lane is NaN or infinite: n float32 at an address.
DTB_KERNEL dtb_check_finite(Table rank, i64 address, i64 n) {
    const float *values = at<float>(address);
    const Share share = share_of_row();
    for (i64 i = share.first; i < n; i += share.stride)
        if (!(values[i] - values[i] == 0.0f))
            rank[R_NOT_FINITE] = 1;
}
