"""Poisson spike counts per neuron and step, four steps per Philox call.

The count of neuron g at step t is the number of thresholds that the uniform word u = philox(g, t // 4)[t % 4] exceeds:
thresholds are the cumulative probabilities in units of 2**-32, so probabilities are exact to 2**-32.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels.numba_support import NoAliasCompiler
from dtbsim.kernels.philox import PURPOSE_POISSON, PURPOSE_SHIFT, philox4x32

CHUNK = 512
MAX_COUNT = 255
UNREACHABLE = 0xFFFFFFFF
MAX_MEAN = 100.0
"""Largest mean per step: its 2**-32 tail stays below MAX_COUNT, so a count fits a byte."""


def poisson_thresholds(mean: float) -> np.ndarray:
    """uint32[m]: P(K <= k) * 2**32 - 1 for k = 0, 1, ... until the tail is below 2**-32, padded to a multiple of 8."""
    if not 0 <= mean <= MAX_MEAN:
        raise ValueError(f"Poisson mean per step {mean:g} is outside [0, {MAX_MEAN:g}]")
    cumulative = 0.0
    thresholds = []
    for k in range(MAX_COUNT):
        cumulative += math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) if mean > 0 else 1.0
        scaled = round(cumulative * 2.0**32)
        if scaled >= 2**32:
            break
        thresholds.append(scaled - 1)
    padding = [UNREACHABLE] * (8 - len(thresholds) % 8)
    return np.array(thresholds + padding, dtype=np.uint32)


@nb.njit(inline="always")
def _count_into(words: Any, thresholds: Any, m: int, counts: Any) -> None:
    """counts[i] = number of thresholds that words[i] exceeds; eight at a time, padded with UNREACHABLE."""
    for j in range(0, thresholds.size, 8):
        t0, t1, t2, t3 = thresholds[j], thresholds[j + 1], thresholds[j + 2], thresholds[j + 3]
        t4, t5, t6, t7 = thresholds[j + 4], thresholds[j + 5], thresholds[j + 6], thresholds[j + 7]
        for i in range(m):
            u = words[i]
            k = np.int32(u > t0) + np.int32(u > t1) + np.int32(u > t2) + np.int32(u > t3)
            k += np.int32(u > t4) + np.int32(u > t5) + np.int32(u > t6) + np.int32(u > t7)
            counts[i] = np.uint8(k) if j == 0 else np.uint8(counts[i] + k)


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _uniform_words(gids: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any, w0: Any, w1: Any, w2: Any, w3: Any) -> None:
    """w0 .. w3 (uint32[n]) = the four outputs per neuron."""
    for i in range(gids.size):
        r0, r1, r2, r3 = philox4x32(gids[i], c1, c2, c3, k0, k1)
        w0[i] = r0
        w1[i] = r1
        w2[i] = r2
        w3[i] = r3


@nb.njit(nogil=True)
def poisson_counts(gids: Any, step4: Any, drive: Any, k0: Any, k1: Any, thresholds: Any, words: Any, out: Any) -> None:
    """Fill out[w, i] (uint8[4, n]) with the count of neuron gids[i] (uint32[n]) at step 4 * step4 + w.

    `words` is scratch, uint32[4 * CHUNK]; `drive` the drive's index (uint32).
    """
    n = gids.size
    c2 = np.uint32(0)
    c3 = np.uint32(np.uint32(PURPOSE_POISSON << PURPOSE_SHIFT) | drive)
    w0, w1, w2, w3 = words[:CHUNK], words[CHUNK : 2 * CHUNK], words[2 * CHUNK : 3 * CHUNK], words[3 * CHUNK : 4 * CHUNK]
    lo = 0
    while lo < n:
        m = min(CHUNK, n - lo)
        part = gids[lo : lo + m]
        _uniform_words(part, np.uint32(step4), c2, c3, k0, k1, w0, w1, w2, w3)
        _count_into(w0, thresholds, m, out[0, lo : lo + m])
        _count_into(w1, thresholds, m, out[1, lo : lo + m])
        _count_into(w2, thresholds, m, out[2, lo : lo + m])
        _count_into(w3, thresholds, m, out[3, lo : lo + m])
        lo += m
