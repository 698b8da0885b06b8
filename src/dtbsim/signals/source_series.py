"""The source of a region itself as a series: synaptic currents, or the rate at which its neurons fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.parts import KIND, Names
from dtbsim.record.counts import Bins
from dtbsim.signals.currents import CurrentSource, needed_states
from dtbsim.signals.mean_field_source import MeanFieldSource, is_mean_field
from dtbsim.signals.sensors import SourceOptions, SourcePlan
from dtbsim.signals.source import F64, Grid, OpenSource, Source, Window, region_of_all, window_of
from dtbsim.signals.stream import Plan, Signal

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.models import NeuronModel
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network


class SourceSeries(SourceOptions):
    """A series of every region, a channel each: the source of other signals, or the rate of its neurons."""

    kind: Literal["source"] = Field(default="source", description=KIND)
    population: str | Names = Field(description="population(s) that make it")
    quantity: Literal["current", "rate"] = Field(
        default="current",
        description="the sum of the absolute synaptic currents of the neurons (pA), as EEG has it; or spikes per "
        "neuron and second in the `interval_ms` before the sample (Hz)",
    )
    interval_ms: Number = Field(default=4.0, gt=0, description="time between samples")


class SourceSignal(Signal):
    """`signals.NAME` with `kind: source`."""

    name = "source"
    part = "signals"
    config = SourceSeries

    def states(self, item: Any, model: NeuronModel) -> tuple[str, ...]:
        """Those of which the model's synaptic currents are made; none for rates."""
        return needed_states(model) if item.quantity == "current" else ()

    def reads(self, item: Any) -> str | None:
        """Of mean-field regions what their model declares for field potentials, or as a rate."""
        return "lfp" if item.quantity == "current" else "rate"

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """The regions of the populations."""
        return SourceSeriesPlan(name, item, network)

    def panel(self, run: Any, name: str) -> Panel | None:
        """Traces and spectra of a few regions, and the brain coloured in time."""
        from dtbsim.signals.region_panel import region_panel

        what = {"pA": "Sum of absolute synaptic currents", "Hz": "Mean rate of the neurons"}
        found: xr.DataArray = self.read(run, name)
        return region_panel(run, f"Source ({name})", found, what.get(found.attrs["units"], "Source"))


class SourceSeriesPlan(SourcePlan):
    """The source as it is."""

    def __init__(self, name: str, item: SourceSeries, network: Network) -> None:
        window = window_of(item, network, f"signals.{name}")
        made: type[Source] = RateSource if item.quantity == "rate" else CurrentSource
        if is_mean_field(item, network, f"signals.{name}"):
            made = MeanFieldSource
        source: Source = made(name, item, network, window)  # type: ignore[call-arg]
        grid = Grid(tuple(source.names), source.unit, window.interval, window.first, window.stop, network.dt_ms)
        self.give(name, "source", source, grid)

    def values(self, source: F64) -> F64:
        """Of the only part."""
        return source[:, 0]


class RateSource(Source):
    """Spikes of all neurons of a region per neuron and second, in the interval before a sample."""

    unit = "Hz"

    def __init__(self, name: str, item: Any, network: Network, window: Window) -> None:
        self.window, self.unit_steps = window, window.interval
        families = {network.family_index(population): key for population, key in item.populations().items()}
        found = set[int]()
        for family, key in families.items():
            members = [i for i, p in enumerate(network.populations) if p.family == family]
            found |= {*region_of_all(network, members, f"signals.{name}", key)}
        self.regions = sorted(found)
        self.names = [network.region_names[region] for region in self.regions]
        column = {region: k for k, region in enumerate(self.regions)}
        self.populations = np.array([i for i, p in enumerate(network.populations) if p.family in families])
        self.columns = [column[network.populations[i].region] for i in self.populations.tolist()]
        sizes = np.array([network.populations[i].size for i in self.populations.tolist()], np.float64)
        self.neuron_s = np.bincount(self.columns, sizes, len(self.regions)) * (window.interval * network.dt_ms * 1e-3)

    def open(self, site: Site) -> OpenSource:
        """Bins of counts, which are the same on every rank."""
        return OpenRates(self, self.window.interval // site.unit)


class OpenRates(OpenSource):
    """Puts units of counting together."""

    def __init__(self, source: RateSource, units: int) -> None:
        self._source = source
        self._bins = Bins(units, source.populations.size)
        self.values = np.zeros((0, 1, len(source.regions)))

    def share(self, chunk: Chunk) -> None:
        """The rates of the bins that are complete; nothing is sent."""
        source, window = self._source, self._source.window
        counts = self._bins.add(chunk.counts[:, source.populations])
        last = chunk.stop // window.interval  # bins that have ended
        ends = (np.arange(last - len(counts), last) + 1) * window.interval
        inside = (ends > window.start) & (ends <= window.stop)
        rates = np.zeros((len(counts), 1, len(source.regions)))
        for k, column in enumerate(source.columns):
            rates[:, 0, column] += counts[:, k]
        self.values = rates[inside] / source.neuron_s
        self.first = int(ends[inside][0]) if inside.any() else 0

    def state(self) -> dict[str, NDArray[Any]]:
        """The units of the started bin."""
        return {"started": self._bins.started.copy()}

    def restore(self, state: Any) -> None:
        """Go on with that bin."""
        self._bins.started = np.array(state["started"], np.int64)


SOURCE = SourceSignal()
