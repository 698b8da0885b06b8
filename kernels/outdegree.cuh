// Synapses drawn by their source, rule fixed_outdegree: the twin of outdegree.py.
#pragma once
#include "philox.cuh"

// Ones among the lowest `bits` of a word; below 1: none.
DTB_FN int ones(u32 word, i64 bits) {
    return bits <= 0 ? 0 : __popc(bits < 32 ? word & ((1u << (int)bits) - 1u) : word);
}

// A source with the parts of one target population. `width` threads share the chunks of random bits; they are a whole
// warp, or one thread.
struct Tree {
    Table pair;
    u32 source_gid, k0, k1;
    int thread, width;
    i64 rest[PAIR_MOST_SPLITS];  // synapses of the next node of 2**height parts

    DTB_METHOD Tree(Table pair, u32 source_gid, u32 k0, u32 k1, int thread, int width)
        : pair(pair), source_gid(source_gid), k0(k0), k1(k1), thread(thread), width(width) {}

    // Of `n` synapses of a node those in its first half; `middle`: first part of the second half.
    DTB_METHOD i64 first_half(i64 n, i64 middle) const {
        const u32 boundary = (u32)(pair[PAIR_TARGET_GID0] + ((middle * pair[PAIR_TARGET_SIZE]) >> pair[PAIR_SPLITS]));
        const u32 c3 = ((u32)PURPOSE_OUT_SPLIT << PURPOSE_SHIFT) | (u32)pair[PAIR_PROJECTION];
        int found = 0;
        for (i64 chunk = thread; 128 * chunk < n; chunk += width) {
            const i64 left = n - 128 * chunk;
            const Words words = philox4x32(source_gid, (u32)chunk, boundary, c3, k0, k1);
            found += ones(words.w0, left) + ones(words.w1, left - 32) + ones(words.w2, left - 64) +
                     ones(words.w3, left - 96);
        }
        if (width > 1)
            for (int d = 16; d > 0; d >>= 1)
                found += __shfl_down_sync(0xFFFFFFFFu, found, d);
        return width > 1 ? (i64)__shfl_sync(0xFFFFFFFFu, found, 0) : (i64)found;
    }

    // Synapses in `part`, 0 where none of it is on the lane. To be asked for all parts, in their order.
    DTB_METHOD i64 next(i64 part) {
        const i32 *here = at<i32>(pair[PAIR_HERE_AT]);
        int height = part == 0 ? (int)pair[PAIR_SPLITS] : __ffs((int)part) - 1;
        i64 n = part == 0 ? pair[PAIR_NUMBER] : rest[height];
        if (here[part + ((i64)1 << height)] == here[part])
            n = 0;
        while (height > 0) {
            --height;
            const i64 middle = part + ((i64)1 << height);
            const i64 left = n > 0 ? first_half(n, middle) : 0;
            rest[height] = n - left;
            n = here[middle] > here[part] ? left : 0;
        }
        return n;
    }
};

// The neurons of one part, and what their synapses are drawn by.
struct Part {
    i64 begin;
    u32 size, gid0, c3, block_size;
    const i32 *slot_of_block;
};

DTB_FN Part part_of(Table pair, i64 part) {
    const i64 splits = pair[PAIR_SPLITS], begin = (part * pair[PAIR_TARGET_SIZE]) >> splits;
    const i64 end = ((part + 1) * pair[PAIR_TARGET_SIZE]) >> splits;
    const u32 c3 = ((u32)PURPOSE_OUT_TARGET << PURPOSE_SHIFT) | (u32)pair[PAIR_PROJECTION];
    const u32 gid0 = (u32)(pair[PAIR_TARGET_GID0] + begin), block_size = (u32)pair[PAIR_BLOCK_SIZE];
    return {begin, (u32)(end - begin), gid0, c3, block_size, at<i32>(pair[PAIR_SLOT_OF_BLOCK_AT])};
}

// Slot of the neuron with this index in the target population, -1: it is on another lane.
DTB_FN i64 slot_of(const i32 *slot_of_block, u32 block_size, u32 index) {
    const u32 block = index / block_size;
    const i64 slot = slot_of_block[block];
    return slot >= 0 ? slot + (i64)(index - block * block_size) : -1;
}

// Slot of the target that the first two words stand for, -1: on another lane. The source itself is left out if `skip`.
DTB_FN i64 target_slot(const Part &part, const Words &words, u32 source_gid, bool skip) {
    const u32 own = source_gid - part.gid0;  // beyond the size for sources before the part, too
    const bool inside = skip && own < part.size;
    u32 index = below(words.w0, words.w1, inside ? part.size - 1 : part.size);
    if (inside && index >= own)
        ++index;
    return slot_of(part.slot_of_block, part.block_size, (u32)part.begin + index);
}
