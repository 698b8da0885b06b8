// Plasticity that dopamine turns into weights: the twin of reward.py.
#pragma once
#include "history.cuh"
#include "rules.cuh"

// Note a spike of source candidate `source` if it belongs to the dopamine population.
DTB_FN void release(Table table, i64 source, i64 step) {
    if (at<u8>(table[D_DOPAMINE_AT])[source] != 0)
        add_to(at<i32>(table[D_RELEASED_AT]) + (step - table[D_CELL0] * table[D_INTERVAL]), 1);
}

// Tabulate F as far as the spikes that are known when `step` begins allow; one thread does it.
DTB_FN void integrate(Table table, i64 step) {
    const i64 interval = table[D_INTERVAL];
    const float *p = at<float>(table[D_PARAMETERS_AT]);
    const float *fade = at<float>(table[D_CELL_AT]) + interval + 1;
    const i32 *released = at<i32>(table[D_RELEASED_AT]);
    float *integral = at<float>(table[D_INTEGRAL_AT]), *level = at<float>(table[D_LEVEL_AT]);
    i64 *known = at<i64>(table[D_CLOCK_AT]), *level_step = known + 1;
    for (i64 t = *known; t <= step - table[D_SHORTEST]; ++t) {
        const i64 cell = t / interval - table[D_CELL0], m = t % interval;
        float n = *level * decay(table, D_DECAY3_AT, t - *level_step);
        const i32 count = released[cell * interval + m];
        if (count != 0) { // decays from here, so that errors do not add up step by step
            n += (float)count * p[D_P_RELEASE];
            *level = n;
            *level_step = t;
        }
        float change = fade[m] * (n * p[D_P_GAIN] - p[D_P_LOSS]);
        if (table[D_N_FROZEN] > 0 && is_frozen(table, t))
            change = 0.0f;
        float *now = integral + cell * (interval + 1) + m;
        now[1] = now[0] + change;
        *known = t + 1;
    }
}

// Weight after a change, rounded to a whole number and bounded.
DTB_FN i32 changed(const float *p, i64 w, float change) {
    const float most = 16777216.0f; // 2**24
    change = change > -most ? change : -most;
    change = change < most ? change : most;
    const i32 whole = change >= 0.0f ? (i32)(change + 0.5f) : -(i32)(0.5f - change);
    const i64 least = (i32)p[D_P_MIN], largest = (i32)p[D_P_MAX];
    w = larger_of(w + whole, least);
    return (i32)(w < largest ? w : largest);
}

// A synapse: weight in fine quanta and eligibility.
struct Eligible {
    i32 w;
    float c;
};

// The synapse at step `end`, cell by cell from `now` on. `first` .. `stop` (exclusive): the spikes of the target that it
// meets in between; `trace` was the source's at its last spike `last`.
DTB_FN Eligible advanced(
    Table table, Eligible synapse, const History &target, i64 first, i64 stop, i64 delay, i64 last, float trace, i64 now,
    i64 end
) {
    const i64 interval = table[D_INTERVAL], cell = now / interval;
    const float *p = at<float>(table[D_PARAMETERS_AT]);
    const float *growth = at<float>(table[D_CELL_AT]);
    i64 begin = cell * interval;
    const float *F = at<float>(table[D_INTEGRAL_AT]) + (cell - table[D_CELL0] * (interval + 1)); // F[t]
    float c = synapse.c;
    i32 w = synapse.w;
    i64 m = first;
    const float gained = dtb_synapses::on_target_spike(table[D_RULE], p, 0.0f, trace, 0.0f);
    while (now < end && (m < stop || c != 0.0f)) {
        const i64 edge = end < begin + interval ? end : begin + interval;
        float change = 0.0f;
        while (m < stop && step_of(target, m) + delay <= edge) {
            const i64 t = step_of(target, m) + delay;
            change += c * (F[t] - F[now]);
            c += gained * decay(table, D_DECAY_AT, t - last) * growth[t - begin];
            now = t;
            ++m;
        }
        change += c * (F[edge] - F[now]);
        w = changed(p, w, change);
        if (edge == begin + interval) {
            c *= growth[2 * interval + 1];
            if (c < (float)1e-15 && -c < (float)1e-15) // subnormal numbers are slow on the CPU
                c = 0.0f;
        }
        now = edge;
        begin += interval;
        F += 1;
    }
    return {w, c};
}

// Change the synapses of one entry, and add them to the input with `add`: as deliver_plastic.
DTB_FN void deliver_rewarded(Table lane, Table table, const i64 *entry, i64 step, int thread) {
    const float *p = at<float>(table[D_PARAMETERS_AT]);
    const i64 first = entry[0] >> ENTRY_SHIFT, h = entry[1] >> 32, delay = (entry[2] >> 32) & 0xFFFF;
    const i64 times = entry[2] >> 48;
    const i32 n = (i32)(entry[0] & ((1 << ENTRY_SHIFT) - 1));
    const float trace = float_of(entry[1]);
    const i64 spike = step - delay;
    const i64 until = spike - delay; // the last step at which a target's spike meets the synapse before the source's
    const i64 since = larger_of(spike - h, table[D_APPLIED]);
    const float now = at<float>(table[D_CELL_AT])[spike % table[D_INTERVAL]];
    const u32 *targets = at<u32>(table[D_TARGET_AT]) + first;
    i32 *weights = at<i32>(table[D_WEIGHT_AT]) + first;
    float *eligibility = at<float>(table[D_ELIGIBILITY_AT]) + first;
    for (i32 j = thread; j < n; j += DTB_TOGETHER) {
        const i64 slot = targets[j];
        const History target = history_of(table, slot - table[D_SLOT0]);
        Eligible synapse = {weights[j], eligibility[j]};
        const i64 stop = stop_at(target, until, target.count);
        if (h != NEVER) {
            const i64 begin = stop_at(target, since - delay, stop);
            synapse = advanced(table, synapse, target, begin, stop, delay, spike - h, trace, since, spike);
            weights[j] = synapse.w;
        }
        i64 met = stop - 1;
        while (met >= target.start && step_of(target, met) == until)
            --met; // pairs at exactly the same time do not depress
        for (i64 k = 0; k < times; ++k) { // spikes of the source in the same step
            if (met >= target.start)
                synapse.c += dtb_synapses::on_source_spike(table[D_RULE], p, 0.0f, trace_of(target, met), 0.0f)
                    * decay(table, D_DECAY1_AT, until - step_of(target, met)) * now;
            add_weight(lane, table, slot, synapse.w);
        }
        eligibility[j] = synapse.c;
    }
}
