// Connection rules: the twin of connect.py and of the loop over tasks in tasks.py.
//
// Counters number the synapses or attempts of a target, so threads may draw them in any order. Where repeated sources
// are rejected, a warp makes 32 attempts of one target at a time and takes them in the order of their numbers.
#pragma once
#include "philox.cuh"
#include "row_writer.cuh"

constexpr u32 ALL_THREADS = 0xFFFFFFFFu;

// One projection on one lane, in registers.
struct ProjectionTasks {
    u32 projection, k0, k1;
    const i64 *pieces, *piece_gid0, *key, *offset, *size;
    const u32 *cumulative;
    const i64 *factor, *own_delay, *self_at, *place;
    Draws draws;
    RowWriter writer;
};

DTB_FN ProjectionTasks projection_tasks_of(Table w, Table rows) {
    return {
        (u32)w[W_PROJECTION], (u32)w[W_SEED_LOW], (u32)w[W_SEED_HIGH], at<i64>(w[W_PIECES_AT]),
        at<i64>(w[W_PIECE_GID0_AT]), at<i64>(w[W_KEY_AT]), at<i64>(w[W_OFFSET_AT]), at<i64>(w[W_SIZE_AT]),
        at<u32>(w[W_CUMULATIVE_AT]), at<i64>(w[W_FACTOR_AT]), at<i64>(w[W_OWN_DELAY_AT]), at<i64>(w[W_SELF_AT]),
        at<i64>(w[W_PLACE_AT]),
        {w[W_WEIGHT], at<i64>(w[W_WEIGHT_TABLE_AT]), w[W_DELAY], at<i64>(w[W_DELAY_TABLE_AT]), w[W_MAX_DELAY]},
        sink_of(rows),
    };
}

DTB_FN u32 source_purpose(const ProjectionTasks &w) { return ((u32)PURPOSE_SOURCE << PURPOSE_SHIFT) | w.projection; }

DTB_FN bool draws_values(const ProjectionTasks &w) {
    return !w.writer.counts && (w.draws.weight_table || w.draws.delay_table);
}

// The last of `n` ranges that begins at `item` or before it; starts[0] = 0.
DTB_FN i64 range_of(const i64 *starts, i64 n, i64 item) {
    i64 low = 0, high = n - 1;
    while (low < high) {
        const i64 middle = (low + high + 1) >> 1;
        if (starts[middle] <= item)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

DTB_FN i64 quotient(i64 a, i64 b) {
    return ((a | b) >> 32) == 0 ? (i64)((u32)a / (u32)b) : a / b;
}

// Entry of first .. stop, in whose cumulative share the word falls.
DTB_FN i64 choose(const u32 *cumulative, i64 first, i64 stop, u32 word) {
    i64 low = first, high = stop - 1;
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (word <= cumulative[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// Index within the entry's population, skipping the target itself where autapses are off.
DTB_FN i64 source_in(const ProjectionTasks &w, i64 entry, u32 high, u32 low, i64 gid) {
    const i64 own = w.self_at[entry], size = w.size[entry];
    if (own < 0)
        return below(high, low, (u32)size);
    const i64 index = below(high, low, (u32)(size - 1));
    return index >= gid - own ? index + 1 : index;
}

// One synapse from neuron `index` of an entry: counted, or written.
DTB_FN void connect(const ProjectionTasks &w, i64 entry, i64 index, i64 slot, u32 weight_word, u32 delay_word) {
    const i64 source = w.offset[entry] + index;
    if (w.writer.counts) {
        add_to(w.writer.counts + source, 1);
        return;
    }
    const i64 weight = draw_weight(w.draws, weight_word, w.factor[entry]);
    put(w.writer, source, slot, weight, draw_delay(w.draws, delay_word, w.own_delay[entry]));
}

// One synapse whose weight and delay are keyed by its (target, source) pair.
DTB_FN void pair(const ProjectionTasks &w, u32 gid, i64 slot, i64 entry, i64 index) {
    Words words = {0u, 0u, 0u, 0u};
    if (draws_values(w)) {
        const u32 c2 = ((u32)w.key[entry] << 2) | (u32)CALL_VALUES;
        words = philox4x32(gid, (u32)index, c2, source_purpose(w), w.k0, w.k1);
    }
    connect(w, entry, index, slot, words.w0, words.w1);
}

// What attempt `number` of a target of fixed_indegree draws from the pool first .. stop.
struct Attempt {
    i64 entry, index;
    Words words;
};

DTB_FN Attempt attempt_of(const ProjectionTasks &w, i64 first, i64 stop, u32 gid, u32 number) {
    Attempt made;
    made.entry = first;
    if (stop - first > 1) {
        const Words words = philox4x32(gid, number, (u32)CALL_ENTRY, source_purpose(w), w.k0, w.k1);
        made.entry = choose(w.cumulative, first, stop, words.w0);
    }
    made.words = philox4x32(gid, number, 0u, source_purpose(w), w.k0, w.k1);
    made.index = source_in(w, made.entry, made.words.w0, made.words.w1, (i64)gid);
    return made;
}

// -- rules of which every synapse stands alone: one thread each ------------------------------------------------------

DTB_FN void synapse_of_indegree(const ProjectionTasks &w, const i64 *task, i64 local) {
    const i64 t = quotient(local, task[T_NUMBER]), number = local - t * task[T_NUMBER];
    const i64 *piece = w.pieces + task[T_PIECE];
    const Attempt made = attempt_of(w, piece[0], piece[1], (u32)(task[T_FIRST_GID] + t), (u32)number);
    connect(w, made.entry, made.index, task[T_SLOT] + t, made.words.w2, made.words.w3);
}

DTB_FN void synapse_of_total(const ProjectionTasks &w, const i64 *task, i64 number) {
    const i64 entry = task[T_ENTRY];
    const u32 c0 = (u32)task[T_FIRST_GID], c2 = (u32)w.key[entry] << 2, c3 = source_purpose(w);
    const Words ends = philox4x32(c0, (u32)number, c2, c3, w.k0, w.k1);
    Words values = {0u, 0u, 0u, 0u};
    if (draws_values(w))
        values = philox4x32(c0, (u32)number, c2 | (u32)CALL_VALUES, c3, w.k0, w.k1);
    const i64 target = (i64)(((u64)ends.w2 * (u64)task[T_COUNT]) >> 32);
    const i64 index = source_in(w, entry, ends.w0, ends.w1, task[T_FIRST_GID] + target);
    connect(w, entry, index, task[T_SLOT] + target, values.w0, values.w1);
}

DTB_FN void synapse_of_all(const ProjectionTasks &w, const i64 *task, i64 local) {
    const i64 entry = task[T_ENTRY], size = w.size[entry], own = w.self_at[entry];
    const i64 t = quotient(local, size), index = local - t * size, gid = task[T_FIRST_GID] + t;
    if (own < 0 || index != gid - own)
        pair(w, (u32)gid, task[T_SLOT] + t, entry, index);
}

DTB_FN void synapse_of_one(const ProjectionTasks &w, const i64 *task, i64 t) {
    const i64 gid = task[T_FIRST_GID] + t;
    pair(w, (u32)gid, task[T_SLOT] + t, task[T_ENTRY], gid - w.piece_gid0[task[T_PIECE]]);
}

// -- rules that reject repeated sources: one warp per target ---------------------------------------------------------

DTB_FN u32 bit_word(const u32 *bits, i64 word) { return *(const volatile u32 *)(bits + word); }

// Whether the attempt of this thread gives a source that no attempt before it has given; attempts of a warp count in
// the order of its threads, and no more than `wanted` are taken. Marks the source; `found` grows for all threads.
DTB_FN bool take_new(u32 *bits, u32 place, int thread, i64 wanted, i64 &found) {
    const u32 earlier = (1u << thread) - 1u;
    const u32 same = __match_any_sync(ALL_THREADS, place);
    bool fresh = ((bit_word(bits, place >> 5) >> (place & 31u)) & 1u) == 0u && (same & earlier) == 0u;
    const u32 all = __ballot_sync(ALL_THREADS, fresh);
    fresh = fresh && found + __popc(all & earlier) < wanted;
    if (fresh)
        atomicOr(bits + (place >> 5), 1u << (place & 31u));
    found += __popc(all);
    found = found < wanted ? found : wanted;
    __syncwarp();
    return fresh;
}

DTB_FN void clear_bits(u32 *bits, i64 words, int thread) {
    for (i64 word = thread; word < words; word += 32)
        bits[word] = 0u;
    __syncwarp();
}

// `indegree` different sources of the piece's pool. Marks are wiped one by one where attempts were fewer than words.
DTB_FN void distinct_sources(const ProjectionTasks &w, const i64 *task, i64 t, u32 *bits, int thread) {
    const i64 *piece = w.pieces + task[T_PIECE];
    const u32 gid = (u32)(task[T_FIRST_GID] + t);
    const i64 wanted = task[T_NUMBER];
    i64 found = 0, attempts = 0;
    for (; found < wanted; attempts += 32) {
        const Attempt made = attempt_of(w, piece[0], piece[1], gid, (u32)(attempts + thread));
        if (take_new(bits, (u32)(w.place[made.entry] + made.index), thread, wanted, found))
            connect(w, made.entry, made.index, task[T_SLOT] + t, made.words.w2, made.words.w3);
    }
    const i64 words = (w.place[piece[1] - 1] + w.size[piece[1] - 1] + 31) >> 5;
    if (words <= attempts) {
        clear_bits(bits, words, thread);
        return;
    }
    for (i64 a = thread; a < attempts; a += 32) {
        const Attempt made = attempt_of(w, piece[0], piece[1], gid, (u32)a);
        bits[(w.place[made.entry] + made.index) >> 5] = 0u;
    }
    __syncwarp();
}

// Number of sources of a target: binomial, the first count + the number of thresholds below its word.
DTB_FN i64 number_of_sources(const ProjectionTasks &w, Table table, i64 entry, u32 gid) {
    const u32 c3 = ((u32)PURPOSE_COUNT << PURPOSE_SHIFT) | w.projection;
    const u32 word = philox4x32(gid, 0u, (u32)w.key[entry] << 2, c3, w.k0, w.k1).w0;
    const i64 *starts = at<i64>(table[W_COUNT_STARTS_AT]) + entry;
    const u32 *counts = at<u32>(table[W_COUNTS_AT]);
    i64 low = starts[0], high = starts[1];
    while (low < high) {
        const i64 middle = (low + high) >> 1;
        if (word > counts[middle])
            low = middle + 1;
        else
            high = middle;
    }
    return at<i64>(table[W_COUNT_FIRST_AT])[entry] + low - starts[0];
}

DTB_FN i64 bernoulli_attempt(const ProjectionTasks &w, i64 entry, u32 gid, u32 number) {
    const Words words = philox4x32(gid, number, (u32)w.key[entry] << 2, source_purpose(w), w.k0, w.k1);
    return source_in(w, entry, words.w0, words.w1, (i64)gid);
}

// Each (source, target) pair once: so many different sources, or all but so many.
DTB_FN void bernoulli_sources(const ProjectionTasks &w, Table table, const i64 *task, i64 t, u32 *bits, int thread) {
    const i64 entry = task[T_ENTRY], size = w.size[entry], own = w.self_at[entry], slot = task[T_SLOT] + t;
    const u32 gid = (u32)(task[T_FIRST_GID] + t);
    const i64 available = own < 0 ? size : size - 1;
    const i64 k = number_of_sources(w, table, entry, gid);
    const bool direct = 2 * k <= available;
    const i64 wanted = direct ? k : available - k;
    i64 found = 0, attempts = 0;
    for (; found < wanted; attempts += 32) {
        const i64 index = bernoulli_attempt(w, entry, gid, (u32)(attempts + thread));
        if (take_new(bits, (u32)index, thread, wanted, found) && direct)
            pair(w, gid, slot, entry, index);
    }
    if (!direct)
        for (i64 index = thread; index < size; index += 32)
            if (((bit_word(bits, index >> 5) >> (index & 31)) & 1u) == 0u && !(own >= 0 && index == (i64)gid - own))
                pair(w, gid, slot, entry, index);
    __syncwarp();
    const i64 words = (size + 31) >> 5;
    if (words <= attempts) {
        clear_bits(bits, words, thread);
        return;
    }
    for (i64 a = thread; a < attempts; a += 32)
        bits[bernoulli_attempt(w, entry, gid, (u32)a) >> 5] = 0u;
    __syncwarp();
}
