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
        of = run.config["signals"][name]["of"]
        known = found.isel(channel=0)
        mean, deviation = known.mean("time_ms").values.tolist(), known.std("time_ms").values.tolist()
        return found.assign_attrs(of=of, synchrony=mean, metastability=deviation)

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
        self.grid = Grid(("R",), "1", followed.interval, self.first, followed.stop, network.dt_ms, followed.members)

    def follow(self, site: Site) -> FollowingStream:
        """The filter and the store."""
        return OrderStream(self, site)


class OrderStream(FollowingStream):
    """Stores R of every sample."""

    def __init__(self, plan: OrderPlan, site: Site) -> None:
        super().__init__(plan, site)
        self._phases = Phases(plan, plan.item)
        self._members = plan.followed.members, len(plan.followed.channels)
        self._writer = writer_of(plan.name, "kuramoto_order", plan.grid, site)

    def add(self, step: int, rows: F64) -> None:
        """The length of the mean of all unit vectors."""
        due = self.after_start(step, rows)
        members, n = self._members
        found = np.array([_order(cos, sin, members, n) for cos, sin in self._phases.of(step, rows)])
        missing = len(due) - len(found)  # where a branch begins with it, the filter has not settled
        order = np.concatenate([np.full((missing, members), np.nan), found.reshape(len(found), members)])
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


def _order(cos: F64, sin: F64, members: int, n: int) -> F64:
    """R of every member, float64[members]."""
    across, along = cos.reshape(members, n).sum(axis=1), sin.reshape(members, n).sum(axis=1)
    return np.asarray(np.sqrt(across * across + along * along) / n)


KURAMOTO_ORDER = KuramotoOrderSignal()
