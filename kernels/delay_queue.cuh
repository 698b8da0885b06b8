// The delay queue of a lane and delivery at arrival: the twin of delay_queue.py and deliver.py.
//
// A lane has one bucket per step of the ring; its size is fixed until the host enlarges it. Where a bucket is too small
// for the spikes of a step, they are counted but not entered, and R_OVERFLOW is set: nothing goes on until the host has
// made room for what was counted and restored the counts; then the spikes of that step are entered once more.
#pragma once
#include "base.cuh"

// Threads that deliver one segment together.
#ifndef DTB_TOGETHER
#define DTB_TOGETHER 16
#endif

DTB_FN void enter(Table rank, Table lane, i64 due, i64 entry) {
    const i64 slot = due & (rank[R_RING] - 1);
    const i32 n = atomicAdd(at<i32>(lane[X_BUCKET_COUNT_AT]) + slot, 1);
    if (n < lane[X_BUCKET_CAPACITY])
        at<i64>(lane[X_BUCKET_ENTRIES_AT])[slot * lane[X_BUCKET_CAPACITY] + n] = entry;
    else
        rank[R_OVERFLOW] = 1;
}

// Sum of `n` over the threads of a group of `width` of a warp, up to this one.
DTB_FN i32 sum_up_to(i32 n, int thread, int width) {
    for (int d = 1; d < width; d <<= 1) {
        const i32 other = __shfl_up_sync(0xFFFFFFFFu, n, d);
        n += thread >= d ? other : 0;
    }
    return n;
}

// Enter segments of `source`, which fired at `step`, that are due at `now` or later. A segment is found by its place in
// the row, its first synapse by the counts before it; `lane_of_warp` of `width` threads share the row.
DTB_FN void schedule(Table rank, Table lane, i64 source, i64 step, i64 now, int thread, int width) {
    const i64 *rows = at<i64>(lane[SEGMENT_ROW_AT]) + source;
    const i64 first = rows[0], last = rows[1];
    if (first == last)
        return;
    const u32 *segments = at<u32>(lane[SEGMENT_AT]);
    i64 synapse = at<i64>(lane[ROW_AT])[source];
    for (i64 s = first; s < last; s += width) {
        const u32 word = s + thread < last ? segments[s + thread] : 0u;
        const i32 n = (i32)(word & 0xFFFFu);
        const i32 before = sum_up_to(n, thread, width);
        const i32 all = __shfl_sync(0xFFFFFFFFu, before, width - 1);
        if (n != 0 && step + (i64)(word >> 16) >= now)
            enter(rank, lane, step + (i64)(word >> 16), ((synapse + before - n) << ENTRY_SHIFT) | n);
        synapse += all;
    }
}

// Add one segment to the input vector: threads `thread`, thread + DTB_TOGETHER, ...
DTB_FN void deliver_segment(Table lane, i64 entry, int thread) {
    const i64 first = entry >> ENTRY_SHIFT;
    const i32 n = (i32)(entry & ((1 << ENTRY_SHIFT) - 1));
    const u32 *targets = at<u32>(lane[TARGET_AT]) + first;
    const i64 kind = lane[SYNAPSE_KIND];
    if (kind == KIND_PACKED) {
        i32 *acc = at<i32>(lane[ACC_AT]);
        for (i32 j = thread; j < n; j += DTB_TOGETHER)
            add_to_global(acc + (targets[j] & 0xFFFFu), (i32)targets[j] >> 16);
    } else if (kind == KIND_WIDE16) {
        i32 *acc = at<i32>(lane[ACC_AT]);
        const i16 *weights = at<i16>(lane[WEIGHT_AT]) + first;
        for (i32 j = thread; j < n; j += DTB_TOGETHER)
            add_to_global(acc + targets[j], (i32)weights[j]);
    } else if (kind == KIND_WIDE32) {
        i32 *acc = at<i32>(lane[ACC_AT]);
        const i32 *weights = at<i32>(lane[WEIGHT_AT]) + first;
        for (i32 j = thread; j < n; j += DTB_TOGETHER)
            add_to_global(acc + targets[j], weights[j]);
    } else {
        i64 *acc = at<i64>(lane[ACC_AT]);
        const i32 *weights = at<i32>(lane[WEIGHT_AT]) + first;
        for (i32 j = thread; j < n; j += DTB_TOGETHER)
            add_to_global(acc + targets[j], (i64)weights[j]);
    }
}

// Deliver the bucket of `step`; returns the synaptic events that this thread stands for.
DTB_FN i64 deliver(Table rank, Table lane, i64 step, Share share) {
    const i64 slot = step & (rank[R_RING] - 1);
    const i64 *entries = at<i64>(lane[X_BUCKET_ENTRIES_AT]) + slot * lane[X_BUCKET_CAPACITY];
    const i64 n = at<i32>(lane[X_BUCKET_COUNT_AT])[slot];
    const int thread = (int)(share.first % DTB_TOGETHER);
    i64 events = 0;
    for (i64 e = share.first / DTB_TOGETHER; e < n; e += share.stride / DTB_TOGETHER) {
        const i64 entry = entries[e];
        deliver_segment(lane, entry, thread);
        if (thread == 0)
            events += entry & ((1 << ENTRY_SHIFT) - 1);
    }
    return events;
}
