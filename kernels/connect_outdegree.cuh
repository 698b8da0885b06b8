// Synapses of fixed_outdegree that are stored: the twin of run_outdegree in outdegree.py. A warp does a source.
#pragma once
#include "outdegree.cuh"
#include "row_writer.cuh"

// Feed the writer with the synapses of neuron `index` of a pair's source population.
DTB_FN void synapses_of_source(Table pair, i64 index, const RowWriter &writer, u32 k0, u32 k1, int thread) {
    const u32 gid = (u32)(pair[PAIR_SOURCE_GID0] + index);
    const i64 source = pair[PAIR_SOURCE0] + index;
    const Draws draws = draws_of(pair);
    const bool skip = pair[PAIR_SKIP_SELF] != 0;
    Tree tree(pair, gid, k0, k1, thread, 32);
    for (i64 p = 0; p < (i64)1 << pair[PAIR_SPLITS]; ++p) {
        const i64 n = tree.next(p);
        const Part part = part_of(pair, p);
        for (i64 i = thread; i < n; i += 32) {
            const Words words = philox4x32(gid, (u32)i, part.gid0, part.c3, k0, k1);
            const i64 slot = target_slot(part, words, gid, skip);
            if (slot < 0)
                continue;
            if (writer.counts) {
                add_to(writer.counts + source, 1);
                continue;
            }
            const i64 weight = draw_weight(draws, words.w2, pair[PAIR_FACTOR]);
            put(writer, source, slot, weight, draw_delay(draws, words.w3, pair[PAIR_OWN_DELAY]));
        }
        __syncwarp();
    }
}
