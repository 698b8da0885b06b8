// Pending changes of plastic weights applied to all synapses: the twin of pending.py and of the functions catch_up.
#pragma once
#include "reward.cuh"
#include "stdp.cuh"

// State of the sources of a table before their first spike at or after a step; `first` is that spike, NEVER: none.
struct Before {
    i32 *last;
    float *trace;
    i32 *first;
};

// Rows of sources are shared out to warps.
struct Rows {
    i64 first, stride;
    int thread;
};

DTB_FN Rows rows_of_warp(Share share) { return {share.first / 32, share.stride / 32, (int)(share.first % 32)}; }

// The spikes of targets up to step `until` for all synapses, of which `APPLIED` and earlier have been. What a synapse
// lacks follows the last spike of its source that has arrived before step `now`.
DTB_FN void catch_up(Table table, i64 now, i64 until, Before source, Rows share) {
    const i64 *rows = at<i64>(table[D_ROW_AT]), *segment_rows = at<i64>(table[D_SEGMENT_ROW_AT]);
    const u32 *segments = at<u32>(table[D_SEGMENT_AT]), *targets = at<u32>(table[D_TARGET_AT]);
    i32 *weights = at<i32>(table[D_WEIGHT_AT]);
    for (i64 k = share.first; k < table[D_N_SOURCES]; k += share.stride) {
        if (source.last[k] < 0 && table[D_PAIRS_ONLY] != 0)
            continue;
        i64 synapse = rows[k];
        for (i64 s = segment_rows[k]; s < segment_rows[k + 1]; ++s) {
            const i64 delay = segments[s] >> 16, count = segments[s] & 0xFFFFu, since = source.last[k] - delay;
            const bool arrived = source.first[k] + delay < now;
            for (i64 j = synapse + share.thread; j < synapse + count && !arrived && since < until; j += 32) {
                const History target = history_of(table, targets[j] - table[D_SLOT0]);
                const i64 stop = stop_at(target, until, target.count);
                const i64 begin = stop_at(target, larger_of(since, table[D_APPLIED]), stop);
                if (begin < stop)
                    weights[j] = (i32)take_in(
                        table, target, (float)weights[j], begin, stop, since, source.trace[k]
                    );
            }
            synapse += count;
        }
    }
}

// Advance all synapses to `goal`, the beginning of a cell. Where a later spike of the source has already arrived, they
// have passed that time; without a spike of its source no synapse is eligible.
DTB_FN void catch_up_rewarded(Table table, i64 now, i64 goal, Before source, Rows share) {
    const i64 *rows = at<i64>(table[D_ROW_AT]), *segment_rows = at<i64>(table[D_SEGMENT_ROW_AT]);
    const u32 *segments = at<u32>(table[D_SEGMENT_AT]), *targets = at<u32>(table[D_TARGET_AT]);
    i32 *weights = at<i32>(table[D_WEIGHT_AT]);
    float *eligibility = at<float>(table[D_ELIGIBILITY_AT]);
    for (i64 k = share.first; k < table[D_N_SOURCES]; k += share.stride) {
        const i64 last = source.last[k], since = larger_of(last, table[D_APPLIED]);
        if (last < 0)
            continue;
        i64 synapse = rows[k];
        for (i64 s = segment_rows[k]; s < segment_rows[k + 1]; ++s) {
            const i64 delay = segments[s] >> 16, count = segments[s] & 0xFFFFu;
            const bool arrived = source.first[k] + delay < now;
            for (i64 j = synapse + share.thread; j < synapse + count && !arrived; j += 32) {
                const History target = history_of(table, targets[j] - table[D_SLOT0]);
                const i64 stop = stop_at(target, goal - delay, target.count);
                const i64 begin = stop_at(target, since - delay, stop);
                const Eligible after = advanced(
                    table, {weights[j], eligibility[j]}, target, begin, stop, delay, last, source.trace[k], since, goal
                );
                weights[j] = after.w;
                eligibility[j] = after.c;
            }
            synapse += count;
        }
    }
}

// Keep the last spike of target `i` before `until`, whose trace is still needed, and those after it.
DTB_FN void forget(Table table, i64 i, i64 until) {
    const History target = history_of(table, i);
    i64 start = target.start;
    while (start + 1 < target.count && step_of(target, start + 1) < until)
        ++start;
    at<i32>(table[D_HISTORY_START_AT])[i] = (i32)start;
}
