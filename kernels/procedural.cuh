// Procedural projections: the synapses of a spike are drawn again when it becomes known; the twin of procedural.py.
//
// They are added to the lane's ring of input vectors with integer atomics, in any order. The row of the present step is
// the lane's input vector: ACC_AT is turned on from row to row, so nothing has to be copied, and what the update of a
// neuron has taken is zero for the next turn of the ring.
#pragma once
#include "draws.cuh"
#include "outdegree.cuh"

// The input to come of a lane. Events are counted per row: one after the other in a thread while the row is the same,
// then in shared memory where the ring is short, then in the lane's counters.
struct Coming {
    i64 ring, slots, mask;
    i64 *events;
    u32 *tally;  // shared memory, null for long rings
    bool wide;
    i64 row, counted;

    DTB_METHOD void add(i64 due, i64 slot, i64 weight) {
        const i64 place = (due & mask) * slots + slot;
        if (wide)
            add_to(at<i64>(ring) + place, weight);
        else
            add_to(at<i32>(ring) + place, (i32)weight);
        if ((due & mask) != row) {
            tell_count();
            row = due & mask;
        }
        ++counted;
    }

    DTB_METHOD void tell_count() {
        if (counted != 0 && tally)
            atomicAdd(tally + row, (u32)counted);
        else if (counted != 0)
            add_to(events + row, counted);
        counted = 0;
    }
};

// All threads of a block begin and end together.
DTB_FN Coming begin_coming(Table lane) {
    const i64 mask = lane[PROCEDURAL_MASK];
    u32 *tally = mask < PAIR_SHARED_ROWS ? reinterpret_cast<u32 *>(dtb_shared_memory) : nullptr;
    for (i64 row = threadIdx.x; tally && row <= mask; row += blockDim.x)
        tally[row] = 0;
    __syncthreads();
    const bool wide = lane[SYNAPSE_KIND] == KIND_WIDE64;
    return {lane[PROCEDURAL_RING_AT], lane[N_SLOTS], mask, at<i64>(lane[PROCEDURAL_EVENTS_AT]), tally, wide, 0, 0};
}

DTB_FN void end_coming(Coming &coming) {
    coming.tell_count();
    __syncthreads();
    for (i64 row = threadIdx.x; coming.tally && row <= coming.mask; row += blockDim.x)
        if (coming.tally[row] != 0)
            add_to(coming.events + row, (i64)coming.tally[row]);
}

// A spike of a source candidate. Synapses due before `now` are left out.
struct Spike {
    i64 source, step, now;
};

// One synapse onto a slot (-1: of another lane).
DTB_FN void add_synapse(
    Coming &coming, Table pair, const Draws &draws, const Spike &spike, i64 slot, u32 weight_word, u32 delay_word
) {
    const i64 due = spike.step + draw_delay(draws, delay_word, pair[PAIR_OWN_DELAY]);
    if (slot >= 0 && due >= spike.now)
        coming.add(due, slot, draw_weight(draws, weight_word, pair[PAIR_FACTOR]));
}

// Threads that draw the synapses of a spike together: whole warps. This one is number `thread` of `width`.
struct Team {
    int thread, width;
    u32 k0, k1;
};

DTB_FN void by_source(Coming &coming, Table pair, const Spike &spike, const Team &team) {
    const u32 gid = (u32)(pair[PAIR_SOURCE_GID0] + spike.source - pair[PAIR_SOURCE0]);
    const bool skip = pair[PAIR_SKIP_SELF] != 0;
    const Draws draws = draws_of(pair);
    Tree tree(pair, gid, team.k0, team.k1, (int)(threadIdx.x % 32), 32);
    for (i64 p = 0; p < (i64)1 << pair[PAIR_SPLITS]; ++p) {
        const i64 n = tree.next(p);
        const Part part = part_of(pair, p);
        for (i64 i = team.thread; i < n; i += team.width) {
            const Words words = philox4x32(gid, (u32)i, part.gid0, part.c3, team.k0, team.k1);
            const i64 slot = target_slot(part, words, gid, skip);
            add_synapse(coming, pair, draws, spike, slot, words.w2, words.w3);
        }
    }
}

// One synapse onto each of `n` targets, whose first has the index `first` in its population.
DTB_FN void onto(Coming &coming, Table pair, const Spike &spike, i64 first, i64 n, i64 slot, const Team &team) {
    const i64 index = spike.source - pair[PAIR_SOURCE0], own = pair[PAIR_SKIP_SELF] != 0 ? index : -1;
    const Draws draws = draws_of(pair);
    const bool drawn = draws.weight_table || draws.delay_table;
    const u32 c2 = ((u32)pair[PAIR_SOURCE_KEY] << 2) | (u32)PAIR_CALL_VALUES;
    const u32 c3 = ((u32)PURPOSE_SOURCE << PURPOSE_SHIFT) | (u32)pair[PAIR_PROJECTION];
    const u32 gid = (u32)(pair[PAIR_TARGET_GID0] + first);
    for (i64 i = team.thread; i < n; i += team.width) {
        Words words = {0, 0, 0, 0};
        if (drawn)
            words = philox4x32(gid + (u32)i, (u32)index, c2, c3, team.k0, team.k1);
        add_synapse(coming, pair, draws, spike, first + i != own ? slot + i : -1, words.w0, words.w1);
    }
}

DTB_FN void draw_again(Coming &coming, Table pair, const Spike &spike, const Team &team) {
    if (pair[PAIR_RULE] == PAIR_RULE_OUTDEGREE) {
        by_source(coming, pair, spike, team);
    } else if (pair[PAIR_RULE] == PAIR_RULE_PARTNERS) {
        const i64 index = spike.source - pair[PAIR_SOURCE0];
        const i64 slot = slot_of(at<i32>(pair[PAIR_SLOT_OF_BLOCK_AT]), (u32)pair[PAIR_BLOCK_SIZE], (u32)index);
        if (slot >= 0)
            onto(coming, pair, spike, index, 1, slot, team);
    } else {
        const i64 *runs = at<i64>(pair[PAIR_RUNS_AT]);
        for (i64 r = 0; r < pair[PAIR_N_RUNS]; ++r)
            onto(coming, pair, spike, runs[3 * r], runs[3 * r + 1], runs[3 * r + 2], team);
    }
}

// The first pair (ascending PAIR_SOURCE0) whose source population does not end before `source`.
DTB_FN i64 first_pair(Table lane, i64 source) {
    const i64 *pairs = at<i64>(lane[PROCEDURAL_AT]);
    i64 low = 0, high = lane[N_PROCEDURAL];
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        const i64 *pair = pairs + middle * PAIR_FIELDS;
        if (pair[PAIR_SOURCE0] + pair[PAIR_N_SOURCES] > source)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// Whether the synapses of a pair are drawn in the order of their targets, see procedural.cu.
DTB_FN bool is_ordered(Table pair, i64 ordered_splits) {
    return pair[PAIR_RULE] == PAIR_RULE_OUTDEGREE && pair[PAIR_SPLITS] >= ordered_splits &&
           pair[PAIR_NUMBER] <= PAIR_ORDERED_NUMBER;
}

// All synapses of a spike but those of ordered pairs.
DTB_FN void schedule_procedural(Table lane, Coming &coming, const Spike &spike, const Team &team, i64 ordered_splits) {
    const i64 n = lane[N_PROCEDURAL];
    for (i64 k = first_pair(lane, spike.source); k < n; ++k) {
        const Table pair = at<i64>(lane[PROCEDURAL_AT]) + k * PAIR_FIELDS;
        if (pair[PAIR_SOURCE0] > spike.source)
            return;
        if (!is_ordered(pair, ordered_splits))
            draw_again(coming, pair, spike, team);
    }
}

// The events of the row that `step` has taken.
DTB_FN void count_procedural(Table rank, Table lane, i64 step) {
    if (lane[N_PROCEDURAL] == 0)
        return;
    i64 *events = at<i64>(lane[PROCEDURAL_EVENTS_AT]) + (step & lane[PROCEDURAL_MASK]);
    take_from(rank + R_EVENTS, *events);
    *events = 0;
}

// Let the input vectors of all lanes be those of `step`.
DTB_FN void turn_rings(Table rank, i64 step) {
    for (i64 k = 0; k < rank[R_N_LANES]; ++k) {
        const Table lane = at<i64>(rank[R_LANES_AT]) + k * DEVICE_LANE_FIELDS;
        const i64 row_bytes = lane[N_SLOTS] * (lane[SYNAPSE_KIND] == KIND_WIDE64 ? 8 : 4);
        if (lane[N_PROCEDURAL] != 0)
            lane[ACC_AT] = lane[PROCEDURAL_RING_AT] + (step & lane[PROCEDURAL_MASK]) * row_bytes;
    }
}
