// Source candidates of a rank.
#pragma once
#include "base.cuh"

// Index of `gid` among the source candidates of the rank, -1: it has no targets here.
DTB_FN i64 source_index(Table rank, u32 gid) {
    const u32 *gids = at<u32>(rank[R_SOURCE_GIDS_AT]);
    i64 low = 0, high = rank[R_N_SOURCES];
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (gids[middle] < gid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rank[R_N_SOURCES] && gids[low] == gid ? low : -1;
}
