// Synapses of a lane, built where they stay: counted, written, sorted. Twin of build/synapses.py with its kernels.
#include "rows.cuh"
#include "connect.cuh"
#include "connect_outdegree.cuh"

// Every synapse of rules whose synapses stand alone.
DTB_KERNEL dtb_connect_synapses(Table table, Table rows) {
    const ProjectionTasks w = projection_tasks_of(table, rows);
    const i64 *starts = at<i64>(table[W_FIRST_ITEM_AT]);
    const i64 n_tasks = table[W_N_TASKS], n_items = table[W_N_ITEMS], rule = table[W_RULE];
    const Share share = share_of_row();
    for (i64 item = share.first; item < n_items; item += share.stride) {
        const i64 number = range_of(starts, n_tasks, item);
        const i64 *task = at<i64>(table[W_TASKS_AT]) + number * TASK_FIELDS;
        const i64 local = item - starts[number];
        if (rule == RULE_FIXED_INDEGREE)
            synapse_of_indegree(w, task, local);
        else if (rule == RULE_FIXED_TOTAL)
            synapse_of_total(w, task, local);
        else if (rule == RULE_ALL_TO_ALL)
            synapse_of_all(w, task, local);
        else
            synapse_of_one(w, task, local);
    }
}

// Every target of rules that reject repeated sources; a warp each.
DTB_KERNEL dtb_connect_targets(Table table, Table rows) {
    const ProjectionTasks w = projection_tasks_of(table, rows);
    const i64 *starts = at<i64>(table[W_FIRST_ITEM_AT]);
    const i64 n_tasks = table[W_N_TASKS], n_items = table[W_N_ITEMS], rule = table[W_RULE];
    const Share share = share_of_row();
    const int thread = (int)(share.first % 32);
    u32 *bits = at<u32>(table[W_BITS_AT]) + share.first / 32 * table[W_BIT_WORDS];
    for (i64 item = share.first / 32; item < n_items; item += share.stride / 32) {
        const i64 number = range_of(starts, n_tasks, item);
        const i64 *task = at<i64>(table[W_TASKS_AT]) + number * TASK_FIELDS;
        if (rule == RULE_FIXED_INDEGREE)
            distinct_sources(w, task, item - starts[number], bits, thread);
        else
            bernoulli_sources(w, table, task, item - starts[number], bits, thread);
    }
}

// Every synapse that a rule lists.
DTB_KERNEL dtb_connect_listed(Table table, Table rows) {
    const RowWriter writer = sink_of(rows);
    const int *source = at<int>(table[W_LISTED_SOURCE_AT]), *slot = at<int>(table[W_LISTED_SLOT_AT]);
    const int *weight = at<int>(table[W_LISTED_WEIGHT_AT]), *delay = at<int>(table[W_LISTED_DELAY_AT]);
    const Share share = share_of_row();
    for (i64 item = share.first; item < table[W_N_ITEMS]; item += share.stride)
        if (writer.counts)
            add_to(writer.counts + source[item], 1);
        else
            put(writer, source[item], slot[item], weight[item], delay[item]);
}

// Every source of fixed_outdegree; a warp each.
DTB_KERNEL dtb_connect_sources(Table table, Table rows) {
    const RowWriter writer = sink_of(rows);
    const i64 *starts = at<i64>(table[W_FIRST_ITEM_AT]);
    const u32 k0 = (u32)table[W_SEED_LOW], k1 = (u32)table[W_SEED_HIGH];
    const Share share = share_of_row();
    for (i64 item = share.first / 32; item < table[W_N_ITEMS]; item += share.stride / 32) {
        const i64 number = range_of(starts, table[W_N_TASKS], item);
        const Table pair = at<i64>(table[W_PAIRS_AT]) + number * PAIR_FIELDS;
        synapses_of_source(pair, item - starts[number], writer, k0, k1, (int)(share.first % 32));
    }
}

// Shared memory: MOST_SUMS words, then the histogram where it fits.
DTB_KERNEL dtb_count_segments(Table rows) {
    const Bench bench = bench_of(rows);
    for (i64 row = blockIdx.x; row < rows[B_N_ROWS]; row += gridDim.x)
        count_segments(rows, bench, row);
}

// The same, then 4 bytes per staged synapse, 8 where weights stand apart.
DTB_KERNEL dtb_sort_rows(Table rows) {
    const Bench bench = bench_of(rows);
    const i64 *starts = at<i64>(rows[B_ROW_AT]);
    for (i64 row = blockIdx.x; row < rows[B_N_ROWS]; row += gridDim.x) {
        const i64 first = starts[row], n = starts[row + 1] - first;
        if (n == 0)
            continue;
        fill_histogram(rows, bench, first, n);
        write_segments(rows, bench, row);
        permute(rows, bench, first, n);
    }
}

DTB_KERNEL dtb_add_magnitudes(Table rows) { add_magnitudes(rows, share_of_row()); }
