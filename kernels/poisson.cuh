// Poisson spike counts: the twin of poisson.py. Who draws for a neuron may keep the words of eight steps, or its counts.
#pragma once
#include "philox.cuh"

// Number of thresholds (uint32[n]) that the uniform word exceeds; it is beyond few of them, so from below.
DTB_FN i32 counted(const u32 *thresholds, i64 n, u32 word) {
    i32 k = 0;
    while (k < n && word > thresholds[k])
        ++k;
    return k;
}

// The words that give the upper halves of a neuron's draws in the eight steps that `step` is among.
DTB_FN Words poisson_words(u32 gid, i64 step, u32 drive, u32 k0, u32 k1) {
    const u32 c3 = ((u32)PURPOSE_POISSON << PURPOSE_SHIFT) | drive;
    return philox4x32(gid, (u32)(step / POISSON_STEPS), 0u, c3, k0, k1);
}

DTB_FN u32 half_of(const Words &words, int phase) {
    const u32 word = word_of(words, phase & 3);
    return phase < 4 ? word & 0xFFFFu : word >> 16;
}

// How many of the coarse thresholds are below `u`: they ascend, in fours. Where they lie together, four are one load.
DTB_FN i32 coarse_below(const i16 *coarse, i64 n, i64 apart, i32 u) {
    i32 k = 0;
    if (apart != 1) {
        for (i64 j = 0; j < n; ++j)
            k += coarse[j * apart] < u;
        return k;
    }
    for (i64 j = 0; j < n; j += 4) {
        u64 four;
#ifdef DTB_HOST
        memcpy(&four, coarse + j, sizeof four);
#else
        four = *reinterpret_cast<const u64 *>(coarse + j);
#endif
#pragma unroll
        for (int t = 0; t < 64; t += 16)
            k += (i32)((four >> t) & 0xFFFFu) < u;
    }
    return k;
}

// Count of a neuron at `step` from the words of its eight steps: `thresholds` uint32[n] ascending, `coarse` their upper
// 15 bits, int16[n_coarse], each `apart` from the one before. The upper half of the word decides alone unless its first
// 15 bits equal those of a threshold: of the first one that is not below, if they ascend.
DTB_FN i32 poisson_count(
    const Words &words, u32 gid, i64 step, u32 drive, u32 k0, u32 k1, const u32 *thresholds, i64 n, const i16 *coarse,
    i64 n_coarse, i64 apart
) {
    const int phase = (int)(step % POISSON_STEPS);
    const u32 upper = half_of(words, phase);
    const i32 u = (i32)(upper >> 1), below_it = coarse_below(coarse, n_coarse, apart, u);
    if (u != COARSE_TOP && (below_it == n_coarse || coarse[below_it * apart] != u))
        return below_it;
    const u32 c1 = (u32)(step / POISSON_STEPS), c3 = ((u32)PURPOSE_POISSON << PURPOSE_SHIFT) | drive;
    const Words others = philox4x32(gid, c1, 1u, c3, k0, k1);
    return counted(thresholds, n, (upper << 16) | half_of(others, phase));
}
