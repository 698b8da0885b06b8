// Philox 4x32-10 (Salmon et al. 2011): the twin of philox.py.
#pragma once
#include "base.cuh"

struct Words {
    u32 w0, w1, w2, w3;
};

DTB_FN u32 high_product(u32 a, u32 b) {
#ifdef DTB_HOST
    return (u32)(((u64)a * b) >> 32);
#else
    return __umulhi(a, b);
#endif
}

DTB_FN Words philox4x32(u32 c0, u32 c1, u32 c2, u32 c3, u32 k0, u32 k1) {
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const u32 high0 = high_product(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        const u32 high1 = high_product(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {c0, c1, c2, c3};
}

DTB_FN u32 word_of(const Words &words, int which) {
    return which == 0 ? words.w0 : which == 1 ? words.w1 : which == 2 ? words.w2 : words.w3;
}

// Integer in [0, n) from 64 random bits, n < 2**32: floor(u * n).
DTB_FN u32 below(u32 high, u32 low, u32 n) {
    const u64 carry = ((u64)low * n) >> 32;
    return (u32)(((u64)high * n + carry) >> 32);
}
