// Spikes per population and unit of time, counted on the device: a text of its own, the same for every network.
#include "populations.cuh"

// Count one entry of a log (step << 32 | gid).
DTB_FN void count(Table counter, i64 entry) {
    const i64 n = counter[COUNT_N_POPULATIONS];
    const i64 population = population_of(at<i64>(counter[COUNT_GID_STARTS_AT]), n, entry & 0xFFFFFFFF);
    const i64 unit = (entry >> 32) / counter[COUNT_UNIT] - counter[COUNT_FIRST];
    add_to(at<i64>(counter[COUNT_COUNTS_AT]) + unit * n + population, (i64)1);
}

// The first n entries of a log; blocks (x, 1).
DTB_KERNEL dtb_count(Table counter, i64 log, i64 n) {
    const Share share = share_of_row();
    for (i64 k = share.first; k < n; k += share.stride)
        count(counter, at<i64>(log)[k]);
}

// The logs of all lanes; blocks (x, lane).
DTB_KERNEL dtb_count_lanes(Table rank, Table counter) {
    const Table lane = lane_table(rank);
    const i64 *log = at<i64>(lane[LOG_AT]);
    const Share share = share_of_row();
    for (i64 k = share.first; k < lane[LOG_COUNT]; k += share.stride)
        count(counter, log[k]);
}
