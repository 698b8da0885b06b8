// Input that does not come from synapses: the twin of drives.py and noise.py.
#pragma once
#include "poisson.cuh"

// The input vector of a lane in a step: int32, or int64 where the lane has wide sums; in global memory, or (int32 alone)
// in any.
struct Input {
    i64 address;
    bool wide, global;

    // Add `weight` times `n` to a slot.
    DTB_METHOD void add(i64 slot, i64 n, i64 weight) const {
        if (wide)
            add_to_global(at<i64>(address) + slot, n * weight);
        else if (global)
            add_to_global(at<i32>(address) + slot, (i32)n * (i32)weight);
        else
            add_to(at<i32>(address) + slot, (i32)n * (i32)weight);
    }
};

DTB_FN Input input_of(Table lane) { return {lane[ACC_AT], lane[SYNAPSE_KIND] == KIND_WIDE64, true}; }

// A drive of one rate and one of its neurons: element `e` of the units that the drives of a lane are cut into.
struct Driven {
    const i64 *row; // nullptr: none
    i64 i;

    DTB_METHOD bool at_step(i64 step) const { return step >= row[P_START] && step < row[P_STOP]; }
};

DTB_FN i64 driven_elements(Table lane) { return lane[X_POISSON_UNITS] << UNIT_BITS; }

DTB_FN Driven driven(Table lane, i64 e) {
    const i64 unit = at<i64>(lane[X_POISSON_UNIT_AT])[e >> UNIT_BITS];
    const i64 *row = at<i64>(lane[POISSON_AT]) + (unit >> 32) * POISSON_FIELDS;
    const i64 i = ((unit & 0xFFFFFFFF) << UNIT_BITS) + (e & (UNIT - 1));
    return {i < row[P_COUNT] ? row : nullptr, i};
}

DTB_FN u32 gid_of(Table lane, const Driven &d) { return gid_of(lane, d.row[P_LOCAL] + d.i); }

DTB_FN Words words_of(Table lane, const Driven &d, i64 step, u32 k0, u32 k1) {
    return poisson_words(gid_of(lane, d), step, (u32)d.row[P_DRIVE], k0, k1);
}

DTB_FN i32 count_of(Table lane, const Driven &d, const Words &words, i64 step, u32 k0, u32 k1) {
    return poisson_count(
        words, gid_of(lane, d), step, (u32)d.row[P_DRIVE], k0, k1, at<u32>(d.row[P_THRESHOLD_AT]),
        d.row[P_THRESHOLDS], at<i16>(d.row[P_COARSE_AT]), d.row[P_COARSE], 1
    );
}

// What a thread keeps over the steps of a launch of the first neuron that it drives: the words of eight steps.
struct KeptDraw {
    Driven first;
    Words words;
    i64 eighth; // step / 8 of the words; -1: none
};

DTB_FN KeptDraw kept_draw(Table lane, Share share) {
    KeptDraw kept = {{nullptr, 0}, {0, 0, 0, 0}, -1};
    if (share.first < driven_elements(lane))
        kept.first = driven(lane, share.first);
    return kept;
}

// Drives of one rate, drawn by threads that stay with their neurons.
DTB_FN void poisson_drives(Table lane, Input input, KeptDraw &kept, i64 step, u32 k0, u32 k1, Share share) {
    for (i64 e = share.first; e < driven_elements(lane); e += share.stride) {
        const bool is_first = e == share.first;
        const Driven d = is_first ? kept.first : driven(lane, e);
        if (d.row == nullptr || !d.at_step(step))
            continue;
        const bool known = is_first && kept.eighth == step / POISSON_STEPS;
        const Words words = known ? kept.words : words_of(lane, d, step, k0, k1);
        if (is_first) {
            kept.words = words;
            kept.eighth = step / POISSON_STEPS;
        }
        const i32 n = count_of(lane, d, words, step, k0, k1);
        if (n != 0)
            input.add(d.row[P_SLOT] + d.i, n, d.row[P_WEIGHT]);
    }
}

// The same by kernels of a step each: counts of eight steps, as far as the chunk has them, are drawn at once and kept
// as uint8[8, elements].
DTB_FN void poisson_drives(
    Table lane, Input input, i64 step, i64 chunk_start, i64 chunk_stop, u32 k0, u32 k1, Share share
) {
    const i64 elements = driven_elements(lane), phase = step % POISSON_STEPS, left = chunk_stop - step + phase;
    const i64 last = left < POISSON_STEPS ? left : POISSON_STEPS;
    const bool anew = phase == 0 || step == chunk_start;
    u8 *counts = at<u8>(lane[X_COUNTS_AT]);
    for (i64 e = share.first; e < elements; e += share.stride) {
        const Driven d = driven(lane, e);
        if (d.row == nullptr)
            continue;
        if (anew) {
            const Words words = words_of(lane, d, step, k0, k1);
            for (i64 p = phase; p < last; ++p)
                counts[p * elements + e] = (u8)count_of(lane, d, words, step - phase + p, k0, k1);
        }
        const i32 n = counts[phase * elements + e];
        if (n != 0 && d.at_step(step))
            input.add(d.row[P_SLOT] + d.i, n, d.row[P_WEIGHT]);
    }
}

// Drives whose rate varies in time or with the neuron (V_OWN: a row of thresholds and a column of coarse ones each), on
// chosen neurons, or of one train (which every target draws for itself).
DTB_FN void varied_poisson(Table lane, Input input, i64 step, i64 chunk_start, u32 k0, u32 k1, Share share) {
    const i64 *units = at<i64>(lane[X_VARIED_UNIT_AT]);
    const i64 in_rates = step - chunk_start / POISSON_STEPS * POISSON_STEPS;
    for (i64 e = share.first; e < lane[X_VARIED_UNITS] << UNIT_BITS; e += share.stride) {
        const i64 unit = units[e >> UNIT_BITS];
        const i64 *row = at<i64>(lane[VARIED_AT]) + (unit >> 32) * VARIED_FIELDS;
        const i64 i = ((unit & 0xFFFFFFFF) << UNIT_BITS) + (e & (UNIT - 1));
        if (i >= row[V_TARGETS])
            continue;
        const i64 which = at<i32>(row[V_RATES_AT])[in_rates];
        if (which < 0)
            continue;
        const u32 gid = at<u32>(row[V_GIDS_AT])[row[V_DRAWS] == row[V_TARGETS] ? i : 0];
        const bool own = row[V_OWN] != 0;
        const i64 first = own ? i : which * row[V_COARSE];
        const Words words = poisson_words(gid, step, (u32)row[V_DRIVE], k0, k1);
        const i32 n = poisson_count(
            words, gid, step, (u32)row[V_DRIVE], k0, k1, at<u32>(row[V_THRESHOLD_AT]) + (own ? i : which) * row[V_THRESHOLDS],
            row[V_THRESHOLDS], at<i16>(row[V_COARSE_AT]) + first, row[V_COARSE], own ? row[V_DRAWS] : 1
        );
        if (n != 0)
            input.add(at<i64>(row[V_SLOTS_AT])[i], n, row[V_WEIGHT]);
    }
}

// First of `n` rows of `width` words, ascending by their first word, that is not below `step`.
DTB_FN i64 first_row(const i64 *rows, i64 n, i64 width, i64 step) {
    i64 low = 0, high = n;
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (rows[middle * width] < step)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

DTB_FN void listed_events(Table lane, Input input, i64 step, Share share) {
    const i64 n = lane[N_EVENTS];
    if (n == 0)
        return;
    const i64 *events = at<i64>(lane[EVENTS_AT]);
    for (i64 e = first_row(events, n, 3, step) + share.first; e < n && events[3 * e] == step; e += share.stride)
        input.add(events[3 * e + 1], 1, events[3 * e + 2]);
}

// Position of `local` in an ascending list, -1: not there.
DTB_FN i64 position_in(const i32 *list, i64 n, i32 local) {
    i64 low = 0, high = n;
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (list[middle] < local)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && list[low] == local ? low : -1;
}

DTB_FN float standard_normal(u32 word, const float *table) {
    const u32 index = word >> 16;
    const float low = table[index];
    return low + (table[index + 1] - low) * ((float)(word & 0xFFFFu) * 0x1p-16f);
}

// What a noise drive adds to its target number `i` in `step`; a process with memory advances. A shared process has two
// places, by the parity of the step: every target reads the old value, and they all write the same new one.
DTB_FN float noise_value(Table lane, const i64 *row, i64 i, i64 step, i64 chunk_start, u32 k0, u32 k1) {
    const i64 number = (step - row[Q_START]) / row[Q_INTERVAL];
    const bool shared = row[Q_DRAWS] != row[Q_TARGETS];
    const u32 gid = at<u32>(row[Q_GIDS_AT])[shared ? 0 : i];
    const u32 c3 = ((u32)PURPOSE_NOISE << PURPOSE_SHIFT) | (u32)row[Q_DRIVE];
    const Words words = philox4x32(gid, (u32)(number / NUMBERS), 0u, c3, k0, k1);
    float value = standard_normal(word_of(words, (int)(number % NUMBERS)), at<float>(lane[NORMAL_AT]));
    if (row[Q_STATE_AT] != 0) {
        float *state = at<float>(row[Q_STATE_AT]);
        const float *memory = at<float>(row[Q_MEMORY_AT]);
        const i64 old = shared ? (step + 1) & 1 : i, fresh = shared ? step & 1 : i;
        if (number != 0)
            value = memory[0] * state[old] + memory[1] * value;
        state[fresh] = value;
    }
    const float *wave = at<float>(row[Q_WAVE_AT]) + 2 * (step - chunk_start);
    if (wave[0] == 0.0f && wave[1] == 0.0f)
        return 0.0f;
    return wave[0] + wave[1] * value;
}

// Input current of a neuron in `step`: waveforms, then noise, each in the order of its table.
DTB_FN float current_of(Table lane, i64 local, i64 step, i64 chunk_start, u32 k0, u32 k1) {
    float sum = 0.0f;
    for (i64 d = 0; d < lane[N_CURRENTS]; ++d) {
        const i64 *row = at<i64>(lane[CURRENTS_AT]) + d * CURRENT_FIELDS;
        const bool reached = row[C_INDEX_AT] != 0
            ? position_in(at<i32>(row[C_INDEX_AT]), row[C_COUNT], (i32)local) >= 0
            : local >= row[C_LOCAL] && local < row[C_LOCAL] + row[C_COUNT];
        if (reached)
            sum += at<float>(row[C_WAVE_AT])[step - chunk_start];
    }
    for (i64 d = 0; d < lane[N_NOISE]; ++d) {
        const i64 *row = at<i64>(lane[NOISE_AT]) + d * NOISE_FIELDS;
        if (step < row[Q_START] || step >= row[Q_STOP])
            continue;
        const i64 i = position_in(at<i32>(row[Q_INDEX_AT]), row[Q_TARGETS], (i32)local);
        if (i < 0)
            continue;
        const float value = noise_value(lane, row, i, step, chunk_start, k0, k1);
        if (value != 0.0f)
            sum += value;
    }
    return sum;
}

// All drives that give spikes but those of one rate.
DTB_FN void other_spike_drives(Table lane, Input input, i64 step, i64 chunk_start, u32 k0, u32 k1, Share share) {
    if (lane[X_VARIED_UNITS] != 0)
        varied_poisson(lane, input, step, chunk_start, k0, k1, share);
    listed_events(lane, input, step, share);
}
