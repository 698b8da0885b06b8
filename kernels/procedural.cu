// Kernels of procedural projections, a text of their own; each runs exactly once for a step's spikes, or for those of other ranks.
//
// Small target populations: the synapses of a spike are drawn by one or more warps, and added wherever they fall. Where
// the input of a target population is much larger than the level-2 cache, spikes are taken in batches and drawn part by
// part of the population, in the order of the blocks, so that few parts are being added to at any time:
// dtb_part_sources, dtb_part_counts, dtb_part_draws.
#include "procedural.cuh"
#include "sources.cuh"

DTB_FN Table lane_of_block(Table rank) { return at<i64>(rank[R_LANES_AT]) + blockIdx.y * DEVICE_LANE_FIELDS; }

// Draw for all spikes k < n; spike_of(k) gives a Spike, of source -1 where it has no targets here.
template <typename SpikeOf> DTB_FN void draw_spikes(Table rank, Table lane, i64 n, i64 ordered_splits, SpikeOf spike_of) {
    Coming coming = begin_coming(lane);
    const Share share = share_of_row();
    const i64 warp = share.first / 32, warps = share.stride / 32;
    i64 slices = n > 0 ? warps / n : 1;
    slices = slices < 1 ? 1 : slices > 32 ? 32 : slices;
    const i64 teams = warps / slices;
    const int thread = (int)(warp % slices * 32 + threadIdx.x % 32);
    const Team team = {thread, (int)(32 * slices), (u32)rank[R_SEED_LOW], (u32)rank[R_SEED_HIGH]};
    if (warp < teams * slices)
        for (i64 k = warp / slices; k < n; k += teams) {
            const Spike spike = spike_of(k);
            if (spike.source >= 0)
                schedule_procedural(lane, coming, spike, team, ordered_splits);
        }
    end_coming(coming);
}

DTB_FN Spike local_spike(Table rank, i64 k) {
    return {at<i32>(rank[R_PUBLISHED_AT])[k], rank[R_STEP], rank[R_STEP] + 1};
}

DTB_FN Spike remote_spike(Table rank, i64 k) {
    const i64 entry = at<i64>(rank[R_REMOTE_AT])[k];
    return {source_index(rank, (u32)entry), entry >> 32, rank[R_STEP]};
}

// Spikes of this step. Shared memory: 4 bytes per row of the ring up to PAIR_SHARED_ROWS rows.
DTB_KERNEL dtb_procedural(Table rank, i64 ordered_splits) {
    const Table lane = lane_of_block(rank);
    if (rank[R_HALT] != 0 || lane[N_PROCEDURAL] == 0)
        return;
    draw_spikes(rank, lane, rank[R_PUBLISHED_COUNT], ordered_splits, [=](i64 k) { return local_spike(rank, k); });
}

// Spikes of other ranks. Shared memory: as above.
DTB_KERNEL dtb_procedural_remote(Table rank, i64 ordered_splits) {
    const Table lane = lane_of_block(rank);
    if (rank[R_HALT] != 0 || lane[N_PROCEDURAL] == 0)
        return;
    draw_spikes(rank, lane, rank[R_REMOTE_N], ordered_splits, [=](i64 k) { return remote_spike(rank, k); });
}

// A batch of spikes for one pair of populations on a lane, int64[BATCH_FIELDS].
DTB_FN Table pair_of(Table batch) { return at<i64>(batch[BATCH_PAIR_AT]); }

// Collect what spikes `first`, first + 1, ... of the step (or of other ranks) have sources of the pair.
DTB_KERNEL dtb_part_sources(Table rank, Table batch, i64 first, i64 remote) {
    const Table pair = pair_of(batch);
    const i64 all = remote != 0 ? rank[R_REMOTE_N] : rank[R_PUBLISHED_COUNT];
    const Share share = share_of_row();
    for (i64 k = share.first; k < batch[BATCH_SIZE] && first + k < all; k += share.stride) {
        const Spike spike = remote != 0 ? remote_spike(rank, first + k) : local_spike(rank, first + k);
        const i64 index = spike.source - pair[PAIR_SOURCE0];
        if (spike.source >= 0 && index >= 0 && index < pair[PAIR_N_SOURCES])
            at<i64>(batch[BATCH_CHOSEN_AT])[take_from(batch + BATCH_N, 1)] = (spike.step << 32) | index;
    }
}

// How many synapses of each chosen spike fall into each part; a thread per spike.
DTB_KERNEL dtb_part_counts(Table rank, Table batch) {
    const Table pair = pair_of(batch);
    const i64 *chosen = at<i64>(batch[BATCH_CHOSEN_AT]);
    const Share share = share_of_row();
    for (i64 k = share.first; k < batch[BATCH_N]; k += share.stride) {
        const u32 gid = (u32)(pair[PAIR_SOURCE_GID0] + (chosen[k] & 0xFFFFFFFF));
        Tree tree(pair, gid, (u32)rank[R_SEED_LOW], (u32)rank[R_SEED_HIGH], 0, 1);
        u16 *counts = at<u16>(batch[BATCH_COUNTS_AT]) + k;
        for (i64 p = 0; p < (i64)1 << pair[PAIR_SPLITS]; ++p)
            counts[p * batch[BATCH_SIZE]] = (u16)tree.next(p);
    }
}

// Draw the synapses of 32 spikes in one part, of each thread's spike `n`, dealt out to the threads of the warp.
DTB_FN void draw_part(Table rank, Coming &coming, Table pair, const Part &part, i64 entry, i32 n, i64 now) {
    const bool skip = pair[PAIR_SKIP_SELF] != 0;
    const Draws draws = draws_of(pair);
    const Dealt dealt = deal(n);
    for (i32 first = 0; first < dealt.all; first += 32) {
        const i32 number = first + (i32)(threadIdx.x % 32);
        const int owner = dealt.owner_of(number);
        const i64 own = __shfl_sync(0xFFFFFFFFu, entry, owner);
        const i32 i = number - __shfl_sync(0xFFFFFFFFu, dealt.before, owner);
        if (number >= dealt.all)
            continue;
        const u32 gid = (u32)(pair[PAIR_SOURCE_GID0] + (own & 0xFFFFFFFF));
        const Words words =
            philox4x32(gid, (u32)i, part.gid0, part.c3, (u32)rank[R_SEED_LOW], (u32)rank[R_SEED_HIGH]);
        const i64 slot = target_slot(part, words, gid, skip);
        add_synapse(coming, pair, draws, {0, own >> 32, now}, slot, words.w2, words.w3);
    }
}

// Draw the chosen spikes; `chunks` blocks per part, BATCH_SHARE spikes per thread. Shared memory: as above.
DTB_KERNEL dtb_part_draws(Table rank, Table batch, i64 chunks, i64 remote) {
    const i64 number = blockIdx.x / chunks, first = blockIdx.x % chunks * BATCH_SHARE * blockDim.x;
    const i64 n = batch[BATCH_N], now = rank[R_STEP] + (remote != 0 ? 0 : 1);
    const Table pair = pair_of(batch);
    const i32 *here = at<i32>(pair[PAIR_HERE_AT]);
    if (first >= n || here[number + 1] == here[number])
        return;
    Coming coming = begin_coming(at<i64>(batch[BATCH_LANE_AT]));
    const Part part = part_of(pair, number);
    const u16 *counts = at<u16>(batch[BATCH_COUNTS_AT]) + number * batch[BATCH_SIZE];
    for (i64 g = 0; g < BATCH_SHARE; ++g) {
        const i64 k = first + g * blockDim.x + threadIdx.x;
        const i64 entry = k < n ? at<i64>(batch[BATCH_CHOSEN_AT])[k] : 0;
        draw_part(rank, coming, pair, part, entry, k < n ? (i32)counts[k] : 0, now);
    }
    end_coming(coming);
}
