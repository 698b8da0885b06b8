"""Swaps of whole groups between parts that keep more traffic local without giving up balance.

Source of the gain formula: Kernighan and Lin (1970), An efficient heuristic procedure for partitioning graphs,
Bell Syst. Tech. J. 49:291; here for any number of parts, without uphill moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.partition.table import Int32, Int64

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_PASSES = 10
MAX_EXAMINED = 10**8
"""Pairs of groups that are looked at, at most: about a second. Ten passes over 3,000 groups take fewer."""


def swap_groups(whole: Int32, loads: Int64, work: Int64, between: csr_array, ceiling: int) -> None:
    """Swap pairs of groups, in place, as long as that brings more traffic onto one part.

    Args:
        whole: int32[g], the part of every group; -1 for groups that are not placed, which stay so.
        loads: int64[p], the work of every part.
        work: int64[g], the work of every group.
        between: int64[g, g], symmetric traffic with a zero diagonal.
        ceiling: no swap lifts a part above this.
    """
    swaps = _Swaps(whole, loads, work, between, ceiling)
    examined = 0
    for _ in range(MAX_PASSES):
        swapped = False
        for part in range(len(loads)):
            members = np.flatnonzero(whole == part)
            toward = swaps.toward(members)
            for group in members.tolist():
                if examined > MAX_EXAMINED:
                    return
                examined += len(whole)
                swapped |= swaps.improve(group, part, toward)
        if not swapped:
            return


class _Swaps:
    """One pair after the other; what the groups of one part say to every group is `toward` of that part."""

    def __init__(self, whole: Int32, loads: Int64, work: Int64, between: csr_array, ceiling: int) -> None:
        self._whole, self._loads, self._work, self._ceiling = whole, loads, work, ceiling
        self._start, self._other, self._events = between.indptr, between.indices, between.data
        same = np.repeat(whole, np.diff(self._start)) == whole[self._other]
        rows = np.repeat(np.arange(len(whole)), np.diff(self._start))
        self._own = np.zeros(len(whole), dtype=np.int64)  # traffic of every group with its own part
        np.add.at(self._own, rows[same], self._events[same])

    def _row(self, group: int) -> tuple[Int64, Int64]:
        """The groups that `group` talks to, and how much."""
        part = slice(int(self._start[group]), int(self._start[group + 1]))
        return self._other[part], self._events[part]

    def toward(self, members: Int64) -> Int64:
        """Return int64[g], the traffic of every group with `members`."""
        result = np.zeros(len(self._whole), dtype=np.int64)
        for group in members.tolist():
            others, events = self._row(group)
            result[others] += events
        return result

    def improve(self, group: int, here: int, toward: Int64) -> bool:
        """Swap `group` of part `here` with the group that gains most, if any does; `toward` follows."""
        others, events = self._row(group)
        with_part = np.zeros(len(self._loads), dtype=np.int64)
        placed = self._whole[others] >= 0
        np.add.at(with_part, self._whole[others[placed]], events[placed])
        there = self._whole
        gain = with_part[there] - self._own[group] + toward - self._own
        gain[others] -= 2 * events
        heavier = self._work - self._work[group]
        allowed = (there >= 0) & (there != here) & (gain > 0)
        allowed &= (self._loads[here] + heavier <= self._ceiling) & (self._loads[there] - heavier <= self._ceiling)
        if not allowed.any():
            return False
        other = int(np.argmax(np.where(allowed, gain, 0)))
        self._swap(group, here, other, int(there[other]), int(heavier[other]), toward)
        return True

    def _swap(self, group: int, here: int, other: int, away: int, heavier: int, toward: Int64) -> None:
        self._loads[here] += heavier
        self._loads[away] -= heavier
        for moved, old, new in ((group, here, away), (other, away, here)):
            others, events = self._row(moved)
            self._own[others] += np.where(self._whole[others] == new, events, 0)
            self._own[others] -= np.where(self._whole[others] == old, events, 0)
            self._own[moved] = int(events[self._whole[others] == new].sum())
            toward[others] += events if new == here else -events
            self._whole[moved] = new
