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
    i64 ring, slots;
    i64 *events;
    u32 *tally;  // shared memory, null for long rings
    bool wide;
    i32 mask, row;
    u32 counted;

    DTB_METHOD void add(i64 due, i64 slot, i64 weight) {
        const i32 into = (i32)due & mask;
        const i64 place = into * slots + slot;
        if (wide)
            add_to_global(at<i64>(ring) + place, weight);
        else
            add_to_global(at<i32>(ring) + place, (i32)weight);
        if (into != row) {
            tell_count();
            row = into;
        }
        ++counted;
    }

    DTB_METHOD void tell_count() {
        if (counted != 0 && tally)
            atomicAdd(tally + row, counted);
        else if (counted != 0)
            add_to(events + row, (i64)counted);
        counted = 0;
    }
};

// All threads of a block begin and end together.
DTB_FN Coming begin_coming(Table lane) {
    const i32 mask = (i32)lane[PROCEDURAL_MASK];
    u32 *tally = mask < PAIR_SHARED_ROWS ? reinterpret_cast<u32 *>(dtb_shared_memory) : nullptr;
    for (i64 row = threadIdx.x; tally && row <= mask; row += blockDim.x)
        tally[row] = 0;
    __syncthreads();
    const bool wide = lane[SYNAPSE_KIND] == KIND_WIDE64;
    return {lane[PROCEDURAL_RING_AT], lane[N_SLOTS], at<i64>(lane[PROCEDURAL_EVENTS_AT]), tally, wide, mask, 0, 0};
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

// Items of the threads of a warp, to be dealt out evenly: how many there are before those of this thread, and in all.
struct Dealt {
    i32 before, all;

    // Whose item number `number` is: the last thread before whose items there are not more. All threads ask together.
    DTB_METHOD int owner_of(i32 number) const {
        int owner = 0;
        for (int d = 16; d > 0; d >>= 1)
            owner += __shfl_sync(0xFFFFFFFFu, before, owner + d) <= number ? d : 0;
        return owner;
    }
};

DTB_FN Dealt deal(i32 n) {
    i32 before = n;
    for (int d = 1; d < 32; d <<= 1) {
        const i32 other = __shfl_up_sync(0xFFFFFFFFu, before, d);
        before += (int)(threadIdx.x % 32) >= d ? other : 0;
    }
    return {before - n, __shfl_sync(0xFFFFFFFFu, before, 31)};
}

// The synapses of 32 pairs at a time that have few of them, rule fixed_outdegree: a pair per thread (null: none), whose
// synapses in one part are then dealt out.
DTB_FN void draw_narrow(Coming &coming, Table pair, const Spike &spike, const Team &team) {
    const u32 gid = pair ? (u32)(pair[PAIR_SOURCE_GID0] + spike.source - pair[PAIR_SOURCE0]) : 0u;
    const int splits = pair ? (int)pair[PAIR_SPLITS] : 0;
    int most = splits;
    for (int d = 16; d > 0; d >>= 1) {
        const int other = __shfl_down_sync(0xFFFFFFFFu, most, d);
        most = other > most ? other : most;
    }
    most = __shfl_sync(0xFFFFFFFFu, most, 0);
    Tree tree(pair, gid, team.k0, team.k1, 0, 1);
    for (i64 p = 0; p < (i64)1 << most; ++p) {
        const i32 n = pair && p < (i64)1 << splits ? (i32)tree.next(p) : 0;
        const Dealt dealt = deal(n);
        for (i32 first = team.thread / 32 * 32; first < dealt.all; first += team.width) {
            const i32 number = first + (i32)(threadIdx.x % 32);
            const int owner = dealt.owner_of(number);
            const Table own = at<i64>(__shfl_sync(0xFFFFFFFFu, reinterpret_cast<i64>(pair), owner));
            const i32 i = number - __shfl_sync(0xFFFFFFFFu, dealt.before, owner);
            const u32 source_gid = __shfl_sync(0xFFFFFFFFu, gid, owner);
            if (number >= dealt.all)
                continue;
            const Part part = part_of(own, p);
            const Words words = philox4x32(source_gid, (u32)i, part.gid0, part.c3, team.k0, team.k1);
            const i64 slot = target_slot(part, words, source_gid, own[PAIR_SKIP_SELF] != 0);
            add_synapse(coming, own, draws_of(own), spike, slot, words.w2, words.w3);
        }
    }
}

// All synapses of a spike but those of ordered pairs.
DTB_FN void schedule_procedural(Table lane, Coming &coming, const Spike &spike, const Team &team, i64 ordered_splits) {
    const Table pairs = at<i64>(lane[PROCEDURAL_AT]);
    bool more = true;
    for (i64 k = first_pair(lane, spike.source); more; k += 32) {
        const i64 mine = k + threadIdx.x % 32;
        const Table pair = mine < lane[N_PROCEDURAL] ? pairs + mine * PAIR_FIELDS : nullptr;
        const bool there = pair && pair[PAIR_SOURCE0] <= spike.source;
        const bool direct = there && !is_ordered(pair, ordered_splits);
        const bool narrow = direct && pair[PAIR_RULE] == PAIR_RULE_OUTDEGREE && pair[PAIR_NUMBER] <= PAIR_NARROW;
        if (__any_sync(0xFFFFFFFFu, narrow))
            draw_narrow(coming, narrow ? pair : nullptr, spike, team);
        for (u32 left = __ballot_sync(0xFFFFFFFFu, direct && !narrow); left != 0; left &= left - 1)
            draw_again(coming, pairs + (k + __ffs((int)left) - 1) * PAIR_FIELDS, spike, team);
        more = __ballot_sync(0xFFFFFFFFu, there) == 0xFFFFFFFFu;
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
