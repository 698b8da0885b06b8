"""Cross-correlation histograms of the spike counts of two populations, computed on rank 0 while the simulation runs."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.record.counts import I64, Activity, Bins, sum_on_first
from dtbsim.registry import Later
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream
from dtbsim.store.run_state import entries_of

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.spec.records import CorrelationRecord
    from dtbsim.store.run import Run

FOLDER = "correlations"
HISTOGRAM_STATE = ("bin", "bins", "count", "spikes", "before")


class CrossCorrelation:
    """Sums C[m] = sum over t of a[t] b[t + m] for |m| <= `lags`, fed with the counts of a and b piece by piece."""

    def __init__(self, lags: int) -> None:
        self.lags = lags
        self.counts = np.zeros(2 * lags + 1, dtype=np.int64)
        self.bins = 0
        self.spikes = np.zeros(2, dtype=np.int64)
        """Of a and b."""
        self.before = np.zeros((lags, 2), dtype=np.int64)

    def add(self, pair: I64) -> None:
        """Go on by counts int64[bins, 2]: every product is added when the later of its bins arrives."""
        n, lags = len(pair), self.lags
        both = np.concatenate([self.before, pair])
        for lag in range(lags + 1):
            earlier = both[lags - lag : lags - lag + n]
            self.counts[lags + lag] += pair[:, 1] @ earlier[:, 0]
            if lag:
                self.counts[lags - lag] += pair[:, 0] @ earlier[:, 1]
        self.before = both[n:]
        self.bins += n
        self.spikes += pair.sum(axis=0)


class Correlations(Signal):
    """`record.correlations`."""

    name = "correlations"
    written = "record: {correlations: [{first: NAME, second: NAME}]}"
    folder, holds = "correlations", "correlation"
    report = Later("dtbsim.report.shown.correlations:CORRELATIONS")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One for all entries, which count together."""
        entries = network.records.correlations
        return [CorrelationPlan(network, entries)] if entries else []

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One for each entry."""
        entries = range(len(entries_of(config, "correlations")))
        return {f"{FOLDER}/{k}.zarr": f"record.correlations[{k}]" for k in entries}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """Numbers of the entries."""
        return [*range(len(self.stores(config)))]

    def read(self, run: Run, name: Any = 0) -> xr.Dataset:
        """Return the histogram of an entry."""
        from dtbsim.store.series_reader import read_correlation

        return read_correlation(run.stored_entry(name, FOLDER, ".zarr"))


class CorrelationPlan(Plan):
    """All entries of record.correlations, with a unit of counting of their own: their bins are often shorter."""

    def __init__(self, network: Network, entries: Sequence[CorrelationRecord]) -> None:
        self.entries = entries
        self.dt_ms = network.dt_ms
        self.names = [family.name for family in network.families]
        families = sorted({family for entry in entries for family in (entry.first, entry.second)})
        column = {family: k for k, family in enumerate(families)}
        self.groups = np.array([column.get(population.family, -1) for population in network.populations])
        self.columns = [[column[entry.first], column[entry.second]] for entry in entries]
        self.steps = math.gcd(*(entry.bin for entry in entries))

    @property
    def bins(self) -> Sequence[int]:
        """Those of all entries."""
        return [entry.bin for entry in self.entries]

    def open(self, site: Site) -> Stream:
        """Counts on every rank; what comes of them is on rank 0."""
        counter = Activity(site.comm, site.network.gid_starts, self.steps, self.groups)
        folder = site.stores / FOLDER
        histograms = [
            Histogram(self, entry, columns, folder / f"{k}.zarr", site.begins)
            for k, (entry, columns) in enumerate(zip(self.entries, self.columns, strict=True))
            if site.comm.is_root
        ]
        return CorrelationStream(counter, histograms)


class CorrelationStream(Stream):
    """Counts the spikes of every rank and feeds the histograms of rank 0."""

    def __init__(self, counter: Activity, histograms: list[Histogram]) -> None:
        self._counter, self._histograms = counter, histograms
        self._due: I64 = np.zeros((0, 0), np.int64)

    def share(self, chunk: Chunk) -> None:
        """Count the spikes of all ranks."""
        self._due = self._counter.add(chunk.start, chunk.stop, chunk.steps, chunk.gids)

    def take(self, chunk: Chunk) -> None:
        """Go on by what was counted."""
        for histogram in self._histograms:
            histogram.take(self._due)

    def state(self) -> dict[str, NDArray[Any]]:
        """The started unit of this rank; on rank 0 the sums."""
        found = {"started": self._counter.started.copy()}
        for k, histogram in enumerate(self._histograms):
            found |= {f"{name}_{k}": values for name, values in histogram.state().items()}
        return found

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._counter.started = np.array(state["started"], np.int64)
        for k, histogram in enumerate(self._histograms):
            histogram.restore({name: state[f"{name}_{k}"] for name in HISTOGRAM_STATE})

    def branch(self, state: State | None) -> None:
        """Sums begin; units and bins that had begun go on."""
        if state is not None:
            self._counter.started = np.array(state["started"], np.int64)
            for k, histogram in enumerate(self._histograms):
                histogram.go_on(state[f"bin_{k}"])

    def merged(self, states: Sequence[State], rank: int) -> State:
        """The counts of all ranks and the sums, on rank 0; nothing counted on the others."""
        started = sum_on_first(self._counter.comm, [state["started"] for state in states])
        return {**states[0], "started": started}

    def close(self) -> None:
        """Publish the final histograms; every store, also when one of them fails."""
        with contextlib.ExitStack() as stack:
            for histogram in self._histograms:
                stack.callback(histogram.close)


class Histogram:
    """One histogram and its store."""

    def __init__(
        self, plan: CorrelationPlan, entry: CorrelationRecord, columns: list[int], path: Path, begins: int = 0
    ) -> None:
        from dtbsim.store import CorrelationWriter

        self._entry, self._columns = entry, columns
        self._bins = Bins(entry.bin // plan.steps, 2)
        self._next_bin = begins // entry.bin
        self._sums = CrossCorrelation(entry.lags)
        names, bin_ms = (plan.names[entry.first], plan.names[entry.second]), entry.bin * plan.dt_ms
        self._writer = CorrelationWriter(path, names, entry.lags, bin_ms, entry.first_bin)

    def take(self, counts: I64) -> None:
        """Go on by counts int64[units, columns]."""
        pair = self._bins.add(counts[:, self._columns])
        first = self._next_bin
        self._next_bin += len(pair)
        inside = pair[max(0, self._entry.first_bin - first) : max(0, self._entry.last_bin - first)]
        if len(inside):
            self._sums.add(inside)
        if self._writer.due:
            self._write()

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays of the names HISTOGRAM_STATE."""
        sums = self._sums
        return {
            "bin": self._bins.started.copy(),
            "bins": np.array([self._next_bin, sums.bins]),
            "count": sums.counts.copy(),
            "spikes": sums.spikes.copy(),
            "before": sums.before.copy(),
        }

    def restore(self, state: State) -> None:
        """Go on from such arrays."""
        sums = self._sums
        self._bins.started = np.array(state["bin"], np.int64)
        self._next_bin, sums.bins = state["bins"].tolist()
        sums.counts, sums.spikes, sums.before = (np.array(state[name]) for name in ("count", "spikes", "before"))

    def go_on(self, started: I64) -> None:
        """Go on with the units of a bin that has begun."""
        self._bins.started = np.array(started, np.int64)

    def _write(self) -> None:
        self._writer.append(self._sums.bins, self._sums.spikes, self._sums.counts)

    def close(self) -> None:
        """Publish the histogram."""
        if self._writer.usable:
            self._write()
        self._writer.close()


CORRELATIONS = Correlations()
