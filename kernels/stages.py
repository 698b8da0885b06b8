"""Parts of a step that many networks do not have, each compiled by itself, when a lane needs it.

The window calls them through addresses in the lane table, 0 where there is nothing to do, so that a network pays for
compiling only what it uses. A stage is a C function of seven int64 that returns 1, or 0 where memory ran out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numba as nb
import numpy as np
from numba import types
from numba.core.ccallback import CFunc
from numpy.typing import NDArray

from dtbsim.kernels import layout as L
from dtbsim.kernels.compiled_cache import CompiledCache
from dtbsim.kernels.delay_queue import ROW_AHEAD, SEGMENTS_AHEAD
from dtbsim.kernels.detect import emit_random
from dtbsim.kernels.drives import poisson_drives, varied_poisson
from dtbsim.kernels.dynamic import deliver_dynamic, schedule_dynamic
from dtbsim.kernels.history import remember_spikes
from dtbsim.kernels.intrinsics import view_i32, view_i64
from dtbsim.kernels.jit import source_hash, static_dir
from dtbsim.kernels.noise import noise_currents
from dtbsim.kernels.procedural import deliver_procedural, schedule_procedural
from dtbsim.kernels.rounds import begin, finish
from dtbsim.kernels.sources import gid_of, source_index, step_of
from dtbsim.kernels.sparse_rows import prefetch_bytes, prefetch_first, schedule_sparse

SIGNATURE = types.int64(*[types.int64] * 7)


@nb.njit(nogil=True)
def _spike(rank: Any, spikes_at: int, k: int, step: int) -> Any:
    """(source, step) of spike k: of int32 sources here that fired in `step`; of entries of a log if that is -1."""
    if step >= 0:
        return np.int64(view_i32(spikes_at, k + 1)[k]), np.int64(step)
    entry = view_i64(spikes_at, k + 1)[k]
    return np.int64(source_index(rank, gid_of(rank, entry))), step_of(rank, entry)


class Stage:
    """A function of the signature above, compiled, or loaded from the kernel cache, when its address is asked for."""

    def __init__(self, function: Callable[..., int]) -> None:
        self._function = function

    @cached_property
    def _definition(self) -> Any:
        signature = SIGNATURE.args, SIGNATURE.return_type
        definition: Any = CFunc(self._function, signature, locals={}, options={"nogil": True})
        definition._cache = CompiledCache(self._function, static_dir, source_hash())
        return definition

    @cached_property
    def _compiled(self) -> Any:
        self._definition.compile()
        return self._definition

    @property
    def address(self) -> int:
        """Where the machine code is; it lives as long as this object."""
        return int(self._compiled.address)

    @property
    def ready(self) -> bool:
        """Whether it has been compiled here, or the kernel cache has its machine code."""
        if "_compiled" in vars(self):
            return True
        definition = self._definition
        return bool(definition._cache.holds(definition._sig, definition._targetdescr.target_context))

    def compile(self) -> None:
        """Compile it, or load it from the kernel cache."""
        assert self.address


@Stage
def poisson(lane_at: int, step: int, chunk_start: int, k0: int, k1: int, a: int, b: int) -> int:
    """Poisson drives of one rate."""
    poisson_drives(view_i64(lane_at, L.LANE_FIELDS), step, np.uint32(k0), np.uint32(k1))
    return 1


@Stage
def varied(lane_at: int, step: int, chunk_start: int, k0: int, k1: int, a: int, b: int) -> int:
    """All other Poisson drives."""
    varied_poisson(view_i64(lane_at, L.LANE_FIELDS), step, chunk_start, np.uint32(k0), np.uint32(k1))
    return 1


@Stage
def noise(lane_at: int, step: int, chunk_start: int, k0: int, k1: int, a: int, b: int) -> int:
    """Currents that are drawn."""
    lane = view_i64(lane_at, L.LANE_FIELDS)
    noise_currents(lane, step, step - chunk_start, np.uint32(k0), np.uint32(k1))
    return 1


@Stage
def random(lane_at: int, step: int, chunk_start: int, k0: int, k1: int, a: int, b: int) -> int:
    """Source neurons that fire at random."""
    emit_random(view_i64(lane_at, L.LANE_FIELDS), step, np.uint32(k0), np.uint32(k1))
    return 1


@Stage
def sparse_schedule(lane_at: int, rank_at: int, spikes_at: int, n: int, step: int, now: int, a: int) -> int:
    """Enter spikes, as `_spike` reads them, that synapses in sparse rows will transmit."""
    lane, rank = view_i64(lane_at, L.LANE_FIELDS), view_i64(rank_at, L.RANK_FIELDS)
    for k in range(n):
        if k + ROW_AHEAD < n:
            source, _ = _spike(rank, spikes_at, k + ROW_AHEAD, step)
            if source >= 0:
                prefetch_first(lane, source)
        if k + SEGMENTS_AHEAD < n:
            source, _ = _spike(rank, spikes_at, k + SEGMENTS_AHEAD, step)
            if source >= 0:
                prefetch_bytes(lane, source)
        source, fired = _spike(rank, spikes_at, k, step)
        if source >= 0 and not schedule_sparse(lane, source, fired, now, rank[L.RING] - 1):
            return 0
    return 1


@Stage
def dynamic_deliver(lane_at: int, step: int, ring_mask: int, a: int, b: int, c: int, d: int) -> int:
    """Spikes that arrive at synapses with a state."""
    return int(deliver_dynamic(view_i64(lane_at, L.LANE_FIELDS), step, ring_mask))


@Stage
def dynamic_remember(lane_at: int, step: int, a: int, b: int, c: int, d: int, e: int) -> int:
    """Spikes of neurons whose synapses follow them."""
    return int(remember_spikes(view_i64(lane_at, L.LANE_FIELDS), step))


@Stage
def dynamic_schedule(lane_at: int, rank_at: int, spikes_at: int, n: int, step: int, now: int, a: int) -> int:
    """Enter spikes, as `_spike` reads them, that synapses with a state will transmit."""
    lane, rank = view_i64(lane_at, L.LANE_FIELDS), view_i64(rank_at, L.RANK_FIELDS)
    for k in range(n):
        source, fired = _spike(rank, spikes_at, k, step)
        if source >= 0 and not schedule_dynamic(lane, source, fired, rank[L.RING] - 1):
            return 0
    return 1


@Stage
def procedural_deliver(lane_at: int, step: int, a: int, b: int, c: int, d: int, e: int) -> int:
    """Input of procedural synapses that is due."""
    deliver_procedural(view_i64(lane_at, L.LANE_FIELDS), step)
    return 1


@Stage
def procedural_schedule(lane_at: int, rank_at: int, spikes_at: int, n: int, step: int, now: int, a: int) -> int:
    """Draw the procedural synapses of spikes, as `_spike` reads them."""
    lane, rank = view_i64(lane_at, L.LANE_FIELDS), view_i64(rank_at, L.RANK_FIELDS)
    k0, k1 = np.uint32(rank[L.SEED_LOW]), np.uint32(rank[L.SEED_HIGH])
    for k in range(n):
        source, fired = _spike(rank, spikes_at, k, step)
        if source >= 0:
            schedule_procedural(lane, source, fired, now, k0, k1)
    return 1


@Stage
def exchange_spikes(rank_at: int, lanes_at: int, thread: int, first: int, last: int, now: int, begins: int) -> int:
    """An exchange over the board: its beginning, by thread 0, or the rest, by all; 0 or an error code."""
    rank = view_i64(rank_at, L.RANK_FIELDS)
    lanes = view_i64(lanes_at, rank[L.N_LANES] * L.LANE_FIELDS).reshape((rank[L.N_LANES], L.LANE_FIELDS))
    if begins != 0:
        begin(rank, lanes)
        return 0
    return int(finish(rank, lanes, thread, first, last, now))


STAGES = (
    (L.N_POISSON, L.POISSON_STAGE_AT, poisson),
    (L.N_VARIED, L.VARIED_STAGE_AT, varied),
    (L.N_NOISE, L.NOISE_STAGE_AT, noise),
    (L.N_RANDOM, L.RANDOM_STAGE_AT, random),
    (L.SPARSE_ROWS, L.SPARSE_SCHEDULE_AT, sparse_schedule),
    (L.N_DYNAMIC, L.DYNAMIC_DELIVER_AT, dynamic_deliver),
    (L.N_DYNAMIC, L.DYNAMIC_REMEMBER_AT, dynamic_remember),
    (L.N_DYNAMIC, L.DYNAMIC_SCHEDULE_AT, dynamic_schedule),
    (L.N_PROCEDURAL, L.PROCEDURAL_DELIVER_AT, procedural_deliver),
    (L.N_PROCEDURAL, L.PROCEDURAL_SCHEDULE_AT, procedural_schedule),
)
"""(count in the lane table, address in the lane table, what is called where the count is not 0)."""


def connect(rank: NDArray[np.int64], lanes: NDArray[np.int64]) -> None:
    """Fill in the addresses of what a rank (int64[RANK_FIELDS]) and its lanes (int64[n, LANE_FIELDS]) need.

    What was never needed on this machine is compiled.
    """
    if rank[L.BOARD_AT] != 0:
        rank[L.EXCHANGE_STAGE_AT] = exchange_spikes.address
    for count, address, stage in STAGES:
        needed = lanes[:, count] != 0
        if needed.any():
            lanes[needed, address] = stage.address
