"""Phase-locking value of every two channels in a frequency band, accumulated while the run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.parts import KIND
from dtbsim.signals.accumulated import AccumulatedSignal, AccumulatedStream
from dtbsim.signals.following import FollowingPlan, FollowingStream
from dtbsim.signals.phases import PhaseOptions, Phases, first_phase
from dtbsim.signals.source import F64
from dtbsim.signals.stream import Plan

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network


class Plv(PhaseOptions):
    """Phase-locking value (PLV, Lachaux et al. 1999): |mean over samples of exp(i (phase difference))| of every pair.

    1 where two channels keep their distance in phase, 0 where it takes all values alike. In sensors of one head,
    neighbours see the same sources, so that theirs is high without any coupling.
    """

    kind: Literal["plv"] = Field(default="plv", description=KIND)


class PlvSignal(AccumulatedSignal):
    """`signals.NAME` with `kind: plv`."""

    name = "plv"
    config = Plv

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """What it follows, and its filter."""
        return PlvPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return the PLV, float64 (channel, other), 1 on the diagonal; of an ensemble by member."""
        from dtbsim.store.accumulated import square
        from dtbsim.store.region_reader import member_coordinates

        found = self.stored(run, name)
        with np.errstate(invalid="ignore"):
            locked = np.hypot(found.values["cos"], found.values["sin"]) / found.count
        diagonal = np.arange(len(found.channels))
        locked[:, diagonal, diagonal] = 1.0
        return square(locked, found, "plv", {"samples": found.count, "units": "1"}, member_coordinates(run.network))

    def panel(self, run: Any, name: str) -> Panel | None:
        """The matrix."""
        from dtbsim.signals.matrix_panel import matrix_panel

        found = self.read(run, name)
        text = f"Phase locking of every two channels of {found.attrs['of']} over {found.attrs['samples']} samples."
        return matrix_panel(f"Phase-locking value ({name})", text, found, "PLV", (0.0, 1.0))


class PlvPlan(FollowingPlan):
    """Sums over pairs of channels."""

    def __init__(self, name: str, item: Plv, network: Network) -> None:
        super().__init__(name, "plv", item, network)
        self.item = item
        self.first = first_phase(self, item)
        self.need(1, "a phase", "of")

    def follow(self, site: Site) -> FollowingStream:
        """The sums and their store."""
        return PlvStream(self, site)


class PlvStream(AccumulatedStream):
    """Sums up cosines and sines of phase differences."""

    def __init__(self, plan: PlvPlan, site: Site) -> None:
        self._shape = plan.followed.members, len(plan.followed.channels)
        square = (*self._shape, self._shape[1])
        super().__init__(plan, site, {"cos": square, "sin": square})
        self._phases = Phases(plan, plan.item)
        self._count = 0
        self._cos, self._sin = np.zeros(square), np.zeros(square)

    @property
    def count(self) -> int:
        """Samples."""
        return self._count

    def sums(self) -> dict[str, F64]:
        """Over samples, of the cosine and the sine of phase of row minus phase of column."""
        return {"cos": self._cos, "sin": self._sin}

    def add(self, step: int, rows: F64) -> None:
        """Sum them up."""
        for cosines, sines in self._phases.of(step, rows):
            cos, sin = cosines.reshape(self._shape), sines.reshape(self._shape)
            self._count += 1
            self._cos += cos[:, :, None] * cos[:, None] + sin[:, :, None] * sin[:, None]
            self._sin += sin[:, :, None] * cos[:, None] - cos[:, :, None] * sin[:, None]
        self.store_if_due()

    def state(self) -> dict[str, NDArray[Any]]:
        """The sums, and the filter."""
        sums = {"count": np.array(self._count), "cos": self._cos.copy(), "sin": self._sin.copy()}
        return {**sums, "written": np.array(self._written), **self._phases.state()}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._count, self._written = int(state["count"]), int(state["written"])
        self._cos, self._sin = np.array(state["cos"]), np.array(state["sin"])
        self._phases.restore(state)

    def branch(self, state: Any) -> None:
        """Sums begin, the filter goes on."""
        if state is not None:
            self._phases.restore(state)


PLV = PlvSignal()
