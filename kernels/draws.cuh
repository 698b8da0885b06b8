// Weights and delays of synapses: the twin of that part of row_writer.py.
#pragma once
#include "base.cuh"

struct Draws {
    i64 weight;
    const i64 *weight_table;  // null: the weight is constant
    i64 delay;
    const i64 *delay_table;
    i64 max_delay;
};

// Those of a pair of populations.
DTB_FN Draws draws_of(Table pair) {
    return {
        pair[PAIR_WEIGHT], at<i64>(pair[PAIR_WEIGHT_TABLE_AT]), pair[PAIR_DELAY], at<i64>(pair[PAIR_DELAY_TABLE_AT]),
        pair[PAIR_MAX_DELAY],
    };
}

// Fixed-point value of an inverse-CDF table at a uniform word.
DTB_FN i64 interpolate(const i64 *table, u32 word) {
    const i64 low = table[word >> 16], high = table[(word >> 16) + 1];
    return low + (((high - low) * (i64)(word & 0xFFFFu)) >> 16);
}

// Weight in quanta.
DTB_FN i64 draw_weight(const Draws &draws, u32 word, i64 factor) {
    const i64 one = (i64)1 << DRAW_FACTOR_BITS;
    if (!draws.weight_table && factor == one)
        return draws.weight;
    i64 value = draws.weight_table ? interpolate(draws.weight_table, word) : draws.weight * (1 << DRAW_WEIGHT_BITS);
    if (factor != one)
        value = (value * factor) >> DRAW_FACTOR_BITS;
    return (value + (1 << (DRAW_WEIGHT_BITS - 1))) >> DRAW_WEIGHT_BITS;
}

// Delay around a packed mean, in 2**-DRAW_DELAY_BITS steps; words that give too short ones are left out.
DTB_FN i64 spread_delay(const i64 *table, u32 word, i64 own) {
    const u64 first = (u64)own >> 32;
    const u64 moved = first + (((u64)word * ((1ull << 32) - first)) >> 32);
    const i64 value = interpolate(table, (u32)moved), mean = own & 0x7FFFFFFF;
    if (own & (1ll << 31))
        return value + (mean << (DRAW_DELAY_BITS - DRAW_MEAN_BITS));
    return (value * mean) >> DRAW_MEAN_BITS;
}

// Delay in steps, between 1 and the projection's maximum.
DTB_FN i64 draw_delay(const Draws &draws, u32 word, i64 own) {
    if (!draws.delay_table)
        return own > 0 ? own : draws.delay;
    i64 value = own ? spread_delay(draws.delay_table, word, own) : interpolate(draws.delay_table, word);
    value = (value + (1 << (DRAW_DELAY_BITS - 1))) >> DRAW_DELAY_BITS;
    return value < 1 ? 1 : value > draws.max_delay ? draws.max_delay : value;
}
