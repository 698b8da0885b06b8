"""Weights of plastic projections, in a store of each rank for every entry of record.weights."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.registry import Later
from dtbsim.signals.rank_stores import StoreColumns, steps_before
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream
from dtbsim.store.run_state import entries_of

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.backends.weights import RecordedWeights
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.spec.records import WeightRecord
    from dtbsim.store import WeightWriter
    from dtbsim.store.run import Run

FOLDER = "weights"


class Weights(Signal):
    """`record.weights`."""

    name = "weights"
    written = "record: {weights: [{projection: NAME}]}"
    folder, holds = "weights", "weights"
    report = Later("dtbsim.report.shown.weights:WEIGHTS")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One for each entry."""
        return [WeightPlan(network, k, item) for k, item in enumerate(network.records.weights)]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One for each entry."""
        return {f"{FOLDER}/{k}": f"record.weights[{k}]" for k in range(len(entries_of(config, "weights")))}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """Numbers of the entries."""
        return [*range(len(self.stores(config)))]

    def read(
        self, run: Run, name: Any = 0, start_ms: float | None = None, stop_ms: float | None = None
    ) -> xr.DataArray:
        """Return the weights of an entry, (time_ms, synapse), of start_ms < t <= stop_ms."""
        from dtbsim.store.series_reader import read_weights

        return read_weights(run.stored_entry(name, FOLDER), run.ranks, start_ms, stop_ms)


class WeightPlan(Plan):
    """Entry number `k`: weights at time 0, after every interval and at the end."""

    def __init__(self, network: Network, k: int, item: WeightRecord) -> None:
        self._k, self.n_steps, self.dt_ms = k, network.n_steps, network.dt_ms
        self.interval = item.interval
        self.intervals = () if self.interval is None else (self.interval,)

    def open(self, site: Site) -> Stream:
        """Every rank has a store, also without a synapse of the entry."""
        from dtbsim.store import WeightWriter

        kept = site.backend.weights[self._k]
        folder = site.stores / FOLDER / str(self._k)
        ends = {"target": kept.target, "source": kept.source, "delay": kept.delay}
        columns = StoreColumns(site, folder, ends, "target")
        writers = []
        for k, (target, source, delay) in columns.stores:
            writer = WeightWriter(folder, k, source, target, delay, self.dt_ms)
            if columns.is_new(k):
                for step in steps_before(folder).tolist():
                    writer.append(step, np.zeros(0))
            writers.append(writer)
        return WeightStream(self, kept, columns, writers, site.begins)


class WeightStream(Stream):
    """Reads the weights where they are due; the backend knows them, nothing is kept here."""

    def __init__(
        self, plan: WeightPlan, kept: RecordedWeights, columns: StoreColumns, writers: list[WeightWriter], begins: int
    ) -> None:
        self._plan, self._kept, self._columns, self._writers, self._begins = plan, kept, columns, writers, begins
        self._due: list[NDArray[np.float64]] = []
        self._stored = 0
        """The step before which weights were stored last."""

    def begin(self) -> None:
        """Store the weights at time 0, or where a branch begins."""
        self._append(self._begins, [self._kept.now(self._begins)])

    def share(self, chunk: Chunk) -> None:
        """Bring the weights, where they are due, to the ranks that store them."""
        if self._is_due(chunk.stop):
            self._due = self._columns.dealt(self._kept.now(chunk.stop))

    def take(self, chunk: Chunk) -> None:
        """Store the weights where an interval or the run ends with the chunk."""
        if self._is_due(chunk.stop):
            self._append(chunk.stop, self._due)

    def _is_due(self, stop: int) -> bool:
        return stop == self._plan.n_steps or self._ends_interval(stop)

    def _ends_interval(self, stop: int) -> bool:
        interval = self._plan.interval
        return interval is not None and stop % interval == 0

    def end(self, stop: int) -> None:
        """Store the weights at the end, unless an interval has just ended."""
        if stop > self._stored:
            self._append(stop, [self._kept.now(stop)])

    def _append(self, stop: int, weights: list[NDArray[np.float64]]) -> None:
        for writer, values in zip(self._writers, weights, strict=True):
            writer.append(stop, values, only_at_the_end=stop > self._begins and not self._ends_interval(stop))
        self._stored = stop

    def state(self) -> dict[str, NDArray[Any]]:
        """When weights were stored last."""
        return {"stored": np.array(self._stored)}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._stored = int(state["stored"])

    def branch(self, state: State | None) -> None:
        """Begin: `begin` stores the weights."""

    def merged(self, states: Sequence[State], rank: int) -> State:
        """The same on all ranks."""
        return states[0]

    def close(self) -> None:
        """Publish the stores."""
        with contextlib.ExitStack() as stack:
            for writer in self._writers:
                stack.callback(writer.close)


WEIGHTS = Weights()
