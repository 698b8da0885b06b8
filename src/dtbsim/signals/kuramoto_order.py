"""The Kuramoto order parameter of the channels of another signal, whose mean and deviation are their synchrony and
metastability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.parts import KIND
from dtbsim.signals.following import FollowingPlan, FollowingStream
from dtbsim.signals.phases import PhaseOptions, Phases, first_phase
from dtbsim.signals.sensors import writer_of
from dtbsim.signals.source import F64, Grid
from dtbsim.signals.stream import Plan, Signal

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network


class KuramotoOrder(PhaseOptions):
    """Order parameter R(t) = |mean over channels of exp(i phase)|: 1 in step, about 1 / sqrt(channels) at random.

    Its mean over time is the `synchrony` and its standard deviation the `metastability` (Shanahan 2010; Cabral et al.
    2011) of the result's attributes.
    """

    kind: Literal["kuramoto_order"] = Field(default="kuramoto_order", description=KIND)


class KuramotoOrderSignal(Signal):
    """`signals.NAME` with `kind: kuramoto_order`."""

    name = "kuramoto_order"
    part = "signals"
    config = KuramotoOrder

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """What it follows, and its filter."""
        return OrderPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return R, float64 (time_ms, channel) with one channel, and `synchrony` and `metastability` in `attrs`."""
        found = super().read(run, name)
        known = found.values[np.isfinite(found.values)]
        synchrony, metastability = (float(known.mean()), float(known.std())) if known.size else (None, None)
        of = run.config["signals"][name]["of"]
        return found.assign_attrs(of=of, synchrony=synchrony, metastability=metastability)

    def panel(self, run: Any, name: str) -> Panel | None:
        """R against time, and its distribution."""
        from dtbsim.signals.region_panel import order_panel

        return order_panel(name, self.read(run, name))


class OrderPlan(FollowingPlan):
    """One channel of all."""

    def __init__(self, name: str, item: KuramotoOrder, network: Network) -> None:
        super().__init__(name, "kuramoto_order", item, network)
        self.item = item
        self.first = first_phase(self, item)
        self.need(1, "a phase", "of")
        followed = self.followed
        self.grid = Grid(("R",), "1", followed.interval, self.first, followed.stop, network.dt_ms)

    def follow(self, site: Site) -> FollowingStream:
        """The filter and the store."""
        return OrderStream(self, site)


class OrderStream(FollowingStream):
    """Stores R of every sample."""

    def __init__(self, plan: OrderPlan, site: Site) -> None:
        super().__init__(plan, site)
        self._phases = Phases(plan, plan.item)
        self._writer = writer_of(plan.name, "kuramoto_order", plan.grid, site)

    def add(self, step: int, rows: F64) -> None:
        """The length of the mean of all unit vectors."""
        due = self.after_start(step, rows)
        found = [
            np.sqrt(np.square(cos.sum()) + np.square(sin.sum())) / len(cos) for cos, sin in self._phases.of(step, rows)
        ]
        missing = len(due) - len(found)  # where a branch begins with it, the filter has not settled
        order = np.concatenate([np.full(missing, np.nan), np.array(found, np.float64)])[:, None]
        first = max(step, self._first)
        self.board.publish(self.board_name, first, order)
        if len(order):
            self._writer.append(order)

    def state(self) -> dict[str, NDArray[Any]]:
        """That of the filter."""
        return self._phases.state()

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._phases.restore(state)

    def close(self) -> None:
        """Publish the store."""
        self._writer.close()


KURAMOTO_ORDER = KuramotoOrderSignal()
