// Populations of a network.
#pragma once
#include "base.cuh"

// Population of a neuron; int64[n + 1] first gids of the n populations.
DTB_FN i64 population_of(const i64 *gid_starts, i64 n, i64 gid) {
    i64 low = 0, high = n;
    while (high - low > 1) {
        const i64 middle = (low + high) >> 1;
        if (gid_starts[middle] <= gid)
            low = middle;
        else
            high = middle;
    }
    return low;
}
