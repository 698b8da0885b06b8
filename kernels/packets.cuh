// Packing spikes into fixed-size packets, one per destination rank, and taking them out again; twin of packets.py.
//
// A packet is PACKET words of uint64: the number of entries, then the entries step << 32 | gid. Their order inside a
// packet depends on the order of threads, which changes nothing: a delay queue counts what is due in a step, and delivery
// adds integers. What does need an order (synapses that change) finds it in the steps of the entries.
#pragma once
#include "populations.cuh"

constexpr u64 PACKET_OVERFLOW = 1ull << OVERFLOW_BIT;

// Put a spike into the packets of the ranks that need it. Where it does not fit it is only counted.
DTB_FN void put(Table exchange, i64 entry, u64 *packets) {
    const i64 n_ranks = exchange[E_N_RANKS], words = exchange[E_PACKET_WORDS];
    const i64 population = population_of(at<i64>(exchange[E_GID_STARTS_AT]), exchange[E_N_POPULATIONS], entry & 0xFFFFFFFFll);
    const u8 *needs = at<u8>(exchange[E_NEEDS_AT]) + population;
    i64 *counts = at<i64>(exchange[E_COUNT_AT]);
    for (i64 r = 0; r < n_ranks; ++r) {
        if (r == exchange[E_RANK] || needs[r * exchange[E_N_POPULATIONS]] == 0)
            continue;
        const i64 n = take_from(counts + r, 1) + 1;
        if (n < words)
            packets[r * words + n] = (u64)entry;
    }
}

// One thread, when all spikes are put: the first words, and what the host has to know. Where some packet is too small,
// each holds PACKET_OVERFLOW alone, the own one too, and the spikes travel in a second round.
DTB_FN void seal(Table rank, Table exchange, u64 *packets) {
    const i64 n_ranks = exchange[E_N_RANKS], words = exchange[E_PACKET_WORDS];
    i64 *counts = at<i64>(exchange[E_COUNT_AT]);
    i64 most = 0;
    for (i64 r = 0; r < n_ranks; ++r) {
        const i64 n = read_shared_word(counts + r);
        most = n > most ? n : most;
    }
    for (i64 r = 0; r < n_ranks; ++r) {
        packets[r * words] = most < words ? (u64)read_shared_word(counts + r) : PACKET_OVERFLOW;
        counts[r] = 0;
    }
    rank[R_PACKETS_FULL] = most < words ? 0 : 1;
}

// What rank r has sent here, in entries; -1: it overflowed. The own packet tells whether this rank did.
DTB_FN i64 arrived_from(Table exchange, const u64 *received, const u64 *sent, i64 r) {
    const u64 *packets = r == exchange[E_RANK] ? sent : received;
    const u64 first = packets[r * exchange[E_PACKET_WORDS]];
    if (first == PACKET_OVERFLOW)
        return -1;
    return r == exchange[E_RANK] ? 0 : (i64)first;
}
