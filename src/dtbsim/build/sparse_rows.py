"""Rows of lanes whose sources have few synapses each, as on one of many ranks: memory follows the synapses alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels import layout as L
from dtbsim.kernels.rows import add_magnitudes
from dtbsim.kernels.sparse_rows import add_repeated_sparse

DENSE_SOURCE_BYTES = 16
"""Of each source in rows of one source each: where its synapses and its segments begin."""
DENSE_FROM = 12
"""Synapses per source from which on rows of one source each are better: then these bytes matter little."""
SMALL_BYTES = 1 << 22
"""Tables of sources up to this size are no reason for sparse rows, which would have to be compiled."""
IN_A_ROW = 32
"""About so many synapses in a row."""
MOST_SHIFT = 8
MOST_SYNAPSES = 2**31
"""Expected synapses up to which a lane can have sparse rows: they are numbered by uint32."""


def sparse_shift(sources: int, synapses: float) -> int:
    """Rows of a lane hold 2**shift sources each; 0: one, with tables per source. `synapses` is what is expected."""
    small = DENSE_SOURCE_BYTES * sources < SMALL_BYTES
    if small or not synapses < min(DENSE_FROM * sources, MOST_SYNAPSES):
        return 0
    per_source = max(synapses, 1.0) / sources
    return int(np.clip(np.rint(np.log2(IN_A_ROW / per_source)), 1, MOST_SHIFT))


def table_bytes(sources: int, synapses: float, delay_bytes: int) -> float:
    """What finding the synapses of a lane takes beside their targets and weights, segments of equal delay left out."""
    shift = sparse_shift(sources, synapses)
    return sparse_bytes(sources, synapses, shift, delay_bytes) if shift else float(DENSE_SOURCE_BYTES * sources)


def sparse_bytes(sources: int, synapses: float, shift: int, delay_bytes: int) -> float:
    """What sparse rows take beside targets and weights."""
    return synapses * (1 + delay_bytes) + 4.0 * ((sources >> shift) + 2)


@dataclass(frozen=True, eq=False)
class SparseRows:
    """The synapses of a lane, see `kernels.sparse_rows`. `targets` is uint32, packed with the weight for KIND_PACKED.

    `first` uint32[rows + 1]; `lows` uint8[n]; `delays` uint8[n] or uint16[n] in steps, or empty where all are `delay`.
    """

    kind: int
    shift: int
    first: NDArray[np.uint32]
    lows: NDArray[np.uint8]
    delays: NDArray[np.uint8] | NDArray[np.uint16]
    delay: int
    targets: NDArray[np.uint32]
    weights: NDArray[np.int16] | NDArray[np.int32]

    @property
    def n_synapses(self) -> int:
        """Synapses of the lane."""
        return int(self.first[-1])

    @property
    def empty(self) -> bool:
        """Never: sparse rows are made for projections."""
        return False

    @property
    def n_bytes(self) -> int:
        """Everything that the rows hold."""
        return sum(array.nbytes for array in (self.first, self.lows, self.delays, self.targets, self.weights))

    def place(self, place: Callable[[NDArray[Any]], int]) -> tuple[int, int, int, int, int]:
        """Addresses of targets and weights; the lane has no tables per source (see `build.synapses.Rows`)."""
        return place(self.targets), place(self.weights), 0, 0, 0

    def fill(self, row: NDArray[np.int64], place: Callable[[NDArray[Any]], int]) -> None:
        """Fill in the fields of sparse rows in a lane's table."""
        row[L.SPARSE_ROWS], row[L.SPARSE_SHIFT] = self.first.size - 1, self.shift
        row[L.SPARSE_FIRST_AT], row[L.SPARSE_LOW_AT] = place(self.first), place(self.lows)
        row[L.SPARSE_DELAY_AT] = place(self.delays) if self.delays.size else 0
        row[L.SPARSE_DELAY_BYTES], row[L.SPARSE_DELAY] = self.delays.itemsize, self.delay

    def add_magnitudes(
        self, totals: NDArray[np.int64], times: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    ) -> None:
        """totals[slot] += the sum of |weight| over all synapses of the slot: no step can add more than this.

        `times`: sources from starts[k] (int64, ascending from 0) on can spike times[k] times in a step (None: once).
        """
        if times is None:
            add_magnitudes(self.kind, self.targets, self.weights, totals)
        else:
            add_repeated_sparse(
                self.kind, self.first, self.shift, self.lows, self.targets, self.weights, *times, totals
            )

    def widened(self) -> SparseRows:
        """The same synapses with 32-bit weights and targets, for 64-bit sums."""
        kind, targets, weights = widened(self)
        return replace(self, kind=kind, targets=targets, weights=weights)

    def sources(self) -> NDArray[np.int64]:
        """The source's number of every synapse, int64[n]."""
        first = self.first.astype(np.int64)
        row = np.repeat(np.arange(first.size - 1), first[1:] - first[:-1])
        return (row << self.shift) | (self.lows.astype(np.int64) & ((1 << self.shift) - 1))

    def all_delays(self) -> NDArray[np.int64]:
        """The delay of every synapse in steps, int64[n]."""
        return self.delays.astype(np.int64) if self.delays.size else np.full(self.n_synapses, self.delay, np.int64)


def widened(rows: Any) -> tuple[int, NDArray[np.uint32], NDArray[np.int32]]:
    """Kind, targets and weights of rows for 64-bit sums."""
    if rows.kind == L.KIND_PACKED:
        return L.KIND_WIDE64, rows.targets & np.uint32(0xFFFF), rows.targets.view(np.int32) >> np.int32(16)
    return L.KIND_WIDE64, rows.targets, rows.weights.astype(np.int32)
