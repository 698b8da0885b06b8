"""What feedback inhibition arrived at: J_i of every region, and the mean rate that was measured with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.series import RegionSeries, gathered
from dtbsim.clock import time_of
from dtbsim.registry import Later
from dtbsim.signals.panel import Curves, Panel, one_member
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.spec.region_network import RegionNetwork
    from dtbsim.store.run import Run

F64 = NDArray[np.float64]
KIND, PARAMETER = "feedback_inhibition", "J_i"


def _controllers(config: Mapping[str, Any]) -> list[str]:
    found = config.get("controllers") or {}
    return [str(name) for name, item in found.items() if isinstance(item, Mapping) and item.get("kind") == KIND]


class FeedbackInhibitionSignal(Signal):
    """Of every controller of this kind."""

    name = KIND
    folder, holds = "controllers", "accumulated"
    report = Later("dtbsim.report.shown.inhibition:INHIBITION")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One for each controller."""
        regions = network.regions
        if regions is None:
            return []
        names = [asked.name for asked in network.controllers if asked.kind == KIND]
        owners = [sample.owner for sample in regions.samples]
        return [InhibitionPlan(name, owners.index(f"controllers.{name}"), regions, network) for name in names]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One for each controller."""
        return {f"{self.folder}/{name}.zarr": f"controllers.{name}" for name in _controllers(config)}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """Names of the controllers."""
        return [*_controllers(config)]

    def read(self, run: Run, name: Any = None) -> xr.Dataset:
        """Return `J_i` (nA) and `rate_hz`, (region), of an ensemble (member, region).

        The rate is the mean over the last whole interval of corrections (without any, over the last second), J_i what
        held in it.
        """
        import xarray as xr

        from dtbsim.errors import InputError
        from dtbsim.store.accumulated import read_accumulated
        from dtbsim.store.region_reader import member_coordinates

        names = _controllers(run.config)
        if name is None and len(names) == 1:
            name = names[0]
        if name not in names:
            known = ", ".join(names) or "none"
            raise InputError(f"no feedback inhibition named {name!r}", where=str(run.path), remedy=f"there is: {known}")
        found = read_accumulated(run.stored(f"{self.folder}/{name}.zarr", f"controllers.{name}"))
        extra = member_coordinates(run.network)
        dims = ("member", "region") if extra else ("region",)
        values = {key: value if extra else value[0] for key, value in found.values.items()}
        data = xr.Dataset(
            {key: (dims, value) for key, value in values.items()},
            coords={"region": found.channels, **extra},
            attrs={"population": found.of, "intervals": found.count, "interval_ms": found.interval_ms},
        )
        data["J_i"].attrs["units"], data["rate_hz"].attrs["units"] = "nA", "Hz"
        return data

    def panel(self, run: Run, name: str) -> Panel | None:
        """J_i and rates by region."""
        data = self.read(run, name)
        j_i, which = one_member(data["J_i"])
        rates, _ = one_member(data["rate_hz"])
        x = np.arange(j_i.size, dtype=np.float64)
        text = (
            f"J_i from {float(j_i.min()):.3g} to {float(j_i.max()):.3g} nA; rates from {float(rates.min()):.3g} to "
            f"{float(rates.max()):.3g} Hz, in the mean {float(rates.mean()):.3g} Hz.{which}"
        )
        figures = [
            Curves(x, np.asarray(j_i.values, np.float64)[:, None], ["J_i"], "region", "J_i (nA)"),
            Curves(x, np.asarray(rates.values, np.float64)[:, None], ["rate"], "region", "rate (Hz)"),
        ]
        return Panel(f"feedback inhibition ({name})", text, figures)


class InhibitionPlan(Plan):
    """The controller `name`, whose rates are sample number `sample` of the regions."""

    def __init__(self, name: str, sample: int, regions: RegionNetwork, network: Network) -> None:
        self.name, self.sample, self.regions = name, sample, regions
        self.asked = regions.samples[sample]
        self.population = regions.populations[self.asked.population]
        self.interval_ms = time_of(self.asked.interval, network.dt_ms)

    def open(self, site: Site) -> Stream:
        """The store is on rank 0."""
        return InhibitionStream(self, site)


class InhibitionStream(Stream):
    """Keeps the last rates, and J_i as it was when they were measured."""

    def __init__(self, plan: InhibitionPlan, site: Site) -> None:
        from dtbsim.store.accumulated import AccumulatedWriter

        self._plan, self._site = plan, site
        n, members = plan.population.n_nodes, plan.regions.members.n
        self._count, self._written = 0, 0
        self._values = {"J_i": np.full((members, n), np.nan), "rate_hz": np.full((members, n), np.nan)}
        self._writer: AccumulatedWriter | None = None
        if site.comm.is_root:
            about = {
                "signal": KIND, "of": plan.population.name, "channels": list(plan.population.node_names), "unit": "nA",
                "interval_ms": plan.interval_ms,
            }  # fmt: skip
            shapes = {name: values.shape for name, values in self._values.items()}
            self._writer = AccumulatedWriter(site.stores / "controllers" / f"{plan.name}.zarr", about, shapes)

    def share(self, chunk: Chunk) -> None:
        """Bring the rates of all ranks, and what J_i was in the chunk."""
        plan, comm = self._plan, self._site.comm
        series = chunk.regions[plan.sample]
        if not series.steps.size:
            return
        n, members = plan.population.n_nodes, plan.regions.members.n
        now = self._site.backend.region_parameter(plan.population.index, PARAMETER).astype(np.float32)
        held = RegionSeries(series.steps[-1:], now[None, :, :, None], series.nodes, series.members)
        last = RegionSeries(series.steps[-1:], series.values[-1:], series.nodes, series.members)
        rates, inhibition = gathered(last, n, members, comm), gathered(held, n, members, comm)
        self._count += int(series.steps.size)
        if rates is not None and inhibition is not None:
            self._values = {
                "J_i": inhibition[0, :, :, 0].T.astype(np.float64),
                "rate_hz": rates[0, :, :, 0].T.astype(np.float64),
            }

    def take(self, chunk: Chunk) -> None:
        """Store it now and then."""
        if self._writer is not None and self._writer.due and self._count >= 2 * max(self._written, 1):
            self._store()

    def _store(self) -> None:
        assert self._writer is not None
        self._writer.append(self._count, self._values)
        self._written = self._count

    def summary(self, steps: int) -> dict[str, Any]:
        """Smallest, mean and largest J_i and rate, by controller."""
        if not self._count:
            return {}
        ranges = {
            name: {"smallest": float(v.min()), "mean": float(v.mean()), "largest": float(v.max())}
            for name, v in self._values.items()
        }
        return {f"{KIND}.{self._plan.name}": ranges}

    def state(self) -> dict[str, NDArray[Any]]:
        """The last values."""
        if not self._site.comm.is_root:
            return {}
        return {"count": np.array(self._count), **{name: values.copy() for name, values in self._values.items()}}

    def restore(self, state: State) -> None:
        """Go on from there."""
        if state:
            self._count = int(state["count"])
            self._values = {name: np.array(state[name]) for name in self._values}

    def close(self) -> None:
        """Publish the store."""
        if self._writer is not None:
            if self._writer.usable and self._count:
                self._store()
            self._writer.close()


FEEDBACK_INHIBITION = FeedbackInhibitionSignal()
