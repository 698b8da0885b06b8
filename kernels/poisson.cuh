// Poisson spike counts: the twin of poisson.py. A thread draws the count of its neuron anew in every step.
#pragma once
#include "philox.cuh"

// Number of thresholds (uint32[n]) that the uniform word exceeds; it is beyond few of them, so from below.
DTB_FN i32 counted(const u32 *thresholds, i64 n, u32 word) {
    i32 k = 0;
    while (k < n && word > thresholds[k])
        ++k;
    return k;
}

// Count of a neuron at `step`: `thresholds` uint32[n] ascending, `coarse` their upper 15 bits, int16[n_coarse], each
// `apart` from the one before. The upper half of the word decides alone unless its first 15 bits equal those of a
// threshold.
DTB_FN i32 poisson_count(
    u32 gid, i64 step, u32 drive, u32 k0, u32 k1, const u32 *thresholds, i64 n, const i16 *coarse, i64 n_coarse,
    i64 apart
) {
    const u32 c1 = (u32)(step / POISSON_STEPS), c3 = ((u32)PURPOSE_POISSON << PURPOSE_SHIFT) | drive;
    const int phase = (int)(step % POISSON_STEPS);
    const u32 word = word_of(philox4x32(gid, c1, 0u, c3, k0, k1), phase & 3);
    const u32 upper = phase < 4 ? word & 0xFFFFu : word >> 16;
    const i32 u = (i32)(upper >> 1);
    i32 below_it = 0;
    bool unsure = u == COARSE_TOP;
    for (i64 j = 0; j < n_coarse; ++j) {
        const i32 t = coarse[j * apart];
        below_it += t < u;
        unsure |= t == u;
    }
    if (!unsure)
        return below_it;
    const u32 other = word_of(philox4x32(gid, c1, 1u, c3, k0, k1), phase & 3);
    const u32 lower = phase < 4 ? other & 0xFFFFu : other >> 16;
    return counted(thresholds, n, (upper << 16) | lower);
}
