// Source candidates of a rank.
#pragma once
#include "base.cuh"

// Index of `gid` among the source candidates of the rank, -1: it has no targets here.
DTB_FN i64 source_index(Table rank, u32 gid) {
    const i64 *ranges = at<i64>(rank[R_SOURCE_RANGES_AT]);
    i64 low = 0, high = rank[R_N_SOURCE_RANGES];
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (ranges[3 * middle + 1] <= gid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rank[R_N_SOURCE_RANGES] && ranges[3 * low] <= gid ? gid - ranges[3 * low] + ranges[3 * low + 2] : -1;
}
