"""Spikes counted per population and bin, over all ranks, while the simulation runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.mpi import Comm
from dtbsim.numerics.ranges import range_of
from dtbsim.record.spike_order import Gids, Steps

I64 = NDArray[np.int64]
TABLE_NEURONS = 1 << 26
"""Up to here a table gives the population of a gid, beyond it a search."""


class Activity:
    """Counts in units of `unit_steps`; whole units come out, summed over ranks, a started one waits for its rest.

    `groups` gives the column of every population (default: each its own); those of -1 are not counted. `like` is one
    whose table of gids is used, too.
    """

    def __init__(
        self, comm: Comm, gid_starts: I64, unit_steps: int, groups: I64 | None = None, like: Activity | None = None
    ) -> None:
        self.comm = comm
        self._starts = gid_starts
        self._groups = groups
        self._n = gid_starts.size - 1 if groups is None else int(groups.max()) + 1
        self.unit_steps = unit_steps
        self.started = np.zeros(self._n, dtype=np.int64)
        """This rank's counts of the unit that is not complete yet, int64[columns]."""
        self._population: NDArray[np.int32] | None = None
        if like is not None:
            self._population = like._population
        elif gid_starts[-1] <= TABLE_NEURONS:
            self._population = np.repeat(np.arange(gid_starts.size - 1, dtype=np.int32), np.diff(gid_starts))

    def populations(self, gids: Gids) -> I64 | NDArray[np.int32]:
        """Population index of every gid."""
        if self._population is not None:
            return self._population[gids]
        return range_of(self._starts, gids)

    def add(self, start: int, stop: int, steps: Steps, gids: Gids, counted: I64 | None = None) -> I64:
        """Count this rank's spikes of [start, stop) and return int64[units, columns] of all ranks; collective.

        Chunks follow one another. The first unit returned is the one that was not complete before. `counted`
        int64[touched units, populations]: the same spikes where the backend has counted them already.
        """
        unit = self.unit_steps
        first = start // unit
        touched = (stop - 1) // unit - first + 1
        counts = self._count(first, touched, steps, gids) if counted is None else self._grouped(counted)
        counts[0] += self.started
        whole = stop // unit - first
        self.started = counts[whole] if whole < touched else np.zeros(self._n, dtype=np.int64)
        if self.comm.size == 1 or whole == 0:
            return counts[:whole]
        return self.comm.allreduce_sum(counts[:whole])

    def _count(self, first: int, touched: int, steps: Steps, gids: Gids) -> I64:
        columns = self.populations(gids)
        if self._groups is not None:
            columns = self._groups[columns]
            steps, columns = steps[columns >= 0], columns[columns >= 0]
        keys = (steps // self.unit_steps - first) * self._n + columns
        return np.bincount(keys, minlength=touched * self._n).reshape(touched, self._n)

    def _grouped(self, counted: I64) -> I64:
        """Columns of the groups from those of populations."""
        if self._groups is None:
            return counted
        counts = np.zeros((len(counted), self._n), dtype=np.int64)
        kept = self._groups >= 0
        np.add.at(counts.T, self._groups[kept], counted[:, kept].T)
        return counts


def sum_on_first(comm: Comm, counts: Sequence[I64]) -> I64:
    """Counts of all ranks of an interrupted run in one, for the first of those that go on; zeros for the others."""
    total: I64 = np.asarray(np.sum(counts, axis=0), np.int64)
    return total if comm.is_root else np.zeros_like(total)


class Bins:
    """Units put together to bins of `units` units each; whole bins come out, `rest` are the units of a started one."""

    def __init__(self, units: int, n: int) -> None:
        self._units = units
        self.started = np.zeros((0, n), dtype=np.int64)
        """The units of the bin that is not complete yet, int64[units, n]."""

    def add(self, counts: I64) -> I64:
        """Return int64[bins, n] of the bins that `counts` (int64[units, n]) completes."""
        everything = np.concatenate([self.started, counts])
        bins = len(everything) // self._units
        self.started = everything[bins * self._units :]
        whole = everything[: bins * self._units].reshape(bins, self._units, everything.shape[1])
        return np.asarray(whole.sum(axis=1))
