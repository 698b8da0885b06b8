// Where generated synapses go, and their weights and delays: the twin of sink.py.
#pragma once
#include "base.cuh"

// Counts of a lane's rows, or the rows themselves.
struct Sink {
    i64 kind;
    i32 *counts;  // null: synapses are written
    i64 *cursor;
    u32 *targets;
    i64 weights_at;
    i64 delays_at;
    bool wide_delays;
};

DTB_FN Sink sink_of(Table rows) {
    return {
        rows[B_KIND], at<i32>(rows[B_COUNT_AT]), at<i64>(rows[B_CURSOR_AT]), at<u32>(rows[B_TARGET_AT]),
        rows[B_WEIGHT_AT], rows[B_DELAY_AT], rows[B_WIDE_DELAYS] != 0,
    };
}

struct Draws {
    i64 weight;
    const i64 *weight_table;  // null: constant
    i64 delay;
    const i64 *delay_table;
    i64 max_delay;
};

// Fixed-point value of an inverse-CDF table at a uniform word.
DTB_FN i64 interpolate(const i64 *table, u32 word) {
    const i64 low = table[word >> 16], high = table[(word >> 16) + 1];
    return low + (((high - low) * (i64)(word & 0xFFFFu)) >> 16);
}

// Weight in quanta.
DTB_FN i64 draw_weight(const Draws &draws, u32 word, i64 factor) {
    const i64 one = (i64)1 << FACTOR_BITS;
    if (!draws.weight_table && factor == one)
        return draws.weight;
    i64 value = draws.weight_table ? interpolate(draws.weight_table, word)
                                   : draws.weight * ((i64)1 << FRACTION_BITS_WEIGHT);
    if (factor != one)
        value = (value * factor) >> FACTOR_BITS;
    return (value + ((i64)1 << (FRACTION_BITS_WEIGHT - 1))) >> FRACTION_BITS_WEIGHT;
}

// Delay in steps, between 1 and the projection's maximum.
DTB_FN i64 draw_delay(const Draws &draws, u32 word, i64 own) {
    if (own > 0)
        return own;
    if (!draws.delay_table)
        return draws.delay;
    const i64 rounded = interpolate(draws.delay_table, word) + ((i64)1 << (FRACTION_BITS_DELAY - 1));
    const i64 value = rounded >> FRACTION_BITS_DELAY;
    return value < 1 ? 1 : value > draws.max_delay ? draws.max_delay : value;
}

// Write one synapse at its source's cursor.
DTB_FN void put(const Sink &sink, i64 source, i64 slot, i64 weight, i64 delay) {
    const i64 here = take_from(sink.cursor + source, 1);
    if (sink.kind == KIND_PACKED) {
        sink.targets[here] = (u32)slot | ((u32)(i32)weight << 16);
    } else {
        sink.targets[here] = (u32)slot;
        if (sink.kind == KIND_WIDE16)
            at<i16>(sink.weights_at)[here] = (i16)weight;
        else
            at<i32>(sink.weights_at)[here] = (i32)weight;
    }
    if (sink.wide_delays)
        at<u16>(sink.delays_at)[here] = (u16)delay;
    else
        at<u8>(sink.delays_at)[here] = (u8)delay;
}
