// A step by kernels of the general plan: input, neurons, schedule. None of them needs the host in between, so many
// steps are one graph. Every kernel runs on blocks (x, lane). Twin of window.py.
#include "delay_queue.cuh"
#include "neuron.cuh"
#include "sources.cuh"
#include "finite.cuh"
#ifdef DTB_PROCEDURAL
#include "procedural.cuh"
#endif
#ifdef DTB_DYNAMIC
#include "dynamic.cuh"
#else
DTB_FN void keep_dynamic_counts(Table, Table) {}
DTB_FN i64 deliver_dynamic(Table, Table, i64, Share) { return 0; }
DTB_FN void remember_spike(Table, Table, i64, i64) {}
DTB_FN void clear_payload_queues(Table, i64) {}
DTB_FN void schedule_dynamic(Table, Table, i64, i64, i64, i64, int, i64) {}
#endif

// Add what the threads of a block have counted to a word, with one atomic operation per block.
DTB_FN void add_of_block(i64 *word, i64 n) {
    i64 *sum = reinterpret_cast<i64 *>(dtb_shared_memory);
    if (threadIdx.x == 0)
        *sum = 0;
    __syncthreads();
    if (n != 0)
        take_from(sum, n);
    __syncthreads();
    if (threadIdx.x == 0 && *sum != 0)
        take_from(word, *sum);
}

// Keep the counts of the buckets, which stay if spikes have to be entered twice.
DTB_FN void keep_counts(Table rank, Table lane) {
    const i32 *counts = at<i32>(lane[X_BUCKET_COUNT_AT]);
    i32 *before = at<i32>(lane[X_BUCKET_BEFORE_AT]);
    for (i64 slot = threadIdx.x; slot < rank[R_RING]; slot += blockDim.x)
        before[slot] = counts[slot];
    keep_dynamic_counts(rank, lane);
}

// Input of the step: what is due, drives, listed events. Shared memory: 8 bytes.
DTB_KERNEL dtb_input(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = lane_table(rank);
    const i64 step = rank[R_STEP];
    const u32 k0 = (u32)rank[R_NOISE_LOW], k1 = (u32)rank[R_NOISE_HIGH];
    const Share share = share_of_row();
    if (blockIdx.x == 0)
        keep_counts(rank, lane);
    i64 events = deliver(rank, lane, step, share) + deliver_dynamic(rank, lane, step, share);
    poisson_drives(lane, input_of(lane), step, rank[R_CHUNK_START], rank[R_CHUNK_STOP], k0, k1, share);
    other_spike_drives(lane, input_of(lane), step, rank[R_CHUNK_START], k0, k1, share);
    add_of_block(rank + R_EVENTS, events);
}

DTB_KERNEL dtb_neurons(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = lane_table(rank);
    const Share share = share_of_row();
    const i64 step = rank[R_STEP];
    const u32 k0 = (u32)rank[R_NOISE_LOW], k1 = (u32)rank[R_NOISE_HIGH];
    const Arenas arenas = arenas_of(lane);
    const i64 delivered = step & (rank[R_RING] - 1);
    if (share.first == 0) {
        at<i32>(lane[X_BUCKET_COUNT_AT])[delivered] = 0;
        at<i32>(lane[X_BUCKET_BEFORE_AT])[delivered] = 0;
        clear_payload_queues(lane, delivered);
#ifdef DTB_PROCEDURAL
        count_procedural(rank, lane, step);
#endif
    }
    for (i64 local = share.first; local < lane[N_LOCAL]; local += share.stride) {
        i32 n = spikes(lane, arenas, place_of(lane, local), local, step, rank[R_CHUNK_START], k0, k1);
        if (n > MOST_SPIKES) {
            rank[R_HALT] = HALT_SPIKES;
            n = 0;
        }
        for (i32 k = 0; k < n; ++k)
            remember_spike(rank, lane, local, step);
        if (n != 0)
            tell(rank, lane, local, step, n);
    }
}

// How many of `n` spikes, the same ones next to each other, are one with number `k`; 0 where it is not the first.
template <typename T> DTB_FN i64 times_of(const T *spikes, i64 n, i64 k) {
    if (k > 0 && spikes[k - 1] == spikes[k])
        return 0;
    i64 times = 1;
    while (k + times < n && spikes[k + times] == spikes[k])
        ++times;
    return times;
}

// Whether a lane has rows of synapses; it has none where all its projections are procedural.
DTB_FN bool has_rows(Table lane) { return lane[SEGMENT_ROW_AT] != 0 || lane[N_DYNAMIC] != 0; }

// Enter the spikes of the step into the delay queues, a warp per spike; then the step is done, unless a bucket was too
// small. Also copies sampled states, which nothing changes meanwhile.
DTB_KERNEL dtb_schedule(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = lane_table(rank);
    const i64 step = rank[R_STEP], n = has_rows(lane) ? rank[R_PUBLISHED_COUNT] : 0;
    const i32 *published = at<i32>(rank[R_PUBLISHED_AT]);
    const Share share = share_of_row();
    const int thread = (int)(share.first % 32);
    for (i64 k = share.first / 32; k < n; k += share.stride / 32) {
        if (lane[SEGMENT_ROW_AT] != 0)
            schedule(rank, lane, published[k], step, step + 1, thread, 32);
        if (lane[N_DYNAMIC] != 0)
            schedule_dynamic(rank, lane, published[k], k, step, step + 1, thread, times_of(published, n, k));
    }
    sample(lane, arenas_of(lane), step, rank[R_CHUNK_START], share);
    if (!is_last_block(rank))
        return;
    if (read_shared_word(rank + R_OVERFLOW) != 0) {
        rank[R_HALT] = HALT_STEP;
        return;
    }
    rank[R_PUBLISHED_COUNT] = 0;
    rank[R_STEP] = step + 1;
#ifdef DTB_PROCEDURAL
    turn_rings(rank, step + 1);
#endif
}

// Before spikes of other ranks are entered; blocks (1, lane).
DTB_KERNEL dtb_keep_counts(Table rank) { keep_counts(rank, lane_table(rank)); }

// Enter spikes of other ranks, a warp per spike, unless some are still to come. Nobody waits for this kernel: where a
// bucket was too small the steps behind it do nothing until the host has seen it.
DTB_KERNEL dtb_schedule_remote(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = lane_table(rank);
    const i64 *entries = at<i64>(rank[R_REMOTE_AT]);
    const Share share = share_of_row();
    const i64 n = has_rows(lane) ? rank[R_REMOTE_N] : 0;
    for (i64 k = share.first / 32; k < n; k += share.stride / 32) {
        const i64 source = source_index(rank, (u32)entries[k]);
        if (source < 0)
            continue;
        const int thread = (int)(share.first % 32);
        if (lane[SEGMENT_ROW_AT] != 0)
            schedule(rank, lane, source, entries[k] >> 32, rank[R_STEP], thread, 32);
        if (lane[N_DYNAMIC] != 0)
            schedule_dynamic(rank, lane, source, k, entries[k] >> 32, rank[R_STEP], thread, times_of(entries, n, k));
    }
    if (is_last_block(rank) && read_shared_word(rank + R_OVERFLOW) != 0)
        rank[R_HALT] = HALT_REMOTE;
}
