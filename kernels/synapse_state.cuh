// Synapses that have states of their own beside their weight: the twin of synapse_state.py.
#pragma once
#include "history.cuh"
#include "rules.cuh"
#include "stdp.cuh"

// A synapse: weight in fine quanta, the step of the last spike that it has seen, and its states.
struct Stateful {
    float w;
    i64 event;
    float states[4];
};

// States are in rows of `total`, one per synapse.
DTB_FN i64 synapses_of(Table table) { return at<i64>(table[D_ROW_AT])[table[D_N_SOURCES]]; }

DTB_FN Stateful stateful_of(Table table, i64 total, i64 j) {
    const float *states = at<float>(table[D_STATES_AT]) + j;
    const i64 n = table[D_N_STATES];
    return { // indices that are known keep the states in registers
        (float)at<i32>(table[D_WEIGHT_AT])[j], at<i32>(table[D_EVENT_AT])[j],
        {n > 0 ? states[0] : 0.0f, n > 1 ? states[total] : 0.0f, n > 2 ? states[2 * total] : 0.0f,
         n > 3 ? states[3 * total] : 0.0f}
    };
}

DTB_FN void keep_stateful(Table table, i64 total, i64 j, const Stateful &synapse) {
    at<i32>(table[D_WEIGHT_AT])[j] = (i32)synapse.w;
    at<i32>(table[D_EVENT_AT])[j] = (i32)synapse.event;
    float *states = at<float>(table[D_STATES_AT]) + j;
    const i64 n = table[D_N_STATES];
    if (n > 0)
        states[0] = synapse.states[0];
    if (n > 1)
        states[total] = synapse.states[1];
    if (n > 2)
        states[2 * total] = synapse.states[2];
    if (n > 3)
        states[3 * total] = synapse.states[3];
}

// Carry it to step `now`, where a spike of its source or target reaches it.
DTB_FN void carry_stateful(Table table, Stateful &synapse, i64 now, bool of_source) {
    const float *p = at<float>(table[D_PARAMETERS_AT]);
    const float interval_ms = (float)(now - synapse.event) * p[D_P_DT];
    float w = dtb_synapses::between(table[D_RULE], p, interval_ms, synapse.w, synapse.states);
    w = of_source ? dtb_synapses::stateful_source_spike(table[D_RULE], p, w, synapse.states)
                  : dtb_synapses::stateful_target_spike(table[D_RULE], p, w, synapse.states);
    synapse.w = rounded(p, w);
    synapse.event = now;
}

// The target's spikes that the synapse has not seen.
DTB_FN void take_in_stateful(Table table, Stateful &synapse, const History &target) {
    const i64 first = stop_at(target, synapse.event - 1, target.count);
    for (i64 m = first; m < target.count; ++m)
        carry_stateful(table, synapse, step_of(target, m) + 1, false);
}

// Change and deliver the synapses of one entry: as deliver_plastic.
DTB_FN void deliver_stateful(Table lane, Table table, const i64 *entry, i64 step, int thread) {
    const i64 first = entry[0] >> ENTRY_SHIFT, times = entry[2] >> 48, total = synapses_of(table);
    const i64 stop = first + (entry[0] & ((1 << ENTRY_SHIFT) - 1));
    for (i64 j = first + thread; j < stop; j += DTB_TOGETHER) {
        const i64 slot = at<u32>(table[D_TARGET_AT])[j];
        Stateful synapse = stateful_of(table, total, j);
        take_in_stateful(table, synapse, history_of(table, slot - table[D_SLOT0]));
        for (i64 k = 0; k < times; ++k) { // spikes of the source in the same step
            carry_stateful(table, synapse, step, true);
            add_weight(lane, table, slot, (i64)synapse.w);
        }
        keep_stateful(table, total, j, synapse);
    }
}

// Let the synapses see the spikes of their targets so far.
DTB_FN void catch_up_stateful(Table table, Share share) {
    const i64 total = synapses_of(table);
    for (i64 j = share.first; j < total; j += share.stride) {
        Stateful synapse = stateful_of(table, total, j);
        take_in_stateful(table, synapse, history_of(table, at<u32>(table[D_TARGET_AT])[j] - table[D_SLOT0]));
        keep_stateful(table, total, j, synapse);
    }
}
