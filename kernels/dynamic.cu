// Kernels of projections whose synapses change that are no part of a step without them: before and between those of
// step.cu, and what the host asks for between steps. Addresses of `table` are those of one row of a lane's table.
#include "dynamic.cuh"
#include "pending.cuh"
#include "sources.cuh"

// Advance the state of source candidate `source` in all tables of the lane and keep what spike number `spike` carries.
DTB_FN void advance_source(Table lane, i64 source, i64 spike, i64 step) {
    for (i64 d = 0; d < lane[N_DYNAMIC]; ++d) {
        const Table table = dynamic_table(lane, d);
        if (table[D_KIND] == D_MODULATED)
            release(table, source, step);
        const i64 k = row_of(table, source);
        if (k < 0)
            continue;
        const i64 *rows = at<i64>(table[D_SEGMENT_ROW_AT]) + k;
        if (rows[0] == rows[1])
            continue;
        i64 *carried = at<i64>(table[D_CARRIED_AT]) + 2 * spike;
        if (table[D_KIND] >= D_PLASTIC)
            source_spike(table, k, step, carried);
        else
            carried[0] = next_factor(table, k, step);
    }
}

// Sources of the spikes of this step, before dtb_schedule enters them; blocks (x, lane).
DTB_KERNEL dtb_dynamic_spikes(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = lane_table(rank);
    const i32 *published = at<i32>(rank[R_PUBLISHED_AT]);
    const i64 n = rank[R_PUBLISHED_COUNT];
    const Share share = share_of_row();
    for (i64 k = share.first; k < n; k += share.stride)
        if (k == 0 || published[k - 1] != published[k]) // one thread for all spikes of a source
            for (i64 spike = k; spike < n && published[spike] == published[k]; ++spike)
                advance_source(lane, published[k], spike, rank[R_STEP]);
}

// The same for spikes of other ranks, before dtb_schedule_remote. They are in the order of gid, then step: the thread of
// the first spike of a source does all of them, one after the other.
DTB_KERNEL dtb_dynamic_remote(Table rank) {
    const Table lane = lane_table(rank);
    const i64 *entries = at<i64>(rank[R_REMOTE_AT]), n = rank[R_REMOTE_N];
    const Share share = share_of_row();
    for (i64 k = share.first; k < n; k += share.stride) {
        const u32 gid = (u32)entries[k];
        const i64 source = k > 0 && (u32)entries[k - 1] == gid ? -1 : source_index(rank, gid);
        for (i64 spike = k; source >= 0 && spike < n && (u32)entries[spike] == gid; ++spike)
            advance_source(lane, source, spike, entries[spike] >> 32);
    }
}

// Dopamine up to this step, before dtb_input; blocks (1, lane), a thread per table.
DTB_KERNEL dtb_integrate(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    const Table lane = lane_table(rank);
    for (i64 d = threadIdx.x; d < lane[N_DYNAMIC]; d += blockDim.x)
        if (dynamic_table(lane, d)[D_KIND] == D_MODULATED)
            integrate(dynamic_table(lane, d), rank[R_STEP]);
}

// -- what the host asks for between steps: blocks (x, 1); last, trace, first: i32, float, i32 per source ---------------

// Sources as they are now.
DTB_KERNEL dtb_sources_now(Table table, i64 last, i64 trace, i64 first) {
    const Share share = share_of_row();
    for (i64 k = share.first; k < table[D_N_SOURCES]; k += share.stride) {
        at<i32>(last)[k] = at<i32>(table[D_LAST_AT])[k];
        at<float>(trace)[k] = at<float>(table[D_TRACE_AT])[2 * k];
        at<i32>(first)[k] = (i32)NEVER;
    }
}

// The first spike of every source at or after `step`.
DTB_KERNEL dtb_first_notes(Table table, i64 step, i64 first) {
    const i64 *notes = at<i64>(table[D_NOTES_AT]);
    const Share share = share_of_row();
    for (i64 r = share.first; r < *at<i32>(table[D_NOTES_COUNT_AT]); r += share.stride)
        if ((notes[2 * r] & 0xFFFFFFFF) >= step)
            atomicMin(at<i32>(first) + (notes[2 * r] >> 32), (i32)(notes[2 * r] & 0xFFFFFFFF));
}

// Those sources as they were before it.
DTB_KERNEL dtb_sources_before(Table table, i64 last, i64 trace, i64 first) {
    const i64 *notes = at<i64>(table[D_NOTES_AT]);
    const Share share = share_of_row();
    for (i64 r = share.first; r < *at<i32>(table[D_NOTES_COUNT_AT]); r += share.stride) {
        const i64 k = notes[2 * r] >> 32;
        if (at<i32>(first)[k] != (i32)(notes[2 * r] & 0xFFFFFFFF))
            continue;
        at<i32>(last)[k] = (i32)(notes[2 * r + 1] >> 32);
        at<float>(trace)[k] = float_of(notes[2 * r + 1]);
    }
}

DTB_KERNEL dtb_catch_up(Table table, i64 now, i64 until, i64 last, i64 trace, i64 first) {
    const Before before = {at<i32>(last), at<float>(trace), at<i32>(first)};
    if (table[D_KIND] == D_MODULATED)
        catch_up_rewarded(table, now, until, before, rows_of_warp(share_of_row()));
    else if (table[D_KIND] == D_STATEFUL)
        catch_up_stateful(table, share_of_row());
    else
        catch_up(table, now, until, before, rows_of_warp(share_of_row()));
}

DTB_KERNEL dtb_forget(Table table, i64 until) {
    const Share share = share_of_row();
    for (i64 i = share.first; i < table[D_N_TARGETS]; i += share.stride)
        forget(table, i, until);
}

// Multiply every weight by the factor (i64 per target, 2**-SCALE_BITS) of its target, round and bound it.
DTB_KERNEL dtb_scale_weights(Table table, i64 factors, i64 smallest, i64 largest) {
    const u32 *targets = at<u32>(table[D_TARGET_AT]);
    i32 *weights = at<i32>(table[D_WEIGHT_AT]);
    const Share share = share_of_row();
    for (i64 j = share.first; j < at<i64>(table[D_ROW_AT])[table[D_N_SOURCES]]; j += share.stride) {
        const i64 product = (i64)weights[j] * at<i64>(factors)[targets[j] - table[D_SLOT0]];
        const i64 w = larger_of((product + (1ll << (SCALE_BITS - 1))) >> SCALE_BITS, smallest);
        weights[j] = (i32)(float)(w < largest ? w : largest);  // as rules hold it, which compute in float
    }
}
