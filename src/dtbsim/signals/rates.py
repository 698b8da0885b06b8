"""Spikes per bin of every population, in a store of rank 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.record.counts import Bins
from dtbsim.registry import Later
from dtbsim.signals.source import Grid
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream
from dtbsim.store.run_state import record_of

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.board import Board
    from dtbsim.spec.network import Network
    from dtbsim.store import RateWriter
    from dtbsim.store.run import Run

STORE = "rates.zarr"


class Rates(Signal):
    """`record.rate_bin_ms`."""

    name = "rates"
    written = "record: {rate_bin_ms: 1}"
    folder, holds = "rates", "rates"
    report = Later("dtbsim.report.shown.rates:RATES_PART")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One, unless they are off."""
        bin_steps = network.records.rate_bin
        return [] if bin_steps is None else [RatePlan(network, bin_steps)]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One, unless they are off."""
        return {STORE: "record.rate_bin_ms"} if record_of(config).get("rate_bin_ms") is not None else {}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """One, unless they are off."""
        return [None] * len(self.stores(config))

    def stored_until_ms(self, run: Run) -> float | None:
        """The end of the last bin."""
        rates = self.read(run)
        return float(rates.attrs["start_ms"] + rates.sizes["time_ms"] * rates.attrs["bin_ms"])

    def read(self, run: Run, name: Any = None) -> xr.DataArray:
        """Return the rates in Hz, (time_ms, population)."""
        from dtbsim.store.series_reader import read_rates

        return read_rates(run.stored(STORE, "record.rate_bin_ms"))


class RatePlan(Plan):
    """Bins of `unit` steps."""

    def __init__(self, network: Network, bin_steps: int) -> None:
        self.unit = bin_steps
        self._names = network.population_names()
        self._sizes = network.sizes.tolist()
        self._bin_ms = bin_steps * network.dt_ms
        self.board_name = ".rates"
        self.grid = Grid(tuple(self._names), "Hz", bin_steps, bin_steps, network.n_steps, network.dt_ms)

    def open(self, site: Site) -> Stream:
        """A store on rank 0; the others have nothing to do."""
        from dtbsim.store import RateWriter

        if not site.comm.is_root:
            return Stream()
        writer = RateWriter(site.stores / STORE, self._names, self._sizes, self._bin_ms)
        return RateStream(self, Bins(self.unit // site.unit, len(self._names)), writer, site.board)

    def rates_hz(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Spikes per neuron and second, float64[bins, populations], of counts per bin."""
        return counts / (np.asarray(self._sizes, np.float64) * (self._bin_ms * 1e-3))


class RateStream(Stream):
    """Puts units of counting together to bins."""

    def __init__(self, plan: RatePlan, bins: Bins, writer: RateWriter, board: Board) -> None:
        self._plan, self._bins, self._writer, self._board = plan, bins, writer, board

    def take(self, chunk: Chunk) -> None:
        """Store the bins that are complete."""
        found = self._bins.add(chunk.counts)
        self._writer.append(found)
        unit = self._plan.unit
        first = (chunk.stop // unit - len(found) + 1) * unit
        self._board.publish(self._plan.board_name, first, self._plan.rates_hz(found))

    def state(self) -> dict[str, NDArray[Any]]:
        """The units of the started bin."""
        return {"started": self._bins.started.copy()}

    def restore(self, state: State) -> None:
        """Go on with that bin."""
        self._bins.started = np.array(state["started"], np.int64)

    def close(self) -> None:
        """Publish the store."""
        self._writer.close()


RATES = Rates()
