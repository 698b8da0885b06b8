// One neuron in one step: input current, update, whether it spikes; and what is sampled of neurons.
#pragma once
#include "detect.cuh"

// Where the states, constants and input of a lane are at present.
struct Arenas {
    float *f32;
    i32 *i32s;
    i64 input;
};

DTB_FN Arenas arenas_of(Table lane) { return {at<float>(lane[F32_AT]), at<i32>(lane[I32_AT]), lane[ACC_AT]}; }

#include "updates.cuh"

// Where a neuron's update finds its numbers; number < 0: a source neuron, which has no states.
struct Place {
    i64 number, k;
    const i64 *header;
    const float *constants;
};

DTB_FN Place place_of(Table lane, i64 local) {
    const i64 *groups = at<i64>(lane[GROUPS_AT]);
    for (i64 g = 0; g < lane[N_GROUPS]; ++g) {
        const i64 *header = at<i64>(groups[3 * g + 1]);
        const i64 k = local - header[1];
        if (k >= 0 && k < header[0])
            return {groups[3 * g], k, header, at<float>(groups[3 * g + 2])};
    }
    return {-1, 0, nullptr, nullptr};
}

// Do the step of a neuron; returns how often it spikes, one more than MOST_SPIKES for all that is beyond.
DTB_FN i32 spikes(
    Table lane, const Arenas &arenas, const Place &place, i64 local, i64 step, i64 chunk_start, u32 k0, u32 k1
) {
    float current = 0.0f;
    if (lane[N_CURRENTS] + lane[N_NOISE] != 0)
        current = current_of(lane, local, step, chunk_start, k0, k1);
    i32 fired = 0;
    if (place.number >= 0)
        fired = dtb_update_neuron(place.number, arenas, current, place.header, place.constants, place.k);
    if (lane[N_EMITTED] != 0)
        fired += times_listed(lane, local, step);
    if (lane[N_RANDOM] != 0)
        fired += spikes_at_random(lane, local, step, k0, k1);
    return fired;
}

// Copy sampled states after the update of `step`, when (step + 1) is a multiple of the interval.
DTB_FN void sample(Table lane, const Arenas &arenas, i64 step, i64 chunk_start, Share share) {
    for (i64 s = 0; s < lane[N_SAMPLED]; ++s) {
        const i64 *row = at<i64>(lane[SAMPLED_AT]) + s * SAMPLED_FIELDS;
        if ((step + 1) % row[S_INTERVAL] != 0)
            continue;
        const i64 number = (step + 1) / row[S_INTERVAL] - chunk_start / row[S_INTERVAL] - 1;
        const i64 *index = at<i64>(row[S_INDEX_AT]);
        const float *offset = at<float>(row[S_OFFSET_AT]);
        float *out = at<float>(row[S_OUT_AT]) + number * row[S_COUNT];
        for (i64 i = share.first; i < row[S_COUNT]; i += share.stride) {
            const i64 k = row[S_BASE] + index[i];
            out[i] = (row[S_KIND] == 0 ? arenas.f32[k] : (float)arenas.i32s[k]) + offset[i];
        }
    }
}
