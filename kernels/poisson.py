"""Poisson spike counts per neuron and step, eight steps per Philox call.

The count of neuron g at step t is the number of thresholds that a uniform 32-bit word u exceeds; thresholds are the
cumulative probabilities in units of 2**-32, so probabilities are exact to 2**-32. The upper half of u comes from
philox(g, t // 8): word t % 4, its lower half for t % 8 < 4 and its upper half else. Its first 15 bits decide alone
unless they equal those of a threshold; then (once in some thousand draws) the lower half of u is drawn too, from the
same place of another call.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_i16, view_u32
from dtbsim.kernels.numba_support import NoAliasCompiler
from dtbsim.kernels.philox import keyed, philox4x32
from dtbsim.kernels.runs import gid_at, run_at
from dtbsim.numerics.limits import MAX_COUNT, MAX_MEAN
from dtbsim.numerics.philox import PURPOSE_POISSON, PURPOSE_SHIFT

CHUNK = 512
STEPS = 8
"""Steps whose counts are drawn together."""
SCRATCH_WORDS = STEPS * CHUNK + CHUNK // 2
"""uint16 words: halves of the draws, then a byte per neuron."""
UNREACHABLE = 0xFFFFFFFF
COARSE_TOP = 0x7FFF
_SIGN = np.int16(15)
SHARED_GID = 0xFFFFFFFF
"""Stands for all targets of a drive that gives them one train: none of them draws for itself."""
_CALL_LOW = np.uint32(1)
"""Counter word 2 of the call that gives lower halves (0: the one that gives upper halves)."""


def poisson_thresholds(mean: float) -> np.ndarray:
    """uint32[m]: P(K <= k) * 2**32 - 1 for k = 0, 1, ... until the tail is below 2**-32.

    Where P(K <= k) rounds to 0 the threshold is 0, the lowest there is.
    """
    if not 0 <= mean <= MAX_MEAN:
        raise ValueError(f"Poisson mean per step {mean:g} is outside [0, {MAX_MEAN:g}]")
    cumulative = 0.0
    thresholds = []
    for k in range(MAX_COUNT):
        cumulative += math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) if mean > 0 else 1.0
        scaled = round(cumulative * 2.0**32)
        if scaled >= 2**32:
            break
        thresholds.append(max(scaled - 1, 0))
    return np.array([*thresholds, UNREACHABLE], dtype=np.uint32)


def coarse_thresholds(thresholds: np.ndarray) -> np.ndarray:
    """int16[c]: upper 15 bits of the thresholds that 15 bits of a draw can exceed, padded to a multiple of 4."""
    upper = (thresholds >> np.uint32(17)).astype(np.int16)
    reachable = upper[upper < COARSE_TOP]
    padding = np.full(-reachable.size % 4, COARSE_TOP, dtype=np.int16)
    return np.concatenate([reachable, padding])


def threshold_tables(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds uint32[n, m] and coarse ones int16[n, c] of many means (float64[n]), rows padded as single ones are.

    Probabilities come from the recursion p_k = p_(k-1) mean / k, each row by itself.
    """
    if means.size and not (means.min() >= 0 and means.max() <= MAX_MEAN):
        raise ValueError(f"Poisson means per step {means.min():g} to {means.max():g} are not within [0, {MAX_MEAN:g}]")
    probability = np.exp(-means)
    cumulative = np.zeros(means.size)
    columns = []
    for k in range(MAX_COUNT):
        if k:
            probability = probability * means / k
        cumulative = cumulative + probability
        scaled = np.rint(cumulative * 2.0**32)
        columns.append(np.where(scaled < 2.0**32, np.maximum(scaled - 1.0, 0.0), UNREACHABLE).astype(np.uint32))
        if (scaled >= 2.0**32).all():
            break
    thresholds = np.stack(columns, axis=1)
    coarse = (thresholds >> np.uint32(17)).astype(np.int16)
    reachable = int((coarse < COARSE_TOP).sum(axis=1).max(initial=0))
    width = min((reachable + 3) // 4 * 4, coarse.shape[1])
    padded = np.full((means.size, (reachable + 3) // 4 * 4), COARSE_TOP, dtype=np.int16)
    padded[:, :width] = coarse[:, :width]
    return thresholds, padded


def own_tables(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds uint32[n, m] of many means (float64[n]) and coarse ones int16[c, n], a column per mean.

    Every row has the thresholds that `poisson_thresholds` gives for its mean, to the bit; rows are padded with
    UNREACHABLE, columns with COARSE_TOP.
    """
    if means.size and not (means.min() >= 0 and means.max() <= MAX_MEAN):
        raise ValueError(f"Poisson means per step {means.min():g} to {means.max():g} are not within [0, {MAX_MEAN:g}]")
    distinct, which = np.unique(means, return_inverse=True)
    logs = np.array([math.log(mean) if mean > 0 else -math.inf for mean in distinct.tolist()])
    going = np.arange(distinct.size)
    cumulative = np.zeros(distinct.size)
    columns = []
    for k in range(MAX_COUNT):
        mean = distinct[going]
        exponents = (k * logs[going] if k else np.zeros(going.size)) - mean - math.lgamma(k + 1)
        cumulative[going] += np.fromiter(map(math.exp, exponents.tolist()), np.float64, going.size)
        scaled = np.rint(cumulative[going] * 2.0**32)
        column = np.full(distinct.size, UNREACHABLE, np.uint32)
        below = scaled < 2.0**32
        going = going[below]
        if not going.size:
            break
        column[going] = np.maximum(scaled[below] - 1.0, 0.0).astype(np.uint32)
        columns.append(column)
    columns.append(np.full(distinct.size, UNREACHABLE, np.uint32))
    thresholds = np.stack(columns, axis=1)
    coarse = (thresholds >> np.uint32(17)).astype(np.int16)
    reachable = int((coarse < COARSE_TOP).sum(axis=1).max(initial=0))
    padded = np.full(((reachable + 3) // 4 * 4, distinct.size), COARSE_TOP, dtype=np.int16)
    padded[:reachable] = coarse[:, :reachable].T
    return np.ascontiguousarray(thresholds[which]), np.ascontiguousarray(padded[:, which])


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _count_into(halves: Any, coarse: Any, m: int, counts: Any, unsure: Any) -> None:
    """counts[i] = thresholds below the upper 15 bits of halves[i] (uint16); unsure[i] = 1 where they equal one.

    Four thresholds at a time, in 16-bit arithmetic throughout: differences of 15-bit numbers do not overflow, their
    sign is the comparison, and the smallest of them as unsigned numbers is 0 where any is. The top value, which the
    thresholds beyond the last reachable one share, always leaves it open.
    """
    for i in range(m):
        top = np.int16(np.int16(COARSE_TOP) - np.int16(halves[i] >> np.uint16(1)))
        counts[i] = np.uint8(0)
        unsure[i] = np.uint8(top == 0)
    for j in range(0, coarse.size, 4):
        t0, t1, t2, t3 = coarse[j], coarse[j + 1], coarse[j + 2], coarse[j + 3]
        for i in range(m):
            u = np.int16(halves[i] >> np.uint16(1))
            d0 = np.int16(t0 - u)
            d1 = np.int16(t1 - u)
            d2 = np.int16(t2 - u)
            d3 = np.int16(t3 - u)
            below = np.int16(d0 >> _SIGN) + np.int16(d1 >> _SIGN) + np.int16(d2 >> _SIGN) + np.int16(d3 >> _SIGN)
            least = min(min(np.uint16(d0), np.uint16(d1)), min(np.uint16(d2), np.uint16(d3)))
            counts[i] = np.uint8(counts[i] - below)
            unsure[i] = np.uint8(unsure[i] | np.uint8(least == 0))


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _count_own(halves: Any, t0: Any, t1: Any, t2: Any, t3: Any, m: int, counts: Any, unsure: Any) -> None:
    """Add four thresholds of each neuron (int16[m] each) to what `_count_into` counts."""
    for i in range(m):
        u = np.int16(halves[i] >> np.uint16(1))
        d0 = np.int16(t0[i] - u)
        d1 = np.int16(t1[i] - u)
        d2 = np.int16(t2[i] - u)
        d3 = np.int16(t3[i] - u)
        below = np.int16(d0 >> _SIGN) + np.int16(d1 >> _SIGN) + np.int16(d2 >> _SIGN) + np.int16(d3 >> _SIGN)
        least = min(min(np.uint16(d0), np.uint16(d1)), min(np.uint16(d2), np.uint16(d3)))
        counts[i] = np.uint8(counts[i] - below)
        unsure[i] = np.uint8(unsure[i] | np.uint8(least == 0))


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _halves(
    gids: Any, c1: Any, c3: Any, k0: Any, k1: Any,
    h0: Any, h1: Any, h2: Any, h3: Any, h4: Any, h5: Any, h6: Any, h7: Any,
) -> None:  # fmt: skip
    """h0 .. h7 (uint16[n]) = the lower halves of the four outputs per neuron, then the upper ones."""
    for i in range(gids.size):
        r0, r1, r2, r3 = philox4x32(gids[i], c1, np.uint32(0), c3, k0, k1)
        h0[i] = np.uint16(r0)
        h1[i] = np.uint16(r1)
        h2[i] = np.uint16(r2)
        h3[i] = np.uint16(r3)
        h4[i] = np.uint16(r0 >> np.uint32(16))
        h5[i] = np.uint16(r1 >> np.uint32(16))
        h6[i] = np.uint16(r2 >> np.uint32(16))
        h7[i] = np.uint16(r3 >> np.uint32(16))


@nb.njit(nogil=True)
def _exact(gid: Any, c1: Any, c3: Any, k0: Any, k1: Any, step: int, upper: Any, thresholds: Any) -> Any:
    """The count from all 32 bits."""
    r0, r1, r2, r3 = philox4x32(gid, c1, _CALL_LOW, c3, k0, k1)
    which = step & 3
    word = r0 if which == 0 else (r1 if which == 1 else (r2 if which == 2 else r3))
    low = word & np.uint32(0xFFFF) if step < 4 else word >> np.uint32(16)
    u = (np.uint32(upper) << np.uint32(16)) | np.uint32(low)
    k = 0
    for j in range(thresholds.size):
        if u > thresholds[j]:
            k += 1
    return np.uint8(k)


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _halves_of_run(
    gid0: int, c1: Any, c3: Any, k0: Any, k1: Any,
    h0: Any, h1: Any, h2: Any, h3: Any, h4: Any, h5: Any, h6: Any, h7: Any,
) -> None:  # fmt: skip
    """The same of neurons of consecutive ids from `gid0` on."""
    for i in range(h0.size):
        r0, r1, r2, r3 = philox4x32(np.uint32(gid0 + i), c1, np.uint32(0), c3, k0, k1)
        h0[i] = np.uint16(r0)
        h1[i] = np.uint16(r1)
        h2[i] = np.uint16(r2)
        h3[i] = np.uint16(r3)
        h4[i] = np.uint16(r0 >> np.uint32(16))
        h5[i] = np.uint16(r1 >> np.uint32(16))
        h6[i] = np.uint16(r2 >> np.uint32(16))
        h7[i] = np.uint16(r3 >> np.uint32(16))


@nb.njit(nogil=True)
def poisson_counts(
    runs: Any, first: int, n: int, step8: Any, drive: Any, k0: Any, k1: Any, thresholds: Any, coarse: Any,
    scratch: Any, out: Any,
) -> None:  # fmt: skip
    """Fill out[w, i] (uint8[8, n]) with the count of the neuron of local index first + i at step 8 * step8 + w.

    `runs` as `kernels.runs` has them; `thresholds` and `coarse` as the functions of these names give them; `scratch`
    is uint16[SCRATCH_WORDS]; `drive` the drive's index (uint32).
    """
    c1 = np.uint32(step8)
    c3 = np.uint32(np.uint32(PURPOSE_POISSON << PURPOSE_SHIFT) | drive)
    halves = scratch[: STEPS * CHUNK].reshape((STEPS, CHUNK))
    unsure = scratch[STEPS * CHUNK :].view(np.uint8)
    together = unsure.view(np.uint64)
    run = run_at(runs, first)
    lo = 0
    while lo < n:
        m = min(CHUNK, n - lo)
        a = np.int64(0)
        while a < m:
            local = first + lo + a
            gid = runs[run, L.RUN_GID0] + local - runs[run, L.RUN_LOCAL]
            b = min(np.int64(m), a + runs[run + 1, L.RUN_LOCAL] - local)
            _halves_of_run(
                gid, c1, c3, k0, keyed(k1, gid >> 32),
                halves[0, a:b], halves[1, a:b], halves[2, a:b], halves[3, a:b],
                halves[4, a:b], halves[5, a:b], halves[6, a:b], halves[7, a:b],
            )  # fmt: skip
            run += np.int64(local + b - a == runs[run + 1, L.RUN_LOCAL])
            a = b
        for w in range(STEPS):
            counts = out[w, lo : lo + m]
            _count_into(halves[w], coarse, m, counts, unsure)
            unsure[m : (m + 7) // 8 * 8] = np.uint8(0)
            for block in range((m + 7) // 8):
                if together[block] != 0:
                    for i in range(8 * block, min(8 * block + 8, m)):
                        if unsure[i] != 0:
                            gid = gid_at(runs, first + lo + i)
                            key = keyed(k1, gid >> 32)
                            counts[i] = _exact(np.uint32(gid), c1, c3, k0, key, w, halves[w, i], thresholds)
        lo += m


@nb.njit(nogil=True)
def varied_counts(
    gids: Any, step8: Any, drive: Any, k0: Any, k1: Any, rates: Any,
    threshold_at: int, n_thresholds: int, coarse_at: int, n_coarse: int, scratch: Any, out: Any,
) -> None:  # fmt: skip
    """`poisson_counts` with thresholds of their own in every step: row rates[w] (int32[8]), below 0 no events.

    The tables are uint32[rows, n_thresholds] and int16[rows, n_coarse] at the addresses.
    """
    c1 = np.uint32(step8)
    c3 = np.uint32(np.uint32(PURPOSE_POISSON << PURPOSE_SHIFT) | drive)
    halves = scratch[: STEPS * CHUNK].reshape((STEPS, CHUNK))
    unsure = scratch[STEPS * CHUNK :].view(np.uint8)
    for lo in range(0, gids.size, CHUNK):
        m = min(CHUNK, gids.size - lo)
        part = gids[lo : lo + m]
        _halves(
            part, c1, c3, k0, k1,
            halves[0], halves[1], halves[2], halves[3], halves[4], halves[5], halves[6], halves[7],
        )  # fmt: skip
        for w in range(STEPS):
            counts = out[w, lo : lo + m]
            if rates[w] < 0:
                counts[:] = np.uint8(0)
                continue
            thresholds = view_u32(threshold_at + 4 * n_thresholds * rates[w], n_thresholds)
            _count_into(halves[w], view_i16(coarse_at + 2 * n_coarse * rates[w], n_coarse), m, counts, unsure)
            for i in range(m):
                if unsure[i] != 0:
                    counts[i] = _exact(part[i], c1, c3, k0, k1, w, halves[w, i], thresholds)


@nb.njit(nogil=True)
def own_counts(
    gids: Any, step8: Any, drive: Any, k0: Any, k1: Any, rates: Any,
    threshold_at: int, n_thresholds: int, coarse_at: int, n_coarse: int, scratch: Any, out: Any,
) -> None:  # fmt: skip
    """`varied_counts` with thresholds of its own for every neuron, as `own_tables` gives them, where rates[w] >= 0."""
    n = gids.size
    c1 = np.uint32(step8)
    c3 = np.uint32(np.uint32(PURPOSE_POISSON << PURPOSE_SHIFT) | drive)
    halves = scratch[: STEPS * CHUNK].reshape((STEPS, CHUNK))
    unsure = scratch[STEPS * CHUNK :].view(np.uint8)
    no_thresholds = view_i16(coarse_at, 0)
    for lo in range(0, n, CHUNK):
        m = min(CHUNK, n - lo)
        part = gids[lo : lo + m]
        _halves(
            part, c1, c3, k0, k1,
            halves[0], halves[1], halves[2], halves[3], halves[4], halves[5], halves[6], halves[7],
        )  # fmt: skip
        for w in range(STEPS):
            counts = out[w, lo : lo + m]
            if rates[w] < 0:
                counts[:] = np.uint8(0)
                continue
            _count_into(halves[w], no_thresholds, m, counts, unsure)
            for j in range(0, n_coarse, 4):
                at = coarse_at + 2 * (j * n + lo)
                _count_own(
                    halves[w], view_i16(at, m), view_i16(at + 2 * n, m), view_i16(at + 4 * n, m),
                    view_i16(at + 6 * n, m), m, counts, unsure,
                )  # fmt: skip
            for i in range(m):
                if unsure[i] != 0:
                    thresholds = view_u32(threshold_at + 4 * n_thresholds * (lo + i), n_thresholds)
                    counts[i] = _exact(part[i], c1, c3, k0, k1, w, halves[w, i], thresholds)
