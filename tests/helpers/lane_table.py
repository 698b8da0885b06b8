"""A row of the lane table filled by hand, with the arrays it points to."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from dtbsim.kernels import layout as L
from dtbsim.kernels.log import array_at

_LIBC = ctypes.CDLL(None)
_LIBC.free.argtypes = [ctypes.c_void_p]
_LIBC.malloc.argtypes = [ctypes.c_size_t]
_LIBC.malloc.restype = ctypes.c_void_p

Segments = Sequence[tuple[int, int]]


def runs_of_one(gids: Sequence[int], sources: Sequence[int]) -> Any:
    """A run (`layout.RUN_FIELDS`) for each neuron."""
    runs = [(local, gid, source) for local, (gid, source) in enumerate(zip(gids, sources, strict=True))]
    return np.array([*runs, (len(runs), 0, -1)], np.int64)


class LaneTable:
    """`row` is what compiled code takes; `close` frees what it has allocated."""

    def __init__(self, row: Any = None) -> None:
        self.row = np.zeros(L.LANE_FIELDS, np.int64) if row is None else row
        self.row[L.POOL_FREE] = -1
        self.arrays: dict[int, Any] = {}

    def put(self, field: int, array: Any) -> Any:
        """Let the field point to the array, which is kept."""
        self.arrays[field] = array
        self.row[field] = array.ctypes.data
        return array

    def neurons(self, gids: Sequence[int], sources: Sequence[int] | None = None, most: int = 1) -> None:
        """Neurons with numbers of spikes, an empty log and room to publish `most` each; `sources` are their indices."""
        n = len(gids)
        self.row[L.N_LOCAL] = n
        numbers = range(n) if sources is None else sources
        self.put(L.RUNS_AT, runs_of_one(gids, numbers))
        self.row[L.N_RUNS] = n
        self.put(L.SPK_AT, np.zeros((n + 63) // 64 * 64, np.uint8))
        self.row[L.PUBLISHED_CAPACITY] = n * most
        self.put(L.PUBLISHED_AT, np.zeros((2, max(n * most, 1)), np.int32))
        self.log([])

    def log(self, entries: Sequence[int]) -> None:
        """Replace the log by these entries, in memory that compiled code may grow."""
        if self.row[L.LOG_AT]:
            _LIBC.free(int(self.row[L.LOG_AT]))
        self.row[L.LOG_CAPACITY] = max(len(entries), 1)
        self.row[L.LOG_AT] = _LIBC.malloc(8 * max(len(entries), 1))
        self.row[L.LOG_COUNT] = len(entries)
        array_at(int(self.row[L.LOG_AT]), len(entries))[:] = entries

    def logged(self) -> list[tuple[int, int]]:
        """(step, gid) of the log."""
        entries = array_at(int(self.row[L.LOG_AT]), int(self.row[L.LOG_COUNT])).tolist()
        return [(entry >> 32, entry & 0xFFFFFFFF) for entry in entries]

    def delay_queue(self, sources: Sequence[Segments], ring: int) -> None:
        """Segments (delay, count) of every source, and an empty delay queue of `ring` buckets."""
        counts = [sum(n for _, n in segments) for segments in sources]
        self.put(L.ROW_AT, np.cumsum([0, *counts]).astype(np.int64))
        self.put(L.SEGMENT_ROW_AT, np.cumsum([0] + [len(segments) for segments in sources]).astype(np.int64))
        words = [delay << 16 | n for segments in sources for delay, n in segments]
        self.put(L.SEGMENT_AT, np.array([*words, 0], np.uint32))
        buckets = np.zeros((ring, 2), np.int64)
        buckets[:, 0] = -1
        self.put(L.BUCKET_AT, buckets)

    def synapses(self, kind: int, targets: Sequence[int], weights: Sequence[int], n_slots: int) -> Any:
        """Synapses in one of the formats; returns the input vector."""
        self.row[L.SYNAPSE_KIND], self.row[L.N_SLOTS] = kind, n_slots
        slots, values = np.array(targets, np.uint32), np.array(weights, np.int64)
        if kind == L.KIND_PACKED:
            self.put(L.TARGET_AT, slots | values.astype(np.int32).astype(np.uint32) << np.uint32(16))
        else:
            self.put(L.TARGET_AT, slots)
            self.put(L.WEIGHT_AT, values.astype(np.int16 if kind == L.KIND_WIDE16 else np.int32))
        return self.put(L.ACC_AT, np.zeros(n_slots, np.int64 if kind == L.KIND_WIDE64 else np.int32))

    def due(self, n: int) -> list[tuple[int, int]]:
        """(first synapse, count) of `n` entries taken from the delay queue, in order."""
        entries = array_at(int(self.row[L.DUE_AT]), n).tolist()
        return sorted((entry >> L.ENTRY_SHIFT, entry & (1 << L.ENTRY_SHIFT) - 1) for entry in entries)

    def close(self) -> None:
        """Free pool, due entries and log."""
        for field in (L.POOL_AT, L.DUE_AT, L.LOG_AT):
            if self.row[field]:
                _LIBC.free(int(self.row[field]))
                self.row[field] = 0
