// The rule fixed_outdegree, whose synapses are drawn by source: the twin of outdegree.py. A warp does a source.
#pragma once
#include "philox.cuh"
#include "sink.cuh"

// Ones among the lowest `bits` of a word; below 1: none.
DTB_FN i64 ones_among(u32 word, i64 bits) {
    if (bits <= 0)
        return 0;
    return __popc(bits < 32 ? word & ((1u << bits) - 1u) : word);
}

// Synapses of a node of the tree that fall into its first half, of `n`; the same for all threads of the warp.
DTB_FN i64 first_half(u32 source_gid, i64 n, u32 boundary_gid, u32 projection, u32 k0, u32 k1, int thread) {
    const u32 c3 = ((u32)PURPOSE_OUT_SPLIT << PURPOSE_SHIFT) | projection;
    i64 ones = 0;
    for (i64 chunk = thread; 128 * chunk < n; chunk += 32) {
        const i64 left = n - 128 * chunk;
        const Words r = philox4x32(source_gid, (u32)chunk, boundary_gid, c3, k0, k1);
        ones += ones_among(r.w0, left) + ones_among(r.w1, left - 32);
        ones += ones_among(r.w2, left - 64) + ones_among(r.w3, left - 96);
    }
    for (int d = 16; d > 0; d >>= 1)
        ones += __shfl_down_sync(0xFFFFFFFFu, ones, d);
    return __shfl_sync(0xFFFFFFFFu, ones, 0);
}

// counts[p] (2**SPLITS words) = synapses of the source in part p; 0 for parts without a neuron on the lane.
DTB_FN void counts_of_parts(const i64 *pair, u32 source_gid, u32 k0, u32 k1, i64 *counts, int thread) {
    const i64 splits = pair[PAIR_SPLITS], parts = (i64)1 << splits;
    const i32 *here = at<i32>(pair[PAIR_HERE_AT]);
    if (thread == 0)
        counts[0] = here[parts] > 0 ? pair[PAIR_NUMBER] : 0;
    __syncwarp();
    for (i64 span = parts; span > 1; span >>= 1) {
        const i64 half = span >> 1;
        for (i64 first = 0; first < parts; first += span) {
            const i64 n = counts[first];
            i64 left = 0;
            if (n > 0) {
                const i64 boundary = pair[PAIR_TARGET_GID0] + (((first + half) * pair[PAIR_TARGET_SIZE]) >> splits);
                left = first_half(source_gid, n, (u32)boundary, (u32)pair[PAIR_PROJECTION], k0, k1, thread);
            }
            __syncwarp();
            if (thread == 0) {
                counts[first] = here[first + half] > here[first] ? left : 0;
                counts[first + half] = here[first + span] > here[first + half] ? n - left : 0;
            }
            __syncwarp();
        }
    }
}

// A part of a target population as a source sees it.
struct Part {
    i64 begin, available, own;
    bool inside;
};

DTB_FN Part part_of(const i64 *pair, u32 source_gid, i64 part) {
    const i64 splits = pair[PAIR_SPLITS];
    Part p;
    p.begin = (part * pair[PAIR_TARGET_SIZE]) >> splits;
    const i64 size = (((part + 1) * pair[PAIR_TARGET_SIZE]) >> splits) - p.begin;
    p.own = (i64)source_gid - pair[PAIR_TARGET_GID0] - p.begin;
    p.inside = pair[PAIR_SKIP_SELF] != 0 && p.own >= 0 && p.own < size;
    p.available = p.inside ? size - 1 : size;
    return p;
}

// Words of synapse `number` of a source and a part: two of the target, then those of weight and delay.
DTB_FN Words outdegree_words(const i64 *pair, const Part &part, u32 source_gid, i64 number, u32 k0, u32 k1) {
    const u32 c3 = ((u32)PURPOSE_OUT_TARGET << PURPOSE_SHIFT) | (u32)pair[PAIR_PROJECTION];
    return philox4x32(source_gid, (u32)number, (u32)(pair[PAIR_TARGET_GID0] + part.begin), c3, k0, k1);
}

// Slot of the target that the words choose, -1: on another lane.
DTB_FN i64 slot_of_words(const i64 *pair, const Part &part, const Words &words) {
    i64 index = below(words.w0, words.w1, (u32)part.available);
    if (part.inside && index >= part.own)
        index += 1;
    const i64 target = part.begin + index, block = target / pair[PAIR_BLOCK_SIZE];
    const i32 slot = at<i32>(pair[PAIR_SLOT_OF_BLOCK_AT])[block];
    return slot >= 0 ? slot + (target - block * pair[PAIR_BLOCK_SIZE]) : -1;
}

DTB_FN Draws draws_of_pair(const i64 *pair) {
    return {
        pair[PAIR_WEIGHT], at<i64>(pair[PAIR_WEIGHT_TABLE_AT]), pair[PAIR_DELAY], at<i64>(pair[PAIR_DELAY_TABLE_AT]),
        pair[PAIR_MAX_DELAY],
    };
}

// Feed the sink with the synapses of neuron `index` of a pair's source population.
DTB_FN void synapses_of_source(
    const i64 *pair, i64 index, const Sink &sink, u32 k0, u32 k1, i64 *counts, int thread
) {
    const u32 gid = (u32)(pair[PAIR_SOURCE_GID0] + index);
    const i64 source = pair[PAIR_SOURCE0] + index;
    const Draws draws = draws_of_pair(pair);
    counts_of_parts(pair, gid, k0, k1, counts, thread);
    for (i64 p = 0; p < (i64)1 << pair[PAIR_SPLITS]; ++p) {
        const Part part = part_of(pair, gid, p);
        for (i64 i = thread; i < counts[p]; i += 32) {
            const Words words = outdegree_words(pair, part, gid, i, k0, k1);
            const i64 slot = slot_of_words(pair, part, words);
            if (slot < 0)
                continue;
            if (sink.counts) {
                add_to(sink.counts + source, 1);
                continue;
            }
            const i64 weight = draw_weight(draws, words.w2, pair[PAIR_FACTOR]);
            put(sink, source, slot, weight, draw_delay(draws, words.w3, pair[PAIR_OWN_DELAY]));
        }
    }
    __syncwarp();
}
