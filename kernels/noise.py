"""Noise currents: standard normal numbers per neuron and interval, white or as an Ornstein-Uhlenbeck process.

Number k of a drive on neuron g is entry k % 4 of philox(g, k // 4), mapped by the inverse-CDF table of the standard
normal distribution (float32[65537]): interpolated between entries u >> 16 and (u >> 16) + 1 with fraction
(u & 0xffff) / 65536. k counts intervals from the first step of the drive. A process x starts from its stationary
distribution, x_0 = z_0, and goes on by its exact solution over a step (Gillespie 1996, doi:10.1103/PhysRevE.54.2084),
x_k = decay x_(k-1) + kick z_k with decay = exp(-dt / tau) and kick = sqrt(1 - decay^2).
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.intrinsics import view_f32, view_i32, view_i64, view_u16, view_u32
from dtbsim.kernels.numba_support import NoAliasCompiler
from dtbsim.kernels.philox import keyed, philox4x32
from dtbsim.kernels.poisson import CHUNK, SCRATCH_WORDS
from dtbsim.numerics.philox import PURPOSE_NOISE, PURPOSE_SHIFT

NUMBERS = 4
"""Intervals whose numbers are drawn together."""
TABLE = 65_537
_HALF = np.uint32(16)
_LOW = np.uint32(0xFFFF)
_FRACTION = np.float32(2.0**-16)


@nb.njit(inline="always")
def standard_normal(word: Any, table: Any) -> Any:
    """The float32 number of a uniform word (uint32)."""
    index = word >> _HALF
    low = table[index]
    return low + (table[index + np.uint32(1)] - low) * (np.float32(word & _LOW) * _FRACTION)


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _words(gids: Any, c1: Any, c3: Any, k0: Any, k1: Any, w0: Any, w1: Any, w2: Any, w3: Any) -> None:
    for i in range(gids.size):
        w0[i], w1[i], w2[i], w3[i] = philox4x32(gids[i], c1, np.uint32(0), c3, k0, k1)


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _normals(words: Any, table: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = standard_normal(words[i], table)


@nb.njit(nogil=True)
def standard_normals(
    gids: Any, block: int, drive: Any, k0: Any, k1: Any, table: Any, scratch: Any, out: Any
) -> None:  # fmt: skip
    """Fill out[w, i] (float32[4, n]) with number 4 * block + w of neuron gids[i] (uint32[n]).

    `scratch` is uint16[SCRATCH_WORDS] as that of the Poisson drive. Two loops, so that each is vectorised.
    """
    c1 = np.uint32(block)
    c3 = np.uint32(np.uint32(PURPOSE_NOISE << PURPOSE_SHIFT) | drive)
    words = scratch[: 2 * NUMBERS * CHUNK].view(np.uint32).reshape((NUMBERS, CHUNK))
    for lo in range(0, gids.size, CHUNK):
        m = min(CHUNK, gids.size - lo)
        _words(gids[lo : lo + m], c1, c3, k0, k1, words[0], words[1], words[2], words[3])
        for w in range(NUMBERS):
            _normals(words[w], table, out[w, lo : lo + m])


@nb.njit(nogil=True)
def noise_currents(lane: Any, step: int, offset: int, k0: Any, k1: Any) -> None:
    """Add the noise of `step`, which is `offset` steps into the chunk, to the input currents, drive by drive."""
    n = lane[L.N_NOISE]
    table = view_i64(lane[L.NOISE_AT], n * L.NOISE_FIELDS)
    stim = view_f32(lane[L.STIM_AT], lane[L.N_LOCAL])
    for d in range(n):
        row = table[d * L.NOISE_FIELDS : (d + 1) * L.NOISE_FIELDS]
        if step < row[L.Q_START] or step >= row[L.Q_STOP]:
            continue
        number = (step - row[L.Q_START]) // row[L.Q_INTERVAL]
        draws = row[L.Q_DRAWS]
        buffer = view_f32(row[L.Q_BUFFER_AT], NUMBERS * draws).reshape((NUMBERS, draws))
        if row[L.Q_DRAWN] != number // NUMBERS:
            row[L.Q_DRAWN] = number // NUMBERS
            gids = view_u32(row[L.Q_GIDS_AT], draws)
            normal = view_f32(lane[L.NORMAL_AT], TABLE)
            scratch = view_u16(lane[L.SCRATCH_AT], SCRATCH_WORDS)
            key = keyed(k1, row[L.Q_HIGH])
            standard_normals(gids, number // NUMBERS, np.uint32(row[L.Q_DRIVE]), k0, key, normal, scratch, buffer)
        values = buffer[number % NUMBERS]
        if row[L.Q_STATE_AT] != 0:
            state = view_f32(row[L.Q_STATE_AT], draws)
            memory = view_f32(row[L.Q_MEMORY_AT], 2)
            if number == 0:
                state[:] = values
            else:
                _advance(state, values, memory[0], memory[1])
            values = state
        wave = view_f32(row[L.Q_WAVE_AT] + 8 * offset, 2)
        mean, sd = wave[0], wave[1]
        if mean == np.float32(0) and sd == np.float32(0):
            continue
        chosen = view_i32(row[L.Q_INDEX_AT], row[L.Q_TARGETS])
        apart = np.int64(draws == chosen.size)  # else one course for all
        for i in range(chosen.size):
            stim[chosen[i]] += mean + sd * values[apart * i]


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _advance(state: Any, values: Any, decay: Any, kick: Any) -> None:
    """One step of the processes."""
    for i in range(state.size):
        state[i] = decay * state[i] + kick * values[i]
