// Synapses whose transmission depends on the history of their source alone: the twin of factor.py.
#pragma once
#include "decay.cuh"
#include "rules.cuh"

// Factor (2**15 is 1) of a spike of source `k` of the table at `step`; advances the source's state.
DTB_FN i64 next_factor(Table table, i64 k, i64 step) {
    i32 *last = at<i32>(table[D_LAST_AT]) + k;
    float *state = at<float>(table[D_TRACE_AT]) + 2 * k;
    const float *p = at<float>(table[D_PARAMETERS_AT]);
    const bool first = *last < 0;
    const float decay0 = first ? 0.0f : decay(table, D_DECAY_AT, step - *last);
    const float decay1 = first ? 0.0f : decay(table, D_DECAY1_AT, step - *last);
    float factor = dtb_synapses::transmitted(table[D_RULE], p, state, decay0, decay1);
    *last = (i32)step;
    factor = factor > 0.0f ? factor : 0.0f;
    factor = factor < 1.0f ? factor : 1.0f;
    return (i64)(factor * (float)(1 << D_FACTOR_BITS) + 0.5f);
}

DTB_FN i64 scaled(i64 weight, i64 factor) { return (weight * factor + (1ll << (D_FACTOR_BITS - 1))) >> D_FACTOR_BITS; }

// Add weight * factor of one entry to the input vector: synapses `thread`, thread + DTB_TOGETHER, ...
DTB_FN void deliver_factors(Table lane, Table table, const i64 *entry, int thread) {
    const i64 first = entry[0] >> ENTRY_SHIFT, factor = entry[1];
    const i32 n = (i32)(entry[0] & ((1 << ENTRY_SHIFT) - 1));
    const u32 *targets = at<u32>(table[D_TARGET_AT]) + first;
    if (lane[SYNAPSE_KIND] == KIND_WIDE64) {
        const i32 *weights = at<i32>(table[D_WEIGHT_AT]) + first;
        for (i32 j = thread; j < n; j += DTB_TOGETHER)
            add_to_global(at<i64>(lane[ACC_AT]) + targets[j], scaled(weights[j], factor));
        return;
    }
    i32 *acc = at<i32>(lane[ACC_AT]);
    for (i32 j = thread; j < n; j += DTB_TOGETHER) {
        if (table[D_SYNAPSE_KIND] == KIND_PACKED)
            add_to_global(acc + (targets[j] & 0xFFFFu), (i32)scaled((i32)targets[j] >> 16, factor));
        else if (table[D_SYNAPSE_KIND] == KIND_WIDE16)
            add_to_global(acc + targets[j], (i32)scaled((at<i16>(table[D_WEIGHT_AT]) + first)[j], factor));
        else
            add_to_global(acc + targets[j], (i32)scaled((at<i32>(table[D_WEIGHT_AT]) + first)[j], factor));
    }
}
