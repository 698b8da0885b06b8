// Packing spikes into messages, one for each neighbouring rank, and taking them out again; twin of packets.py.
//
// A message is a number of uint64 words: word 0 is the number of entries, then the entries step << 32 | gid. Their order
// depends on the order of threads, which changes nothing: a delay queue counts what is due in a step, and delivery adds
// integers. What does need an order (synapses that change) finds it in the steps of the entries.
#pragma once
#include "populations.cuh"

constexpr u64 PACKET_OVERFLOW = 1ull << OVERFLOW_BIT;

// Put a spike into the messages of the ranks that need it. Where it has no room it is only counted.
DTB_FN void put(Table exchange, i64 entry, u64 *packets) {
    const i64 population = population_of(at<i64>(exchange[E_GID_STARTS_AT]), exchange[E_N_POPULATIONS], entry & 0xFFFFFFFFll);
    const i64 *first = at<i64>(exchange[E_FIRST_AT]) + population;
    const i32 *wanted_by = at<i32>(exchange[E_WANTED_BY_AT]);
    const i64 *starts = at<i64>(exchange[E_OUT_AT]);
    i64 *counts = at<i64>(exchange[E_COUNT_AT]);
    for (i64 k = first[0]; k < first[1]; ++k) {
        const i64 m = wanted_by[k];
        const i64 n = take_from(counts + m, 1) + 1;
        if (n < starts[m + 1] - starts[m])
            packets[starts[m] + n] = (u64)entry;
    }
}

// One thread, when all spikes are put: the first words, and what the host has to know. A message that is too small
// counts for nothing: its spikes travel in a second one of just their size.
DTB_FN void seal(Table rank, Table exchange, u64 *packets) {
    const i64 *starts = at<i64>(exchange[E_OUT_AT]);
    i64 *counts = at<i64>(exchange[E_COUNT_AT]);
    i64 full = 0;
    for (i64 m = 0; m < exchange[E_N_OUT]; ++m) {
        const i64 n = read_shared_word(counts + m);
        const bool fits = n < starts[m + 1] - starts[m];
        packets[starts[m]] = fits ? (u64)n : PACKET_OVERFLOW | (u64)n;
        full += fits ? 0 : 1;
        counts[m] = 0;
    }
    rank[R_PACKETS_FULL] = full;
}

// Entries of message m of those received; -1: it was too small.
DTB_FN i64 arrived_in(Table exchange, const u64 *received, i64 m) {
    const u64 first = received[at<i64>(exchange[E_IN_AT])[m]];
    return first >= PACKET_OVERFLOW ? -1 : (i64)first;
}
