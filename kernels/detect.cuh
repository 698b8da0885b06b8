// Spikes of a step: source neurons that fire by a list or at random, and what is told of a spike; twin of detect.py.
#pragma once
#include "drives.cuh"

// Whether a list (step, local index; ascending) holds a spike of the neuron at `step`.
DTB_FN bool is_listed(Table lane, i64 local, i64 step) {
    const i64 n = lane[N_EMITTED];
    if (n == 0)
        return false;
    const i64 *listed = at<i64>(lane[EMITTED_AT]);
    i64 low = 0, high = n;
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        const i64 *row = listed + 2 * middle;
        if (row[0] < step || (row[0] == step && row[1] < local))
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && listed[2 * low] == step && listed[2 * low + 1] == local;
}

// Whether a source neuron that fires at random does so in `step`.
DTB_FN bool fires_at_random(Table lane, i64 local, i64 step, u32 k0, u32 k1) {
    for (i64 d = 0; d < lane[N_RANDOM]; ++d) {
        const i64 *row = at<i64>(lane[RANDOM_AT]) + d * RANDOM_FIELDS;
        const i64 i = local - row[R_LOCAL];
        if (i < 0 || i >= row[R_COUNT])
            continue;
        const u32 gid = at<u32>(lane[GID_AT])[local];
        const Words words = philox4x32(gid, (u32)(step / 4), 0u, (u32)PURPOSE_EMIT << PURPOSE_SHIFT, k0, k1);
        return word_of(words, (int)(step % 4)) < at<u32>(row[R_THRESHOLD_AT])[i];
    }
    return false;
}

// Log a spike, and publish it where its neuron has targets on this rank.
DTB_FN void tell(Table rank, Table lane, i64 local, i64 step) {
    const i64 entry = take_from(rank + R_LOG_COUNT, 1);
    at<i64>(rank[R_LOG_AT])[entry] = (step << 32) | (i64)at<u32>(lane[GID_AT])[local];
    const i32 source = at<i32>(lane[SOURCE_AT])[local];
    if (source >= 0)
        at<i32>(rank[R_PUBLISHED_AT])[take_from(rank + R_PUBLISHED_COUNT, 1)] = source;
}
