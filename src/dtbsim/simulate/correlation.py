"""Cross-correlation histograms of the spike counts of two populations, computed on rank 0 while the simulation runs."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import steps_of
from dtbsim.config.run import RecordCorrelation
from dtbsim.errors import InputError
from dtbsim.mpi import Comm
from dtbsim.record.counts import I64, Activity, Bins
from dtbsim.record.spike_order import Gids, Steps
from dtbsim.spec.network import Network
from dtbsim.store import CorrelationWriter


class CrossCorrelation:
    """Sums C[m] = sum over t of a[t] b[t + m] for |m| <= `lags`, fed with the counts of a and b piece by piece."""

    def __init__(self, lags: int) -> None:
        self.lags = lags
        self.counts = np.zeros(2 * lags + 1, dtype=np.int64)
        self.bins = 0
        self.spikes = np.zeros(2, dtype=np.int64)
        self._before = np.zeros((lags, 2), dtype=np.int64)

    def add(self, pair: I64) -> None:
        """Go on by counts int64[bins, 2]: every product is added when the later of its bins arrives."""
        n, lags = len(pair), self.lags
        both = np.concatenate([self._before, pair])
        for lag in range(lags + 1):
            earlier = both[lags - lag : lags - lag + n]
            self.counts[lags + lag] += pair[:, 1] @ earlier[:, 0]
            if lag:
                self.counts[lags - lag] += pair[:, 0] @ earlier[:, 1]
        self._before = both[n:]
        self.bins += n
        self.spikes += pair.sum(axis=0)


class Correlation:
    """One entry of record.correlations: in which bins of which populations, and where it is stored."""

    def __init__(self, network: Network, index: int, item: RecordCorrelation) -> None:
        where, dt = f"record.correlations.{index}", network.dt_ms
        self.item = item
        self.bin_steps = steps_of(item.bin_ms, dt)
        self.bin_ms = self.bin_steps * dt
        self.lags, rest = divmod(steps_of(item.tau_max_ms, dt), self.bin_steps)
        if rest or self.lags < 1:
            raise InputError(
                f"{item.tau_max_ms:g} ms is not a whole number of bins of {item.bin_ms:g} ms",
                where=f"{where}.tau_max_ms",
                remedy=f"give a multiple of {item.bin_ms:g}",
            )
        self.families = network.family_index(item.first), network.family_index(item.second)
        stop = network.n_steps if item.stop_ms is None else min(steps_of(item.stop_ms, dt), network.n_steps)
        self.first_bin = -(-steps_of(item.start_ms, dt) // self.bin_steps)
        self.last_bin = stop // self.bin_steps
        if self.last_bin - self.first_bin <= self.lags:
            raise InputError(
                f"{self.last_bin - self.first_bin} bins of {self.bin_ms:g} ms are too few for lags up to {self.lags}",
                where=where,
                remedy="make the run or the window longer, or tau_max_ms smaller",
            )


def correlations_of(network: Network) -> list[Correlation]:
    """All entries; InputError where one does not fit the network."""
    return [Correlation(network, k, item) for k, item in enumerate(network.config.record.correlations)]


class CorrelationRecorder:
    """Counts for all entries of record.correlations on every rank; what comes of them lives on rank 0."""

    def __init__(self, network: Network, comm: Comm, folder: Path, like: Activity | None = None) -> None:
        entries = correlations_of(network)
        families = sorted({family for entry in entries for family in entry.families})
        column = {family: k for k, family in enumerate(families)}
        groups = np.array([column.get(population.family, -1) for population in network.populations])
        unit = math.gcd(*(entry.bin_steps for entry in entries))
        self._counter = Activity(comm, network.gid_starts, unit, groups, like)
        self._due = np.zeros((0, len(families)), dtype=np.int64)
        self._streams = [
            _Stream(entry, [column[family] for family in entry.families], unit, folder / f"{k}.zarr")
            for k, entry in enumerate(entries if comm.is_root else [])
        ]

    def count(self, start: int, stop: int, steps: Steps, gids: Gids) -> None:
        """Count this rank's spikes of [start, stop) together with those of all others; collective."""
        self._due = self._counter.add(start, stop, steps, gids)

    def store(self) -> None:
        """Go on by what was counted last. Raises StorageError."""
        for stream in self._streams:
            stream.take(self._due)

    def close(self) -> None:
        """Publish the final histograms; every store, also when one of them fails."""
        with contextlib.ExitStack() as stack:
            for stream in self._streams:
                stack.callback(stream.close)


class _Stream:
    """One histogram and its store."""

    def __init__(self, entry: Correlation, columns: list[int], unit: int, path: Path) -> None:
        self._entry, self._columns = entry, columns
        self._bins = Bins(entry.bin_steps // unit, 2)
        self._next_bin = 0
        self._sums = CrossCorrelation(entry.lags)
        item = entry.item
        self._writer = CorrelationWriter(path, (item.first, item.second), entry.lags, entry.bin_ms, entry.first_bin)

    def take(self, counts: NDArray[np.int64]) -> None:
        pair = self._bins.add(counts[:, self._columns])
        first = self._next_bin
        self._next_bin += len(pair)
        inside = pair[max(0, self._entry.first_bin - first) : max(0, self._entry.last_bin - first)]
        if len(inside):
            self._sums.add(inside)
        if self._writer.due:
            self._write()

    def _write(self) -> None:
        self._writer.append(self._sums.bins, self._sums.spikes, self._sums.counts)

    def close(self) -> None:
        if self._writer.usable:
            self._write()
        self._writer.close()
