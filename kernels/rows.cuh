// Rows of synapses sorted by delay, with their segments: the twin of rows.py. A block sorts a row at a time.
//
// Synapses of equal delay stand in the order in which threads put them, which may differ from run to run: nothing
// depends on it, for a segment is delivered as a whole and its integer weights add up in any order.
#pragma once
#include "base.cuh"

// Shared memory of a block: sums of its warps, then the histogram, then the staged synapses of a short row.
struct Bench {
    i64 *sums;
    i32 *histogram;
    i64 bins;
    u32 *stage;
};

DTB_FN Bench bench_of(Table rows) {
    Bench b;
    b.bins = rows[B_LARGEST_DELAY] + 1;
    b.sums = reinterpret_cast<i64 *>(dtb_shared_memory);
    i32 *free = reinterpret_cast<i32 *>(b.sums + MOST_SUMS);
    b.histogram = free;
    if (rows[B_HISTOGRAM_AT] != 0)
        b.histogram = at<i32>(rows[B_HISTOGRAM_AT]) + (i64)blockIdx.x * b.bins;
    else
        free += b.bins;
    b.stage = reinterpret_cast<u32 *>(free);
    return b;
}

DTB_FN i64 delay_of(Table rows, i64 synapse) {
    if (rows[B_WIDE_DELAYS] != 0)
        return at<u16>(rows[B_DELAY_AT])[synapse];
    return at<u8>(rows[B_DELAY_AT])[synapse];
}

DTB_FN i64 segments_of(i64 n) { return (n + MAX_SEGMENT - 1) / MAX_SEGMENT; }

// Sum of `mine` over the threads of the block before this one; `all` becomes that over all threads.
DTB_FN i64 sum_before(i64 mine, i64 *sums, i64 &all) {
    const int thread = (int)(threadIdx.x % 32), warp = (int)(threadIdx.x / 32), warps = (int)(blockDim.x / 32);
    i64 up_to = mine;
    for (int d = 1; d < 32; d <<= 1) {
        const i64 other = __shfl_up_sync(0xFFFFFFFFu, up_to, d);
        up_to += thread >= d ? other : 0;
    }
    if (thread == 31)
        sums[warp] = up_to;
    __syncthreads();
    i64 before = up_to - mine;
    all = 0;
    for (int k = 0; k < warps; ++k) {
        before += k < warp ? sums[k] : 0;
        all += sums[k];
    }
    __syncthreads();
    return before;
}

// How many synapses of first .. first + n have each delay.
DTB_FN void fill_histogram(Table rows, const Bench &b, i64 first, i64 n) {
    const Share share = share_of_block();
    for (i64 d = share.first; d < b.bins; d += share.stride)
        b.histogram[d] = 0;
    __syncthreads();
    for (i64 j = share.first; j < n; j += share.stride)
        atomicAdd(b.histogram + delay_of(rows, first + j), 1);
    __syncthreads();
}

// Delays from .. stop that this thread takes care of: neighbouring ones, so that sums go up with the thread.
struct Span {
    i64 from, stop;
};

DTB_FN Span span_of_thread(i64 bins) {
    const i64 each = (bins + blockDim.x - 1) / blockDim.x, from = each * threadIdx.x;
    return {from < bins ? from : bins, from + each < bins ? from + each : bins};
}

DTB_FN i64 segments_in(const Bench &b, Span span, i64 &synapses) {
    i64 segments = 0;
    synapses = 0;
    for (i64 d = span.from; d < span.stop; ++d) {
        segments += segments_of(b.histogram[d]);
        synapses += b.histogram[d];
    }
    return segments;
}

// segment_rows[row + 1] = segments of the row.
DTB_FN void count_segments(Table rows, const Bench &b, i64 row) {
    const i64 *starts = at<i64>(rows[B_ROW_AT]) + row;
    if (starts[0] == starts[1])
        return;
    fill_histogram(rows, b, starts[0], starts[1] - starts[0]);
    i64 synapses, all;
    sum_before(segments_in(b, span_of_thread(b.bins), synapses), b.sums, all);
    if (threadIdx.x == 0)
        at<i64>(rows[B_SEGMENT_ROW_AT])[row + 1] = all;
}

// Write the row's segments; the histogram becomes the place of the first synapse of each delay.
DTB_FN void write_segments(Table rows, const Bench &b, i64 row) {
    const Span span = span_of_thread(b.bins);
    i64 synapses, all;
    const i64 segments = segments_in(b, span, synapses);
    const i64 before = sum_before((segments << 32) | synapses, b.sums, all);
    u32 *out = at<u32>(rows[B_SEGMENT_AT]) + at<i64>(rows[B_SEGMENT_ROW_AT])[row] + (before >> 32);
    i32 place = (i32)(before & 0xFFFFFFFF);
    for (i64 d = span.from; d < span.stop; ++d) {
        const i32 n = b.histogram[d];
        for (i64 done = 0; done < n; done += MAX_SEGMENT) {
            const i64 left = n - done;
            *out++ = ((u32)d << 16) | (u32)(left < MAX_SEGMENT ? left : MAX_SEGMENT);
        }
        b.histogram[d] = place;
        place += n;
    }
    __syncthreads();
}

// Bring the synapses first .. first + n into the order of their delays, by way of the stage.
DTB_FN void permute(Table rows, const Bench &b, i64 first, i64 n) {
    const Share share = share_of_block();
    const i64 kind = rows[B_KIND];
    const i64 room = n <= rows[B_STAGED] ? rows[B_STAGED] : rows[B_LONGEST];
    u32 *stage = n <= rows[B_STAGED] ? b.stage : at<u32>(rows[B_STAGE_AT]) + (i64)blockIdx.x * 2 * room;
    i32 *staged_weights = reinterpret_cast<i32 *>(stage + room);
    u32 *targets = at<u32>(rows[B_TARGET_AT]) + first;
    for (i64 j = share.first; j < n; j += share.stride) {
        const i32 place = atomicAdd(b.histogram + delay_of(rows, first + j), 1);
        stage[place] = targets[j];
        if (kind == KIND_WIDE16)
            staged_weights[place] = at<i16>(rows[B_WEIGHT_AT])[first + j];
        else if (kind != KIND_PACKED)
            staged_weights[place] = at<i32>(rows[B_WEIGHT_AT])[first + j];
    }
    __syncthreads();
    for (i64 j = share.first; j < n; j += share.stride) {
        targets[j] = stage[j];
        if (kind == KIND_WIDE16)
            at<i16>(rows[B_WEIGHT_AT])[first + j] = (i16)staged_weights[j];
        else if (kind != KIND_PACKED)
            at<i32>(rows[B_WEIGHT_AT])[first + j] = staged_weights[j];
    }
    __syncthreads();
}

// totals[slot] += |weight| over synapses.
DTB_FN void add_magnitudes(Table rows, Share share) {
    const i64 kind = rows[B_KIND];
    const u32 *targets = at<u32>(rows[B_TARGET_AT]);
    i64 *totals = at<i64>(rows[B_TOTALS_AT]);
    for (i64 j = share.first; j < rows[B_N_SYNAPSES]; j += share.stride) {
        if (rows[B_STRIDE] != 0 && targets[j] == 0xFFFFFFFFu)
            continue;
        i64 weight;
        if (kind == KIND_PACKED)
            weight = (i32)targets[j] >> 16;
        else if (kind == KIND_WIDE16)
            weight = at<i16>(rows[B_WEIGHT_AT])[j];
        else
            weight = at<i32>(rows[B_WEIGHT_AT])[j];
        add_to(totals + (kind == KIND_PACKED ? targets[j] & 0xFFFFu : targets[j]), weight < 0 ? -weight : weight);
    }
}
