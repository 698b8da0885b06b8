"""Input that does not come from synapses: Poisson drives, listed events, currents."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_f32, view_i16, view_i32, view_i64, view_u8, view_u16, view_u32
from dtbsim.kernels.philox import keyed
from dtbsim.kernels.poisson import SCRATCH_WORDS, STEPS, own_counts, poisson_counts, varied_counts
from dtbsim.kernels.runs import runs_of


@nb.njit(nogil=True)
def _add_counts(counts: Any, weight: int, acc: Any) -> None:
    for i in range(counts.size):
        acc[i] += np.int32(counts[i]) * np.int32(weight)


@nb.njit(nogil=True)
def _add_counts_wide(counts: Any, weight: int, acc: Any) -> None:
    for i in range(counts.size):
        acc[i] += np.int64(counts[i]) * weight


@nb.njit(nogil=True)
def poisson_drives(lane: Any, step: int, k0: Any, k1: Any) -> None:
    """Add the Poisson input of `step`; counts are drawn for several steps at once."""
    table = view_i64(lane[L.POISSON_AT], lane[L.N_POISSON] * L.POISSON_FIELDS)
    phase = step & (STEPS - 1)
    for d in range(lane[L.N_POISSON]):
        row = table[d * L.POISSON_FIELDS : (d + 1) * L.POISSON_FIELDS]
        n = row[L.P_COUNT]
        if step < row[L.P_START] or step >= row[L.P_STOP]:
            continue
        buffer = view_u8(row[L.P_BUFFER_AT], STEPS * n).reshape((STEPS, n))
        if row[L.P_DRAWN] != step // STEPS:
            row[L.P_DRAWN] = step // STEPS
            thresholds = view_u32(row[L.P_THRESHOLD_AT], row[L.P_THRESHOLDS])
            coarse = view_i16(row[L.P_COARSE_AT], row[L.P_COARSE])
            scratch = view_u16(lane[L.SCRATCH_AT], SCRATCH_WORDS)
            drive, first = np.uint32(row[L.P_DRIVE]), row[L.P_LOCAL]
            poisson_counts(runs_of(lane), first, n, step // STEPS, drive, k0, k1, thresholds, coarse, scratch, buffer)
        slot = row[L.P_SLOT]
        if lane[L.SYNAPSE_KIND] == L.KIND_WIDE64:
            acc64 = view_i64(lane[L.ACC_AT] + 8 * slot, n)
            _add_counts_wide(buffer[phase], row[L.P_WEIGHT], acc64)
        else:
            acc32 = view_i32(lane[L.ACC_AT] + 4 * slot, n)
            _add_counts(buffer[phase], row[L.P_WEIGHT], acc32)


@nb.njit(nogil=True)
def varied_poisson(lane: Any, step: int, chunk_start: int, k0: Any, k1: Any) -> None:
    """Add the input of `step` of the Poisson drives whose rates vary, that reach chosen neurons, or share a train."""
    n = lane[L.N_VARIED]
    table = view_i64(lane[L.VARIED_AT], n * L.VARIED_FIELDS)
    block = step // STEPS
    first = STEPS * block - chunk_start // STEPS * STEPS
    for d in range(n):
        row = table[d * L.VARIED_FIELDS : (d + 1) * L.VARIED_FIELDS]
        rates = view_i32(row[L.V_RATES_AT] + 4 * first, STEPS)
        if rates[step & (STEPS - 1)] < 0:
            continue
        draws = row[L.V_DRAWS]
        buffer = view_u8(row[L.V_BUFFER_AT], STEPS * draws).reshape((STEPS, draws))
        if row[L.V_DRAWN] != block:
            row[L.V_DRAWN] = block
            gids = view_u32(row[L.V_GIDS_AT], draws)
            scratch = view_u16(lane[L.SCRATCH_AT], SCRATCH_WORDS)
            drive, key = np.uint32(row[L.V_DRIVE]), keyed(k1, row[L.V_HIGH])
            if row[L.V_OWN] != 0:
                own_counts(
                    gids, block, drive, k0, key, rates, row[L.V_THRESHOLD_AT], row[L.V_THRESHOLDS],
                    row[L.V_COARSE_AT], row[L.V_COARSE], scratch, buffer,
                )  # fmt: skip
            else:
                varied_counts(
                    gids, block, drive, k0, key, rates, row[L.V_THRESHOLD_AT], row[L.V_THRESHOLDS],
                    row[L.V_COARSE_AT], row[L.V_COARSE], scratch, buffer,
                )  # fmt: skip
        slots = view_i64(row[L.V_SLOTS_AT], row[L.V_TARGETS])
        apart = np.int64(draws == slots.size)  # else one train for all
        counts = buffer[step & (STEPS - 1)]
        if lane[L.SYNAPSE_KIND] == L.KIND_WIDE64:
            acc64 = view_i64(lane[L.ACC_AT], lane[L.N_SLOTS])
            for i in range(slots.size):
                acc64[slots[i]] += np.int64(counts[apart * i]) * row[L.V_WEIGHT]
        else:
            acc32 = view_i32(lane[L.ACC_AT], lane[L.N_SLOTS])
            for i in range(slots.size):
                acc32[slots[i]] += np.int32(counts[apart * i]) * np.int32(row[L.V_WEIGHT])


@nb.njit(nogil=True)
def listed_events(lane: Any, step: int) -> None:
    """Add the external events of `step` (step, slot, weight)."""
    n = lane[L.N_EVENTS]
    events = view_i64(lane[L.EVENTS_AT], 3 * n)
    cursor = lane[L.EVENT_CURSOR]
    while cursor < n and events[3 * cursor] <= step:
        if events[3 * cursor] == step:
            slot = events[3 * cursor + 1]
            if lane[L.SYNAPSE_KIND] == L.KIND_WIDE64:
                view_i64(lane[L.ACC_AT], slot + 1)[slot] += events[3 * cursor + 2]
            else:
                view_i32(lane[L.ACC_AT], slot + 1)[slot] += np.int32(events[3 * cursor + 2])
        cursor += 1
    lane[L.EVENT_CURSOR] = cursor


@nb.njit(nogil=True)
def currents(lane: Any, offset: int) -> None:
    """Set the input currents of the step `offset` steps into the chunk: the sum of all waveforms, in their order.

    Noise comes on top, by `noise_currents`.
    """
    n = lane[L.N_CURRENTS]
    if n + lane[L.N_NOISE] == 0:
        return
    table = view_i64(lane[L.CURRENTS_AT], n * L.CURRENT_FIELDS)
    stim = view_f32(lane[L.STIM_AT], lane[L.N_LOCAL])
    for i in range(stim.size):
        stim[i] = np.float32(0)
    for d in range(n):
        row = table[d * L.CURRENT_FIELDS : (d + 1) * L.CURRENT_FIELDS]
        value = view_f32(row[L.C_WAVE_AT], offset + 1)[offset]
        if row[L.C_INDEX_AT] != 0:
            chosen = view_i32(row[L.C_INDEX_AT], row[L.C_COUNT])
            for i in range(chosen.size):
                stim[chosen[i]] += value
            continue
        part = stim[row[L.C_LOCAL] : row[L.C_LOCAL] + row[L.C_COUNT]]
        for i in range(part.size):
            part[i] += value
