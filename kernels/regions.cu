// Mean-field regions in blocks of the shortest delay: the twin of region_blocks.py, with members along the threads.
//
// Of every block three kernels run, for all lane groups at once (rows of blockIdx.y): sums over sources, regions, what is
// kept. A thread takes whole sums, source after source, and whole regions, step after step, so nothing depends on how
// threads are dealt. Two words say where a group is: sums read NEXT and write STEP, what is kept reads STEP and writes NEXT.
#include "base.cuh"
#include "philox.cuh"
#include "region_layout.cuh"
#include "region_functions.cuh"
#include "region_models.cuh"

DTB_FN Table region_group(i64 groups, i64 number) { return at<i64>(groups) + number * REGION_GROUP_FIELDS; }

// The one product and sum of the project that are rounded once: those of couplings.
DTB_FN float region_fma(float weight, float value, float sum) {
#ifdef DTB_HOST
    return __builtin_fmaf(weight, value, sum);
#else
    return __fmaf_rn(weight, value, sum);
#endif
}

DTB_FN float region_logistic(float x) { return 1.0f / (1.0f + dtb_region_math::dtb_exp(-x)); }

// What becomes of a sum.
DTB_FN float region_finished(i64 kind, float raw, const float *numbers, i64 lanes, float strength) {
    if (kind == REGION_SCALED)
        return strength * raw;
    if (kind == REGION_LINEAR)
        return strength * raw + numbers[0];
    const float low = numbers[0], high = numbers[lanes], middle = numbers[2 * lanes];
    const float x = numbers[3 * lanes] * (raw - middle);
    return strength * (low + (high - low) * region_logistic(x));
}

// What a history keeps of what is sent.
DTB_FN float region_before(i64 kind, float sent, const float *numbers, i64 lanes) {
    if (kind == REGION_PLAIN)
        return sent;
    if (kind == REGION_SINE)
        return dtb_region_math::dtb_sin(sent);
    if (kind == REGION_COSINE)
        return dtb_region_math::dtb_cos(sent);
    if (kind == REGION_SIGMOID) {
        const float low = numbers[0], high = numbers[lanes], middle = numbers[2 * lanes];
        return low + (high - low) * region_logistic(numbers[3 * lanes] * (sent - middle));
    }
    const float y = (numbers[0] * sent - numbers[lanes]) / numbers[2 * lanes]; // 1 + tanh(y)
    return 2.0f * region_logistic(2.0f * y);
}

// One slot: a thread for each target, step of the block and member, the last two along a stretch of the ring.
DTB_FN void region_sum(Table group, Table slot, i64 steps) {
    const u32 lanes = (u32)group[REGION_LANES], span = (u32)steps * lanes, n = (u32)slot[REGION_S_TARGETS] * span;
    const i32 columns = (i32)group[REGION_COLUMNS], newest = (i32)(group[REGION_NEXT] % columns);
    const float *history = at<const float>(slot[REGION_S_HISTORY]), *weights = at<const float>(slot[REGION_S_WEIGHTS]);
    const i32 *sources = at<const i32>(slot[REGION_S_SOURCES]), *delays = at<const i32>(slot[REGION_S_DELAYS]);
    const i64 *starts = at<const i64>(slot[REGION_S_STARTS]);
    const float *numbers = at<const float>(slot[REGION_S_NUMBERS]), *strength = at<const float>(slot[REGION_S_STRENGTH]);
    float *out = at<float>(slot[REGION_S_OUT]);
    const i64 targets = slot[REGION_S_TARGETS], kind = slot[REGION_S_FUNCTION];
    const Share share = share_of_row();
    for (u32 e = (u32)share.first; e < n; e += (u32)share.stride) {
        const u32 target = e / span, place = e - target * span, k = place / lanes, lane = place - k * lanes;
        i32 now = newest + (i32)k;
        now -= now >= columns ? columns : 0;
        const i64 last = starts[target + 1];
        float sum = 0.0f;
#pragma unroll 4
        for (i64 j = starts[target]; j < last; ++j) {
            i32 column = now - delays[j];
            column += column < 0 ? columns : 0;
            sum = region_fma(weights[j], history[((i64)sources[j] * columns + column) * lanes + lane], sum);
        }
        const i64 element = (i64)target * lanes + lane;
        out[k * targets * lanes + element] = region_finished(kind, sum, numbers + lane, lanes, strength[element]);
    }
}

DTB_FN float region_normal(u32 word, const float *table) {
    const u32 index = word >> 16;
    const float low = table[index];
    return low + (table[index + 1] - low) * ((float)(word & 0xffffu) * 0x1p-16f);
}

// The noise of a drive on one element: number k belongs to interval k of its part, as in region_drives.py.
DTB_FN void region_drive_noise(Table drive, Table table, i64 part, float *out, i64 size, i64 step, i64 steps, i64 e) {
    const i64 *times = at<const i64>(drive[REGION_W_TIMES]) + 3 * part;
    const float *memory = at<const float>(drive[REGION_W_MEMORY]) + 2 * part;
    const float *sds = at<const float>(drive[REGION_W_SDS]) + part * drive[REGION_W_SPAN] - drive[REGION_W_FROM];
    const float *normal = at<const float>(table[REGION_W_NORMAL]);
    const u32 purpose = (u32)(PURPOSE_REGION_DRIVE << PURPOSE_SHIFT) + (u32)drive[REGION_W_DRIVE];
    const u32 node = drive[REGION_W_SHARED] ? 0xffffffffu : at<const u32>(table[REGION_W_NODES])[e];
    const u32 seed = at<const u32>(table[REGION_W_SEEDS])[e], key_1 = (u32)table[REGION_W_KEY_1];
    const i64 start = times[0], stop = times[1], interval = times[2];
    const float decay = memory[0], kick = memory[1];
    float *process = at<float>(drive[REGION_W_PROCESS]) + e;
    i64 drawn = -1;
    Words words{};
    for (i64 now = step < start ? start : step; now < step + steps && now < stop; ++now) {
        const i64 number = (now - start) / interval;
        if (drawn != number / 4) {
            drawn = number / 4;
            words = philox4x32(node, (u32)drawn, 0u, purpose, seed, key_1);
        }
        float z = region_normal(word_of(words, (int)(number % 4)), normal);
        if (decay >= 0.0f) {
            if (number > 0)
                z = decay * *process + kick * z;
            *process = z;
        }
        out[(now - step) * size + e] += sds[now] * z;
    }
}

// What drives bring to an input in a block: a thread for each region in each member, drive after drive.
DTB_FN void region_driven(Table group, Table driven, i64 steps) {
    Table table = at<i64>(driven[REGION_V_TABLE]);
    const i64 size = driven[REGION_V_ELEMENTS], step = group[REGION_NEXT];
    float *out = at<float>(driven[REGION_V_OUT]);
    const Share share = share_of_row();
    for (i64 e = share.first; e < size; e += share.stride) {
        for (i64 k = 0; k < steps; ++k)
            out[k * size + e] = 0.0f;
        for (i64 d = 0; d < driven[REGION_V_DRIVES]; ++d) {
            Table drive = at<i64>(driven[REGION_V_DRIVES_AT]) + d * REGION_DRIVE_FIELDS;
            const i64 part = at<const i32>(drive[REGION_W_WHICH])[e];
            if (part < 0)
                continue;
            const i64 first = part * drive[REGION_W_SPAN] + step - drive[REGION_W_FROM];
            const float *waves = at<const float>(drive[REGION_W_WAVES]) + first;
            for (i64 k = 0; k < steps; ++k)
                out[k * size + e] += waves[k];
            if (drive[REGION_W_SDS] != 0)
                region_drive_noise(drive, table, part, out, size, step, steps, e);
        }
    }
}

// The inputs of a block: sums, and what drives bring. Rows: groups times the most of both of any (at least one).
DTB_KERNEL dtb_region_sums(i64 groups, i64 n_groups, i64 slots, i64 steps) {
    for (i64 row = blockIdx.y; row < n_groups * slots; row += gridDim.y) {
        Table group = region_group(groups, row / slots);
        const i64 s = row % slots;
        if (s == 0 && blockIdx.x == 0 && threadIdx.x == 0)
            group[REGION_STEP] = group[REGION_NEXT];
        if (s < group[REGION_N_SLOTS])
            region_sum(group, at<i64>(group[REGION_SLOTS_AT]) + s * REGION_SLOT_FIELDS, steps);
        else if (s < group[REGION_N_SLOTS] + group[REGION_N_DRIVEN])
            region_driven(group, at<i64>(group[REGION_DRIVEN_AT]) + (s - group[REGION_N_SLOTS]) * REGION_DRIVEN_FIELDS,
                          steps);
    }
}

// The regions through a block; with 0 steps they say what they send. Rows: groups times populations.
DTB_KERNEL dtb_region_nodes(i64 groups, i64 n_groups, i64 populations, i64 steps) {
    for (i64 row = blockIdx.y; row < n_groups * populations; row += gridDim.y) {
        Table group = region_group(groups, row / populations);
        Table population = at<i64>(group[REGION_POPULATIONS_AT]) + row % populations * REGION_POPULATION_FIELDS;
        const i64 *table = at<const i64>(population[REGION_P_TABLE]);
        const i64 n = population[REGION_P_ELEMENTS], model = population[REGION_P_MODEL], step = group[REGION_STEP];
        const Share share = share_of_row();
        for (i64 element = share.first; element < n; element += share.stride)
            dtb_region_take(model, table, step, steps, element);
    }
}

// Every so-manieth value, or the mean over so many steps.
DTB_FN void region_sample(Table group, Table sample, i64 steps) {
    const i64 step = group[REGION_STEP], interval = sample[REGION_Q_INTERVAL], count = sample[REGION_Q_COUNT];
    const i64 rows = step / interval - group[REGION_CHUNK] / interval, since = step % interval;
    const bool mean = sample[REGION_Q_MEAN] != 0;
    const float *sent = at<const float>(sample[REGION_Q_SENT]), part = 1.0f / (float)interval;
    float *totals = at<float>(sample[REGION_Q_SUM]), *out = at<float>(sample[REGION_Q_OUT]) + rows * count;
    const Share share = share_of_row();
    for (i64 element = share.first; element < count; element += share.stride) {
        float total = mean ? totals[element] : 0.0f;
        i64 done = 0, phase = since;
        for (i64 k = 0; k < steps; ++k) {
            const float value = sent[k * count + element];
            total += mean ? value : 0.0f;
            if (++phase != interval)
                continue;
            phase = 0;
            out[done * count + element] = mean ? total * part : value;
            ++done;
            total = 0.0f;
        }
        if (mean)
            totals[element] = total;
    }
}

// What all regions sent goes to a ring, of which only the last columns can be heard.
DTB_FN void region_remember(Table group, Table history, i64 steps) {
    const i64 lanes = group[REGION_LANES], columns = group[REGION_COLUMNS], sources = history[REGION_H_SOURCES];
    const i64 kept = steps < columns ? steps : columns, span = kept * lanes, kind = history[REGION_H_FUNCTION];
    const i64 first = group[REGION_STEP] + 1 + steps - kept;
    const float *sent = at<const float>(history[REGION_H_SENT]) + (steps - kept) * sources * lanes;
    const float *numbers = at<const float>(history[REGION_H_NUMBERS]);
    float *ring = at<float>(history[REGION_H_AT]);
    const Share share = share_of_row();
    for (i64 e = share.first; e < sources * span; e += share.stride) {
        const i64 j = e / span, place = e - j * span, k = place / lanes, lane = place - k * lanes;
        const i64 column = (first + k) % columns;
        ring[(j * columns + column) * lanes + lane] =
            region_before(kind, sent[(k * sources + j) * lanes + lane], numbers + lane, lanes);
    }
}

// What is kept of a block. Rows: groups times the most histories and samples of any (at least one).
DTB_KERNEL dtb_region_keep(i64 groups, i64 n_groups, i64 most, i64 steps) {
    for (i64 row = blockIdx.y; row < n_groups * most; row += gridDim.y) {
        Table group = region_group(groups, row / most);
        const i64 s = row % most, h = s - group[REGION_N_SAMPLES];
        if (s == 0 && blockIdx.x == 0 && threadIdx.x == 0)
            group[REGION_NEXT] = group[REGION_STEP] + steps;
        if (h < 0)
            region_sample(group, at<i64>(group[REGION_SAMPLES_AT]) + s * REGION_SAMPLE_FIELDS, steps);
        else if (h < group[REGION_N_HISTORIES])
            region_remember(group, at<i64>(group[REGION_HISTORIES_AT]) + h * REGION_HISTORY_FIELDS, steps);
    }
}

// All columns of the rings are what is sent at the start. Rows as those of dtb_region_keep.
DTB_KERNEL dtb_region_fill(i64 groups, i64 n_groups, i64 most) {
    for (i64 row = blockIdx.y; row < n_groups * most; row += gridDim.y) {
        Table group = region_group(groups, row / most);
        if (row % most >= group[REGION_N_HISTORIES])
            continue;
        Table history = at<i64>(group[REGION_HISTORIES_AT]) + row % most * REGION_HISTORY_FIELDS;
        const i64 lanes = group[REGION_LANES], columns = group[REGION_COLUMNS], span = columns * lanes;
        const float *sent = at<const float>(history[REGION_H_SENT]);
        const float *numbers = at<const float>(history[REGION_H_NUMBERS]);
        float *ring = at<float>(history[REGION_H_AT]);
        const Share share = share_of_row();
        for (i64 e = share.first; e < history[REGION_H_SOURCES] * span; e += share.stride) {
            const i64 lane = e % lanes;
            ring[e] = region_before(history[REGION_H_FUNCTION], sent[e / span * lanes + lane], numbers + lane, lanes);
        }
    }
}

// Whether any of `n` floats is NaN or infinite: then *found becomes 1.
DTB_KERNEL dtb_region_check(i64 values, i64 n, i64 found) {
    const u32 *bits = at<const u32>(values);
    const Share share = share_of_row();
    for (i64 k = share.first; k < n; k += share.stride)
        if ((bits[k] & 0x7f800000u) == 0x7f800000u)
            *at<i64>(found) = 1;
}
