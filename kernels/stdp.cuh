// Spike-timing dependent plasticity at arrival: the twin of stdp.py. A thread changes one synapse at a time; entries that
// are due in the same step are of different synapses, so no two threads change the same one.
#pragma once
#include "history.cuh"
#include "rules.cuh"

// Into the bounds, to a whole number; float32 again. From 2^23 on every float is whole, and a half would tie.
DTB_FN float rounded(const float *p, float w) {
    const float smallest = p[D_P_MIN], largest = p[D_P_MAX];
    w = w > smallest ? w : smallest;
    w = w < largest ? w : largest;
    return (float)(i32)(w + (w < 8388608.0f ? 0.5f : 0.0f));
}

// What a spike of a source brings along, second and third word of its entries (delay left out); advances its traces.
DTB_FN void source_spike(Table table, i64 k, i64 step, i64 *carried) {
    i32 *last = at<i32>(table[D_LAST_AT]) + k;
    float *trace = at<float>(table[D_TRACE_AT]) + 2 * k;
    const i64 h = *last < 0 ? NEVER : step - *last;
    carried[0] = with_float(h, trace[0]);
    float slow = trace[1];
    if (*last >= 0) {
        trace[0] = trace[0] * decay(table, D_DECAY_AT, h);
        slow = slow * decay(table, D_DECAY2_AT, h);
    }
    carried[1] = with_float(0, slow);
    trace[0] += 1.0f;
    trace[1] = slow + 1.0f;
    *last = (i32)step;
}

// Weight after the target's spikes `first` .. `stop` (exclusive); the source's trace was `trace` at `from_step`.
DTB_FN float take_in(Table table, const History &target, float w, i64 first, i64 stop, i64 from_step, float trace) {
    const float *p = at<float>(table[D_PARAMETERS_AT]);
    for (i64 m = first; m < stop; ++m) {
        const i64 t = step_of(target, m);
        if (table[D_N_FROZEN] > 0 && is_frozen(table, t))
            continue;
        const float now = trace * decay(table, D_DECAY_AT, t - from_step);
        w = rounded(p, dtb_synapses::on_target_spike(table[D_RULE], p, w, now, slow_of(target, m)));
    }
    return w;
}

// The spike that reaches a synapse at `step`: the words of its entry, taken apart.
struct Arrival {
    i64 step, delay, times, h, until, since;
    float trace, slow;
    bool frozen;
};

DTB_FN Arrival arrival_of(Table table, const i64 *entry, i64 step) {
    const i64 h = entry[1] >> 32, delay = (entry[2] >> 32) & 0xFFFF, times = entry[2] >> 48;
    const i64 until = step - 2 * delay; // the last step at which a target's spike meets the synapse before the source's
    const bool frozen = table[D_N_FROZEN] > 0 && is_frozen(table, step - delay);
    return {step, delay, times, h, until, h == NEVER ? -1 : until - h, float_of(entry[1]), float_of(entry[2]), frozen};
}

// Weight of a synapse of target `i` after the spike has arrived.
DTB_FN i32 weight_after(Table table, const Arrival &spike, i64 i, i32 weight) {
    const History target = history_of(table, i);
    const i64 stop = stop_at(target, spike.until, target.count);
    const bool alone = table[D_PAIRS_ONLY] == 0;
    if (stop == target.start && !alone)
        return weight;
    float w = (float)weight;
    if (spike.h != NEVER || alone) {
        const i64 begin = stop_at(target, larger_of(spike.since, table[D_APPLIED]), stop);
        w = take_in(table, target, w, begin, stop, spike.since, spike.trace);
    }
    i64 met = stop - 1;
    while (met >= target.start && step_of(target, met) == spike.until)
        --met; // pairs at exactly the same time do not count
    if ((met >= target.start || alone) && !spike.frozen) {
        const float *p = at<float>(table[D_PARAMETERS_AT]);
        float seen = 0.0f;
        if (met >= target.start)
            seen = trace_of(target, met) * decay(table, D_DECAY1_AT, spike.until - step_of(target, met));
        w = rounded(p, dtb_synapses::on_source_spike(table[D_RULE], p, w, seen, spike.slow));
    }
    return (i32)w;
}

// Change and deliver the synapses of one entry: synapses `thread`, thread + DTB_TOGETHER, ...
DTB_FN void deliver_plastic(Table lane, Table table, const i64 *entry, i64 step, int thread) {
    const Arrival spike = arrival_of(table, entry, step);
    const i64 first = entry[0] >> ENTRY_SHIFT;
    const i32 n = (i32)(entry[0] & ((1 << ENTRY_SHIFT) - 1));
    const u32 *targets = at<u32>(table[D_TARGET_AT]) + first;
    i32 *weights = at<i32>(table[D_WEIGHT_AT]) + first;
    for (i32 j = thread; j < n; j += DTB_TOGETHER) {
        const i64 slot = targets[j];
        const i32 before = weights[j];
        i32 w = weight_after(table, spike, slot - table[D_SLOT0], before);
        add_weight(lane, table, slot, w);
        Arrival next = spike; // further spikes of the source in the same step
        for (i64 k = 1; k < spike.times; ++k) {
            next.h = 0;
            next.since = next.until;
            next.slow += 1.0f;
            w = weight_after(table, next, slot - table[D_SLOT0], w);
            add_weight(lane, table, slot, w);
        }
        if (w != before)
            weights[j] = w;
    }
}
