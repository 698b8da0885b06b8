// Spikes of a step: source neurons that fire by a list or at random, and what is told of a spike; twin of detect.py.
#pragma once
#include "drives.cuh"

// Spikes of the neuron at `step` in a list (step, local index; ascending).
DTB_FN i32 times_listed(Table lane, i64 local, i64 step) {
    const i64 n = lane[N_EMITTED];
    if (n == 0)
        return 0;
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
    i32 found = 0;
    for (; low < n && listed[2 * low] == step && listed[2 * low + 1] == local; ++low)
        ++found;
    return found;
}

// Spikes in `step` of a source neuron that fires at random.
DTB_FN i32 spikes_at_random(Table lane, i64 local, i64 step, u32 k0, u32 k1) {
    for (i64 d = 0; d < lane[N_RANDOM]; ++d) {
        const i64 *row = at<i64>(lane[RANDOM_AT]) + d * RANDOM_FIELDS;
        const i64 i = local - row[R_LOCAL];
        if (i < 0 || i >= row[R_COUNT])
            continue;
        const u32 gid = gid_of(lane, local);
        const Words words = philox4x32(gid, (u32)(step / 4), 0u, (u32)PURPOSE_EMIT << PURPOSE_SHIFT, k0, k1);
        const u32 word = word_of(words, (int)(step % 4));
        if (word >= at<u32>(row[R_THRESHOLD_AT])[i])
            return 0;
        const i64 *more = at<i64>(row[R_START_AT]) + at<i32>(row[R_RATE_AT])[i];
        i32 spikes = 1;
        for (i64 k = more[0]; k < more[1] && word < at<u32>(row[R_MORE_AT])[k]; ++k)
            ++spikes;
        return spikes;
    }
    return 0;
}

// Log the spikes of a neuron, and publish them, one after the other, where it has targets on this rank.
DTB_FN void tell(Table rank, Table lane, i64 local, i64 step, i32 spikes) {
    const i64 entry = take_from(rank + R_LOG_COUNT, spikes);
    const i32 source = source_of(lane, local);
    const i64 gid = gid_of(lane, local);
    const i64 place = source < 0 ? 0 : take_from(rank + R_PUBLISHED_COUNT, spikes);
    for (i32 k = 0; k < spikes; ++k) {
        at<i64>(rank[R_LOG_AT])[entry + k] = (step << 32) | gid;
        if (source >= 0)
            at<i32>(rank[R_PUBLISHED_AT])[place + k] = source;
    }
}
