"""Which source candidates of a rank have a synapse there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.dynamic import DynamicRows
from dtbsim.build.rank import LaneState, RankNetwork
from dtbsim.build.sparse_rows import SparseRows
from dtbsim.build.synapses import Rows
from dtbsim.kernels import pair_layout as P

Flags = NDArray[np.bool_]


def sources_heard(built: RankNetwork, first: int, stop: int) -> Flags:
    """bool[stop - first]: whether a spike of these candidates changes anything on the rank.

    It does where the candidate has a synapse, modulates some, or where synapses are drawn anew for every spike.
    """
    flags = np.zeros(stop - first, bool)
    for state in built.lanes:
        _of_lane(built, state, first, stop, flags)
    return flags


def _of_lane(built: RankNetwork, state: LaneState, first: int, stop: int, flags: Flags) -> None:
    if isinstance(state.rows, SparseRows):
        _of_sparse(state.rows, first, stop, flags)
    else:
        _of_rows(state.rows, 0, first, stop, flags)
    for part in state.dynamic:
        _of_dynamic(built, part, first, stop, flags)
    for piece in state.procedural:
        for source0, n in piece.rows[:, [P.SOURCE0, P.N_SOURCES]].tolist():
            flags[max(source0 - first, 0) : max(source0 + n - first, 0)] = True


def _of_dynamic(built: RankNetwork, part: DynamicRows, first: int, stop: int, flags: Flags) -> None:
    if part.used is None:
        _of_rows(part.rows, part.source0, first, stop, flags)
    else:
        numbers = part.numbers
        flags[numbers[slice(*np.searchsorted(numbers, [first, stop]))] - first] = True
    for population in part.projection.modulators:
        begin = int(built.candidates.offset[population]) - first
        flags[max(begin, 0) : max(begin + int(built.network.sizes[population]), 0)] = True


def _of_rows(rows: Rows, source0: int, first: int, stop: int, flags: Flags) -> None:
    """Rows of the candidates from `source0` on."""
    low, high = max(first, source0), min(stop, source0 + rows.rows.size - 1)
    if low < high:
        begins = rows.rows[low - source0 : high - source0 + 1]
        flags[low - first : high - first] |= begins[1:] > begins[:-1]


def _of_sparse(rows: SparseRows, first: int, stop: int, flags: Flags) -> None:
    if first >= stop:
        return
    low, high = first >> rows.shift, ((stop - 1) >> rows.shift) + 1
    begins = rows.first[low : high + 1].astype(np.int64)
    of_row = np.repeat(np.arange(low, high), begins[1:] - begins[:-1])
    lows = rows.lows[begins[0] : begins[-1]].astype(np.int64) & ((1 << rows.shift) - 1)
    source = (of_row << rows.shift) | lows
    flags[source[(source >= first) & (source < stop)] - first] = True
