"""Weights of plastic projections, in a store of each rank for every entry of record.weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dtbsim.registry import Later
from dtbsim.signals.stream import Plan, Signal, Site, Stream
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
        writer = WeightWriter(folder, site.comm.rank, kept.source, kept.target, kept.delay, self.dt_ms)
        return WeightStream(self, kept, writer)


class WeightStream(Stream):
    """Reads the weights where they are due; the backend knows them, nothing is kept here."""

    def __init__(self, plan: WeightPlan, kept: RecordedWeights, writer: WeightWriter) -> None:
        self._plan, self._kept, self._writer = plan, kept, writer
        self._stored = 0
        """The step before which weights were stored last."""

    def begin(self) -> None:
        """Store the weights at time 0."""
        self._writer.append(0, self._kept.now(0))

    def take(self, chunk: Chunk) -> None:
        """Store the weights where an interval or the run ends with the chunk."""
        interval, stop = self._plan.interval, chunk.stop
        if stop == self._plan.n_steps or (interval is not None and stop % interval == 0):
            self._append(stop)

    def end(self, stop: int) -> None:
        """Store the weights at the end, unless an interval has just ended."""
        if stop > self._stored:
            self._append(stop)

    def _append(self, stop: int) -> None:
        self._writer.append(stop, self._kept.now(stop))
        self._stored = stop

    def close(self) -> None:
        """Publish the store."""
        self._writer.close()


WEIGHTS = Weights()
