// Where generated synapses go: the twin of that part of row_writer.py.
#pragma once
#include "draws.cuh"

// Counts of a lane's rows, or the rows themselves.
struct RowWriter {
    i64 kind;
    i32 *counts;  // null: synapses are written
    i64 *cursor;
    u32 *targets;
    i64 weights_at;
    i64 delays_at;
    bool wide_delays;
};

DTB_FN RowWriter sink_of(Table rows) {
    return {
        rows[B_KIND], at<i32>(rows[B_COUNT_AT]), at<i64>(rows[B_CURSOR_AT]), at<u32>(rows[B_TARGET_AT]),
        rows[B_WEIGHT_AT], rows[B_DELAY_AT], rows[B_WIDE_DELAYS] != 0,
    };
}

// Write one synapse at its source's cursor.
DTB_FN void put(const RowWriter &writer, i64 source, i64 slot, i64 weight, i64 delay) {
    const i64 here = take_from(writer.cursor + source, 1);
    if (writer.kind == KIND_PACKED) {
        writer.targets[here] = (u32)slot | ((u32)(i32)weight << 16);
    } else {
        writer.targets[here] = (u32)slot;
        if (writer.kind == KIND_WIDE16)
            at<i16>(writer.weights_at)[here] = (i16)weight;
        else
            at<i32>(writer.weights_at)[here] = (i32)weight;
    }
    if (writer.wide_delays)
        at<u16>(writer.delays_at)[here] = (u16)delay;
    else
        at<u8>(writer.delays_at)[here] = (u8)delay;
}
