// Spikes of the targets of a plastic projection, kept until every synapse has seen them: the twin of history.py.
//
// A ring never overflows: what leaves no room for the spikes of another step sets R_OVERFLOW, and the host enlarges the
// ring before that.
#pragma once
#include "decay.cuh"
#include "drives.cuh"

// What is kept of one target; spikes are numbered, those from `start` to before `count` are there.
struct History {
    const i64 *ring;
    i64 mask, words, start, count;
};

DTB_FN i64 step_of(const History &target, i64 m) { return target.ring[(m & target.mask) * target.words] >> 32; }
DTB_FN float trace_of(const History &target, i64 m) { return float_of(target.ring[(m & target.mask) * target.words]); }
DTB_FN float slow_of(const History &target, i64 m) {
    return target.words > 1 ? float_of(target.ring[(m & target.mask) * target.words + 1]) : 0.0f;
}

// One past the last spike up to step `until`, of those before `stop`.
DTB_FN i64 stop_at(const History &target, i64 until, i64 stop) {
    while (stop > target.start && step_of(target, stop - 1) > until)
        --stop;
    return stop;
}

DTB_FN History history_of(Table table, i64 i) {
    const i64 capacity = table[D_HISTORY_CAPACITY], words = table[D_HISTORY_WORDS];
    return {
        at<i64>(table[D_HISTORY_AT]) + i * capacity * words, capacity - 1, words,
        (i64)at<i32>(table[D_HISTORY_START_AT])[i], (i64)at<i32>(table[D_HISTORY_COUNT_AT])[i]
    };
}

// Enter a spike of target `i`, which one thread owns.
DTB_FN void remember(Table rank, Table table, i64 i, i64 step) {
    const History known = history_of(table, i);
    const i64 capacity = known.mask + 1, words = known.words;
    i64 *ring = at<i64>(table[D_HISTORY_AT]) + i * capacity * words;
    float trace = 0.0f, slow = 0.0f;
    if (known.count > known.start) {
        const i64 last = known.count - 1, h = step - step_of(known, last);
        trace = trace_of(known, last) * decay(table, D_DECAY1_AT, h);
        if (words > 1)
            slow = (slow_of(known, last) + 1.0f) * decay(table, D_DECAY3_AT, h);
    }
    const i64 place = (known.count & known.mask) * words;
    ring[place] = with_float(step, trace + 1.0f);
    if (words > 1)
        ring[place + 1] = with_float(0, slow);
    at<i32>(table[D_HISTORY_COUNT_AT])[i] = (i32)(known.count + 1);
    if (known.count + 1 - known.start + table[D_HISTORY_ROOM] > capacity)
        rank[R_OVERFLOW] = 1;
}

// Enter a spike of a neuron into the histories of the lane's plastic projections.
DTB_FN void remember_spike(Table rank, Table lane, i64 local, i64 step) {
    for (i64 d = 0; d < lane[N_DYNAMIC]; ++d) {
        const Table table = dynamic_table(lane, d);
        const i64 i = local - table[D_LOCAL0];
        if (table[D_KIND] >= D_PLASTIC && i >= 0 && i < table[D_N_TARGETS])
            remember(rank, table, i, step);
    }
}

// Add a weight in fine quanta to an input slot.
DTB_FN void add_weight(Table lane, Table table, i64 slot, i64 weight) {
    const i64 shift = table[D_SHIFT], half = (1ll << shift) >> 1;
    input_of(lane).add(slot, table[D_SIGN], (weight + half) >> shift);
}
