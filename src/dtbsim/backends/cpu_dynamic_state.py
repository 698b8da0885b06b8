"""Reads and writes what the compiled window holds of a dynamic projection on a lane."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.lane_synapses import LaneSynapses, Plastic, spikes_in_transit
from dtbsim.backends.libc import libc
from dtbsim.backends.reward_tables import RewardTables
from dtbsim.build.dynamic import DynamicRows
from dtbsim.errors import MemoryPlanError
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels import layout as L
from dtbsim.kernels.history import NEVER
from dtbsim.kernels.restore import enter_again

I64 = NDArray[np.int64]
_LOW32 = 0xFFFFFFFF


def view_at(address: int, size: int, dtype: Any) -> NDArray[Any]:
    """An array of memory that compiled code has; empty where there is none."""
    n_bytes = size * np.dtype(dtype).itemsize
    if n_bytes == 0:
        return np.zeros(0, dtype)
    return np.frombuffer((ctypes.c_char * n_bytes).from_address(int(address)), dtype)


def read_lane(row: I64, part: DynamicRows, ring: int, reward: RewardTables | None, now: int) -> LaneSynapses:
    """What is in the memory that a row of the table points to, copied."""
    n = part.n_sources
    last = view_at(row[D.LAST_AT], n, np.int32).copy()
    trace = view_at(row[D.TRACE_AT], 2 * n, np.float32).reshape(n, 2).copy()
    transit = spikes_in_transit(part.rows, _entries(row, ring, now))
    return LaneSynapses(last, trace, transit, _plastic(row, part, reward, now) if part.dynamics.plastic else None)


def _entries(row: I64, ring: int, now: int) -> I64:
    """All entries of the payload queue, int64[n, 4]: step when due, synapses, two words (0 where there is none)."""
    width = int(row[D.WORDS])
    words = 1 + L.CHUNK_ENTRIES * width
    pool = view_at(row[D.POOL_AT], int(row[D.POOL_CHUNKS]) * words, np.int64).reshape(-1, words)
    buckets = view_at(row[D.BUCKET_AT], 2 * ring, np.int64).reshape(ring, 2)
    found = [np.zeros((0, 4), np.int64)]
    for due in range(now, now + ring):
        chunk, filled = (int(number) for number in buckets[due & (ring - 1)])
        while chunk >= 0:
            entries = np.zeros((filled, 4), np.int64)
            entries[:, 0] = due
            entries[:, 1 : 1 + width] = pool[chunk, 1 : 1 + filled * width].reshape(filled, width)
            found.append(entries)
            chunk, filled = int(pool[chunk, 0]), L.CHUNK_ENTRIES
    return np.concatenate(found)


def _plastic(row: I64, part: DynamicRows, reward: RewardTables | None, now: int) -> Plastic:
    n, words, capacity = int(row[D.N_TARGETS]), int(row[D.HISTORY_WORDS]), int(row[D.HISTORY_CAPACITY])
    count = view_at(row[D.HISTORY_COUNT_AT], n, np.int32)
    start = view_at(row[D.HISTORY_START_AT], n, np.int32)
    kept = count - start
    of, within = _each(kept)
    ring = view_at(row[D.HISTORY_AT], n * capacity * words, np.int64).reshape(n, capacity, words)
    history = ring[of, (start[of] + within) & (capacity - 1)]
    eligibility = np.zeros(0, np.float32) if reward is None else reward.eligibility
    clock = row[[D.KNOWN, D.LEVEL_STEP]].copy()
    dopamine = None if reward is None else reward.read(clock, now)
    return Plastic(part.rows.weights.astype(np.int32), eligibility, kept, history, int(row[D.APPLIED]), dopamine)


def _each(kept: NDArray[np.int32]) -> tuple[I64, I64]:
    """Target and place of every remembered spike."""
    of = np.repeat(np.arange(kept.size), kept)
    return of, np.arange(of.size) - np.repeat(np.cumsum(kept) - kept, kept)


def write_lane(
    row: I64, part: DynamicRows, ring: int, reward: RewardTables | None, lane: LaneSynapses, now: int
) -> None:
    """The way back, into a projection that has not been stepped."""
    n = part.n_sources
    view_at(row[D.LAST_AT], n, np.int32)[:] = lane.last
    view_at(row[D.TRACE_AT], 2 * n, np.float32)[:] = lane.trace.reshape(-1)
    if lane.plastic is not None:
        _write_plastic(row, part, reward, lane.plastic, now)
        _note(row, lane.transit)
    if not enter_again(row, lane.transit, now, ring - 1):
        raise MemoryPlanError("no memory left for the spikes in transit", remedy="use more ranks or fewer neurons")


def _write_plastic(row: I64, part: DynamicRows, reward: RewardTables | None, plastic: Plastic, now: int) -> None:
    n, words = int(row[D.N_TARGETS]), int(row[D.HISTORY_WORDS])
    part.rows.weights[:] = plastic.weights
    capacity = int(row[D.HISTORY_CAPACITY])
    longest = int(plastic.kept.max(initial=0))
    if longest > capacity:
        capacity = 1 << (longest - 1).bit_length()
        libc.free(int(row[D.HISTORY_AT]))
        row[D.HISTORY_AT], row[D.HISTORY_CAPACITY] = libc.malloc(8 * n * capacity * words), capacity
    of, within = _each(plastic.kept)
    ring = view_at(row[D.HISTORY_AT], n * capacity * words, np.int64).reshape(n, capacity, words)
    ring[of, within] = plastic.history
    view_at(row[D.HISTORY_COUNT_AT], n, np.int32)[:] = plastic.kept
    row[D.APPLIED] = plastic.applied
    if reward is not None and plastic.dopamine is not None:
        reward.eligibility[:] = plastic.eligibility
        row[[D.KNOWN, D.LEVEL_STEP]] = plastic.dopamine.clock
        reward.write(plastic.dopamine, now)


def _note(row: I64, transit: I64) -> None:
    """The sources as they were before each spike in transit, in the order of time, as `stdp` keeps them."""
    since = transit[:, 2] >> 32
    spikes = transit[np.lexsort((transit[:, 3], since == 0, transit[:, 1]))]
    since = spikes[:, 2] >> 32
    last = np.where(since == NEVER, -1, spikes[:, 1] - since)
    notes = np.stack([(spikes[:, 0] << 32) | spikes[:, 1], (last << 32) | (spikes[:, 2] & _LOW32)], axis=1)
    if len(notes):
        row[D.RECENT_AT], row[D.RECENT_CAPACITY] = libc.malloc(notes.nbytes), len(notes)
        view_at(row[D.RECENT_AT], notes.size, np.int64)[:] = notes.reshape(-1)
        row[D.RECENT_COUNT] = len(notes)
