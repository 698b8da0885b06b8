// The exchange of spikes between the devices of several ranks: a text of its own, the same for every network.
#include "packets.cuh"

// Pack what was logged since the last time, and seal the packets if the rank has got to `step`: the host starts this
// kernel behind steps that may have halted, and once more when they are done.
DTB_KERNEL dtb_pack(Table rank, Table exchange, i64 packets, i64 step) {
    const i64 *log = at<i64>(rank[R_LOG_AT]);
    const Share share = share_of_row();
    for (i64 k = rank[R_PACKED] + share.first; k < rank[R_LOG_COUNT]; k += share.stride)
        put(exchange, log[k], at<u64>(packets));
    if (!is_last_block(rank))
        return;
    rank[R_PACKED] = rank[R_LOG_COUNT];
    if (rank[R_HALT] == 0 && rank[R_STEP] == step)
        seal(rank, exchange, at<u64>(packets));
}

// The same from the logs of all lanes, which were empty before the last launch; blocks (x, lane).
DTB_KERNEL dtb_pack_lanes(Table rank, Table exchange, i64 packets, i64 is_last) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = at<i64>(rank[R_LANES_AT]) + blockIdx.y * DEVICE_LANE_FIELDS;
    const i64 *log = at<i64>(lane[LOG_AT]);
    const Share share = share_of_row();
    for (i64 k = share.first; k < lane[LOG_COUNT]; k += share.stride)
        put(exchange, log[k], at<u64>(packets));
    if (is_last_block(rank) && is_last != 0)
        seal(rank, exchange, at<u64>(packets));
}

// Gather the entries of all messages; blocks (1, message), at least one. Shared memory: 16 bytes. A message that was too
// small halts the device: the host gets its spikes and enters them with these.
DTB_KERNEL dtb_unpack(Table rank, Table exchange, i64 received) {
    i64 *sums = reinterpret_cast<i64 *>(dtb_shared_memory); // entries before this message; messages that were too small
    const i64 row = blockIdx.y, n_in = exchange[E_N_IN];
    if (threadIdx.x < 2)
        sums[threadIdx.x] = 0;
    __syncthreads();
    for (i64 m = threadIdx.x; m < n_in; m += blockDim.x) {
        const i64 n = arrived_in(exchange, at<u64>(received), m);
        if (n < 0)
            take_from(sums + 1, 1);
        else if (m < row)
            take_from(sums, n);
    }
    __syncthreads();
    const i64 n = row < n_in ? arrived_in(exchange, at<u64>(received), row) : 0;
    if (n > 0) {
        const u64 *message = at<u64>(received) + at<i64>(exchange[E_IN_AT])[row];
        i64 *entries = at<i64>(exchange[E_ENTRIES_AT]) + sums[0];
        for (i64 j = threadIdx.x; j < n; j += blockDim.x)
            entries[j] = (i64)message[1 + j];
    }
    if (row + 1 < n_in || threadIdx.x != 0)
        return;
    rank[R_REMOTE_AT] = exchange[E_ENTRIES_AT];
    rank[R_REMOTE_N] = sums[0] + (n > 0 ? n : 0);
    if (sums[1] != 0)
        rank[R_HALT] = HALT_PACKETS;
}
