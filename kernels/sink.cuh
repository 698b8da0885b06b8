// Where generated synapses go: the twin of that part of sink.py.
#pragma once
#include "draws.cuh"

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
