// Projections whose synapses change, in the kernels of a step: the twin of dynamic.py and payload_queue.py.
//
// A payload queue is a delay queue whose entries carry more words. The state of a source must advance once per spike, but spikes
// are entered once more where a bucket was too small: so a kernel before (in dynamic.cu) advances the sources and
// leaves what their spikes carry in D_CARRIED_AT, by the number of the spike.
#pragma once
#include "delay_queue.cuh"
#include "factor.cuh"
#include "reward.cuh"
#include "stdp.cuh"
#include "synapse_state.cuh"

// Row of a source candidate, -1: it has none; the twin of used_sources.py.
DTB_FN i64 row_of(Table table, i64 source) {
    const i64 k = source - table[D_SOURCE0];
    if (k < 0 || k >= table[D_N_HEARD])
        return -1;
    if (table[D_USED_AT] == 0)
        return k;
    const i64 *used = at<i64>(table[D_USED_AT]) + 2 * (k >> 6);
    const u64 bits = (u64)used[0], bit = (u64)1 << (k & 63);
    if ((bits & bit) == 0)
        return -1;
    u64 x = bits & (bit - 1);
    x = x - ((x >> 1) & 0x5555555555555555ull);
    x = (x & 0x3333333333333333ull) + ((x >> 2) & 0x3333333333333333ull);
    x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0Full;
    return used[1] + (i64)((x * 0x0101010101010101ull) >> 56);
}

// Room for one more entry of `words` words in one of the two kinds of buckets of a table, 0: too small.
DTB_FN i64 *new_entry(Table rank, Table table, i64 field, i64 slot, i64 words) {
    const i64 capacity = table[field + D_PAYLOAD_CAPACITY - D_PAYLOAD_AT];
    const i32 n = atomicAdd(at<i32>(table[field + D_PAYLOAD_COUNT_AT - D_PAYLOAD_AT]) + slot, 1);
    if (n < capacity)
        return at<i64>(table[field]) + (slot * capacity + n) * words;
    rank[R_OVERFLOW] = 1;
    return nullptr;
}

// Enter what a spike carries into the payload queue of one table; 32 threads do it together. Of the spikes that a source has in
// one step the first is entered `times` times where weights change (in one entry: they must not be changed by several
// threads at once), the others (`times` 0) not at all; where only a factor is carried each is entered by itself.
DTB_FN void schedule_carried(Table rank, Table table, i64 k, i64 spike, i64 step, i64 now, int thread, i64 times) {
    const i64 *rows = at<i64>(table[D_SEGMENT_ROW_AT]) + k;
    const i64 *carried = at<i64>(table[D_CARRIED_AT]) + 2 * spike;
    const i64 first = rows[0], last = rows[1], words = table[D_WORDS];
    const u32 *segments = at<u32>(table[D_SEGMENT_AT]);
    i64 synapse = at<i64>(table[D_ROW_AT])[k];
    if (first == last || (times == 0 && table[D_KIND] >= D_PLASTIC))
        return;
    if (thread == 0 && table[D_KIND] >= D_PLASTIC) { // what the source was before, for catch_up
        i64 *note = new_entry(rank, table, D_NOTES_AT, 0, 2);
        const i64 h = carried[0] >> 32;
        if (note != nullptr) {
            note[0] = (k << 32) | step;
            note[1] = with_float(h == NEVER ? -1 : step - h, float_of(carried[0]));
        }
    }
    for (i64 s = first; s < last; s += 32) {
        const u32 word = s + thread < last ? segments[s + thread] : 0u;
        const i64 delay = (i64)(word >> 16);
        const i32 n = (i32)(word & 0xFFFFu), before = sum_up_to(n, thread, 32);
        i64 *entry = nullptr;
        if (n != 0 && step + delay >= now)
            entry = new_entry(rank, table, D_PAYLOAD_AT, (step + delay) & (rank[R_RING] - 1), words);
        if (entry != nullptr) {
            entry[0] = ((synapse + before - n) << ENTRY_SHIFT) | n;
            entry[1] = carried[0];
            if (words > 2)
                entry[2] = (times << 48) | (delay << 32) | carried[1];
        }
        synapse += __shfl_sync(0xFFFFFFFFu, before, 31);
    }
}

// Enter a spike of source candidate `source`, number `spike` of those that are being entered, into all payload queues.
DTB_FN void schedule_dynamic(
    Table rank, Table lane, i64 source, i64 spike, i64 step, i64 now, int thread, i64 times
) {
    for (i64 d = 0; d < lane[N_DYNAMIC]; ++d) {
        const Table table = dynamic_table(lane, d);
        const i64 k = row_of(table, source);
        if (k >= 0)
            schedule_carried(rank, table, k, spike, step, now, thread, times);
    }
}

// Deliver what is due at `step`, DTB_TOGETHER threads per entry; returns the events that this thread stands for.
DTB_FN i64 deliver_dynamic(Table rank, Table lane, i64 step, Share share) {
    const i64 slot = step & (rank[R_RING] - 1);
    const int thread = (int)(share.first % DTB_TOGETHER);
    i64 events = 0;
    for (i64 d = 0; d < lane[N_DYNAMIC]; ++d) {
        const Table table = dynamic_table(lane, d);
        const i64 words = table[D_WORDS], kind = table[D_KIND], n = at<i32>(table[D_PAYLOAD_COUNT_AT])[slot];
        const i64 *entries = at<i64>(table[D_PAYLOAD_AT]) + slot * table[D_PAYLOAD_CAPACITY] * words;
        for (i64 e = share.first / DTB_TOGETHER; e < n; e += share.stride / DTB_TOGETHER) {
            const i64 *entry = entries + e * words;
            if (kind == D_MODULATED)
                deliver_rewarded(lane, table, entry, step, thread);
            else if (kind == D_STATEFUL)
                deliver_stateful(lane, table, entry, step, thread);
            else if (kind >= D_PLASTIC)
                deliver_plastic(lane, table, entry, step, thread);
            else
                deliver_factors(lane, table, entry, thread);
            if (thread == 0)
                events += (entry[0] & ((1 << ENTRY_SHIFT) - 1)) * (kind >= D_PLASTIC ? entry[2] >> 48 : 1);
        }
    }
    return events;
}

// The buckets of a step that has been delivered are empty; one thread does it.
DTB_FN void clear_payload_queues(Table lane, i64 slot) {
    for (i64 d = 0; d < lane[N_DYNAMIC]; ++d) {
        const Table table = dynamic_table(lane, d);
        at<i32>(table[D_PAYLOAD_COUNT_AT])[slot] = 0;
        at<i32>(table[D_PAYLOAD_BEFORE_AT])[slot] = 0;
    }
}

// Keep the counts of payload queues and notes, which stay if spikes have to be entered twice; one block does it.
DTB_FN void keep_dynamic_counts(Table rank, Table lane) {
    for (i64 d = 0; d < lane[N_DYNAMIC]; ++d) {
        const Table table = dynamic_table(lane, d);
        const i32 *counts = at<i32>(table[D_PAYLOAD_COUNT_AT]);
        i32 *before = at<i32>(table[D_PAYLOAD_BEFORE_AT]);
        for (i64 slot = threadIdx.x; slot < rank[R_RING]; slot += blockDim.x)
            before[slot] = counts[slot];
        if (threadIdx.x == 0 && table[D_KIND] >= D_PLASTIC)
            *at<i32>(table[D_NOTES_BEFORE_AT]) = *at<i32>(table[D_NOTES_COUNT_AT]);
    }
}
