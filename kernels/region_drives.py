"""What drives bring to regions in a block of steps: courses in time and noise, into the rows that kernels read.

A row of the table is a drive on one input of one population. Each element gets one of its parts, or none; what a part
gives in the steps of a chunk is there as float32. Number k of the noise of element e, counted from the first step of
the part in intervals, is entry k % 4 of philox(region, k // 4, 0, purpose and drive) under the key of the member's
seed, mapped by the table of normal quantiles; a process goes on from step to step as that of a current of neurons.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import region_layout as R
from dtbsim.kernels.intrinsics import view_f32, view_i32, view_i64, view_u32
from dtbsim.kernels.noise import TABLE, standard_normal
from dtbsim.kernels.philox import philox4x32
from dtbsim.numerics.philox import PURPOSE_REGION_DRIVE, PURPOSE_SHIFT

D_TABLE, D_OUT, D_NODES, D_FIRST, D_WHICH, D_PARTS, D_WAVES, D_SDS, D_SPAN, D_FROM = range(10)
D_TIMES, D_MEMORY, D_PROCESS, D_NUMBERS, D_DRAWN, D_DRIVE, D_SHARED = range(10, 17)
DRIVE_FIELDS = 17
"""Addresses of: the population's table; out float32[block, elements]; which int32[elements]; waves and sds (0: none)
float32[parts, span]; times int64[parts, 3], first step, the one after the last, and interval; memory float32[parts, 2],
decay (below 0: white) and kick; process float32[elements]; numbers float32[elements, 4]; drawn int64[elements]."""

NUMBERS = 4
_ALL = np.uint32(0xFFFFFFFF)
_F = np.float32


@nb.njit(nogil=True, error_model="numpy")
def _courses(row: Any, size: int, at: int, steps: int, low: int, high: int) -> None:
    out, which = view_f32(row[D_OUT], steps * size), view_i32(row[D_WHICH], size)
    span = row[D_SPAN]
    waves = view_f32(row[D_WAVES], row[D_PARTS] * span)
    for k in range(steps):
        here = out[k * size : (k + 1) * size]
        if row[D_FIRST] != 0:
            here[low:high] = _F(0.0)
        for i in range(low, high):
            part = which[i]
            if part >= 0:
                here[i] += waves[part * span + at + k]


@nb.njit(nogil=True, error_model="numpy")
def _noise(row: Any, size: int, step: int, steps: int, low: int, high: int) -> None:
    table = view_i64(row[D_TABLE], R.FIRST)
    nodes, seeds = view_u32(table[R.ELEMENT_NODES], size), view_u32(table[R.ELEMENT_SEEDS], size)
    normal, key_1 = view_f32(table[R.NORMAL], TABLE), np.uint32(table[R.KEY_1])
    out, which, parts = view_f32(row[D_OUT], steps * size), view_i32(row[D_WHICH], size), row[D_PARTS]
    span, at = row[D_SPAN], step - row[D_FROM]
    sds, times = view_f32(row[D_SDS], parts * span), view_i64(row[D_TIMES], 3 * parts)
    memory, process = view_f32(row[D_MEMORY], 2 * parts), view_f32(row[D_PROCESS], size)
    numbers, drawn = view_f32(row[D_NUMBERS], NUMBERS * size), view_i64(row[D_DRAWN], size)
    purpose = np.uint32(PURPOSE_REGION_DRIVE << PURPOSE_SHIFT) + np.uint32(row[D_DRIVE])
    for i in range(low, high):
        part = which[i]
        if part < 0:
            continue
        start, stop, interval = times[3 * part], times[3 * part + 1], times[3 * part + 2]
        decay, kick = memory[2 * part], memory[2 * part + 1]
        for k in range(steps):
            now = step + k
            if now < start or now >= stop:
                continue
            number = (now - start) // interval
            if drawn[i] != number // NUMBERS:
                drawn[i] = number // NUMBERS
                node = _ALL if row[D_SHARED] != 0 else nodes[i]
                w0, w1, w2, w3 = philox4x32(
                    node, np.uint32(number // NUMBERS), np.uint32(0), purpose, seeds[i], key_1
                )  # fmt: skip
                numbers[NUMBERS * i] = standard_normal(w0, normal)
                numbers[NUMBERS * i + 1] = standard_normal(w1, normal)
                numbers[NUMBERS * i + 2] = standard_normal(w2, normal)
                numbers[NUMBERS * i + 3] = standard_normal(w3, normal)
            z = numbers[NUMBERS * i + number % NUMBERS]
            if decay >= _F(0.0):
                if number > 0:
                    z = decay * process[i] + kick * z
                process[i] = z
            out[k * size + i] += sds[part * span + at + k] * z


@nb.njit(nogil=True, error_model="numpy")
def drive_regions(row: Any, lanes: int, step: int, steps: int, first: int, last: int) -> None:
    """Write (or add, where it is not the first of its input) what a drive gives nodes `first` to before `last`."""
    size = row[D_NODES] * lanes
    _courses(row, size, step - row[D_FROM], steps, first * lanes, last * lanes)
    if row[D_SDS] != 0:
        _noise(row, size, step, steps, first * lanes, last * lanes)
