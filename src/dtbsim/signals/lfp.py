"""LFP: the local field potential of regions by the reference weighted sum of synaptic currents.

Mazzoni et al. 2015 (doi:10.1371/journal.pcbi.1004584) compared sums over the currents of point neurons with the
potential of the same network of pyramidal cells with morphologies, and found that this one accounts for most of its
variance at all places of the electrode:

    LFP(t) ~ sum I_AMPA(t - 6 ms) - 1.65 sum I_GABA(t)

over the pyramidal cells, with currents that are positive where they depolarise. It is proportional to the potential,
and is stored as it is, in pA: the distance to the electrode and the cells' shape are not known here.

Mean-field regions have no such currents. Of them the variable is stored that their model declares for it, a proxy of
the dipole of the pyramidal cells (`RegionModel.reads`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.config.bounds import Number
from dtbsim.config.parts import KIND
from dtbsim.errors import InputError
from dtbsim.signals.currents import CurrentSource, needed_states
from dtbsim.signals.mean_field_source import MeanFieldSource, is_mean_field
from dtbsim.signals.sensors import SourceOptions, SourcePlan
from dtbsim.signals.source import F64, Grid, OpenSource, Source, window_of
from dtbsim.signals.stream import Plan, Signal

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.models import NeuronModel
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network


class Lfp(SourceOptions):
    """LFP of regions, a channel each: the reference weighted sum of synaptic currents (Mazzoni et al. 2015).

    Currents that excite, as they were `excitatory_delay_ms` before, and `inhibitory_weight` times those that inhibit,
    summed over the neurons of the populations in the region. The first sample is that much after `start_ms`.
    """

    on_grid: ClassVar = ("interval_ms", "start_ms", "stop_ms", "excitatory_delay_ms")

    kind: Literal["lfp"] = Field(default="lfp", description=KIND)
    interval_ms: Number = Field(default=1.0, gt=0, description="time between samples, which are not filtered")
    excitatory_delay_ms: Number = Field(
        default=6.0, ge=0, description="by how much excitatory currents lead: whole intervals"
    )
    inhibitory_weight: Number = Field(default=1.65, ge=0, description="of inhibitory currents beside excitatory ones")


class LfpSignal(Signal):
    """`signals.NAME` with `kind: lfp`."""

    name = "lfp"
    part = "signals"
    config = Lfp

    def states(self, item: Any, model: NeuronModel) -> tuple[str, ...]:
        """Those of which the model's synaptic currents are made."""
        return needed_states(model)

    def reads(self, item: Any) -> str | None:
        """Of mean-field regions what their model declares for it."""
        return "lfp"

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """The regions of the populations."""
        return LfpPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return the weighted sum, float64 (time_ms, channel), in pA; channels are regions."""
        found = super().read(run, name)
        return found.rename("lfp")

    def panel(self, run: Any, name: str) -> Panel | None:
        """Traces and spectra of a few regions, and the brain coloured in time."""
        from dtbsim.signals.region_panel import region_panel

        found = self.read(run, name)
        what = "Weighted sum of synaptic currents" if found.attrs["units"] == "pA" else "Proxy of the field potential"
        return region_panel(run, f"LFP ({name})", found, what)


class LfpPlan(SourcePlan):
    """A source of its own makes the sum."""

    def __init__(self, name: str, item: Lfp, network: Network) -> None:
        where = f"signals.{name}"
        window = window_of(item, network, where)
        if is_mean_field(item, network, where):
            regions = MeanFieldSource(name, item, network, window)
            grid = Grid(tuple(regions.names), regions.unit, window.interval, window.first, window.stop, network.dt_ms)
            self.give(name, "lfp", regions, grid)
            return
        delay = steps_of(item.excitatory_delay_ms, network.dt_ms) if item.excitatory_delay_ms else 0
        if delay % window.interval:
            raise InputError(
                f"{item.excitatory_delay_ms:g} ms is no multiple of interval_ms ({item.interval_ms:g})",
                where=f"{where}.excitatory_delay_ms",
                remedy="choose an interval_ms that divides it, such as 1",
            )
        first = window.first + delay
        if first > window.stop:
            raise InputError(
                "there is no sample: the first is excitatory_delay_ms after start_ms",
                where=f"{where}.excitatory_delay_ms",
                remedy="make the run or the window longer",
            )
        source = WeightedSum(
            CurrentSource(name, item, network, window, "by_effect"), delay // window.interval, item.inhibitory_weight
        )
        self.give(
            name, "lfp", source, Grid(tuple(source.names), "pA", window.interval, first, window.stop, network.dt_ms)
        )

    def values(self, source: F64) -> F64:
        """As they are."""
        return source[:, 0]


class WeightedSum(Source):
    """Excitatory currents `lag` samples before, and `weight` times the inhibitory ones."""

    def __init__(self, currents: CurrentSource, lag: int, weight: float) -> None:
        self.currents, self.lag, self.weight = currents, lag, weight
        self.regions, self.names, self.unit, self.window = (
            currents.regions,
            currents.names,
            currents.unit,
            currents.window,
        )
        self.intervals = currents.intervals

    def open(self, site: Site) -> OpenSource:
        """The currents on every rank."""
        return OpenWeightedSum(self, self.currents.open(site), site.begins)


class OpenWeightedSum(OpenSource):
    """Keeps the last `lag` sums of excitatory currents."""

    def __init__(self, source: WeightedSum, currents: OpenSource, begins: int) -> None:
        self._source, self._currents = source, currents
        n, window = len(source.regions), source.window
        self._before = np.zeros((0, n))
        if begins > window.start:  # of a branch: what was before is not known, so its first samples are not
            known = min(source.lag, begins // window.interval - window.start // window.interval)
            self._before = np.full((known, n), np.nan)
        self.values = np.zeros((0, 1, n))

    def share(self, chunk: Chunk) -> None:
        """Sum the currents over all ranks and put them together."""
        self._currents.share(chunk)
        found, lag = self._currents.values, self._source.lag
        leading = np.concatenate([self._before, found[:, 0]])
        due = max(0, len(leading) - lag)
        inhibiting = found[len(found) - due :, 1]
        self.first = self._currents.first + (len(found) - due) * self._source.window.interval
        self.values = (leading[:due] + self._source.weight * inhibiting)[:, None]
        self._before = leading[due:]

    def state(self) -> dict[str, NDArray[Any]]:
        """The sums that wait, the same on every rank."""
        return {"before": self._before.copy()}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._before = np.array(state["before"])


LFP = LfpSignal()
