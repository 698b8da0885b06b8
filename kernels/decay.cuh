// exp(-n dt / tau) from tables, and float32 in the lower half of a word: the twin of decay.py and history.py.
#pragma once
#include "base.cuh"
#include "elementary.cuh"

// The decay whose address and size stand at `field` of the table; steps >= 0.
DTB_FN float decay(Table table, i64 field, i64 steps) {
    const i64 block = steps >> DECAY_BITS, low = 1ll << DECAY_BITS;
    if (block >= table[field + 1] - low)
        return 0.0f;
    const float *values = at<float>(table[field]);
    return values[steps & (low - 1)] * values[low + block];
}

// high << 32 | the bits of a float32.
DTB_FN i64 with_float(i64 high, float value) {
    return (i64)((u64)high << 32 | (u64)(u32)dtb_elementary::dtb_float_bits(value));
}

DTB_FN float float_of(i64 word) { return dtb_elementary::dtb_bits_float((i32)(u32)(u64)word); }

DTB_FN i64 larger_of(i64 a, i64 b) { return a > b ? a : b; }

// Row `d` of the lane's table of dynamic projections.
DTB_FN Table dynamic_table(Table lane, i64 d) { return at<i64>(lane[DYNAMIC_AT]) + d * DEVICE_DYNAMIC_FIELDS; }

// Whether spikes of `step` change no weight.
DTB_FN bool is_frozen(Table table, i64 step) {
    const i64 *windows = at<i64>(table[D_FROZEN_AT]);
    for (i64 f = 0; f < table[D_N_FROZEN]; ++f)
        if (windows[2 * f] <= step && step < windows[2 * f + 1])
            return true;
    return false;
}
