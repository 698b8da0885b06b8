"""Dynamics of functional connectivity: the FC of sliding windows of another signal, stored as each window ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.parts import KIND
from dtbsim.errors import InputError
from dtbsim.signals.accumulated import check_one
from dtbsim.signals.following import FollowingOptions, FollowingPlan, FollowingStream, triangle
from dtbsim.signals.member_moments import MemberMoments
from dtbsim.signals.source import F64
from dtbsim.signals.stream import Plan, Signal

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network

FEWEST = 3
"""Samples of a window, and channels."""


class Fcd(FollowingOptions):
    """Dynamics of functional connectivity (FCD, Hansen et al. 2015): how similar the FC of one window is to another's.

    Kept are the samples of one window; stored is the FC of each. The matrix of their correlations is made when it is
    read.
    """

    kind: Literal["fcd"] = Field(default="fcd", description=KIND)
    of: str = Field(default="bold", description="what it follows: a name below `signals`, `bold` or `rates`")
    window_s: Number = Field(default=60.0, gt=0, description="length of a window, rounded to whole samples")
    step_s: Number = Field(default=2.16, gt=0, description="from window to window, rounded to whole samples")


class FcdSignal(Signal):
    """`signals.NAME` with `kind: fcd`."""

    name = "fcd"
    part = "signals"
    holds = "windows"
    config = Fcd

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """What it follows, and the windows."""
        return FcdPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return FCD, float64 (time_s, other_s), times being the middles of windows."""
        from dtbsim.store.region_reader import member_coordinates
        from dtbsim.store.windows import read_fcd

        path = run.stored(f"{self.folder}/{name}.zarr", f"signals.{name}")
        return read_fcd(path, member_coordinates(run.network))

    def of_series(self, series: xr.DataArray, *, window_s: float, step_s: float) -> xr.DataArray:
        """Return the FCD of a series (time, channel), as `read` does of one that was followed; InputError if short."""
        import xarray as xr

        from dtbsim.analysis.fcd import fcd_matrix

        check_one(series)
        rows = str(series.dims[0])
        times_s = series[rows].values * (1e-3 if rows == "time_ms" else 1.0)
        if len(times_s) < FEWEST:
            raise InputError(f"'{series.name}' has {len(times_s)} sample(s) there; FCD needs windows of {FEWEST}")
        interval_s = float(times_s[-1] - times_s[0]) / (len(times_s) - 1)
        samples, hop = round(window_s / interval_s), max(1, round(step_s / interval_s))
        matrix = fcd_matrix(series.values, interval_s, window_s=samples * interval_s, step_s=hop * interval_s)
        ends_s = times_s[samples - 1 :: hop][: len(matrix)]
        middle_s = ends_s - samples * interval_s / 2
        attributes = {"units": "1", "kind": "fcd", "of": str(series.name), "window_s": samples * interval_s}
        coords = {"time_s": middle_s, "other_s": middle_s}
        return xr.DataArray(matrix, dims=("time_s", "other_s"), coords=coords, name="fcd", attrs=attributes)

    def panel(self, run: Any, name: str) -> Panel | None:
        """The matrix."""
        from dtbsim.signals.matrix_panel import fcd_panel

        return fcd_panel(name, self.read(run, name))


class FcdPlan(FollowingPlan):
    """Windows of `samples` samples, every `hop`."""

    def __init__(self, name: str, item: Fcd, network: Network) -> None:
        super().__init__(name, "fcd", item, network)
        interval_s, where = 1e-3 * self.followed.interval_ms, f"signals.{name}"
        self.samples, self.hop = round(item.window_s / interval_s), max(1, round(item.step_s / interval_s))
        if self.samples < FEWEST:
            raise InputError(
                f"a window of {item.window_s:g} s has {self.samples} samples of '{item.of}'; {FEWEST} are needed",
                where=f"{where}.window_s",
                remedy="make windows longer",
            )
        if len(self.followed.channels) < FEWEST:
            raise InputError(
                f"'{item.of}' has {len(self.followed.channels)} channel(s); FCD needs {FEWEST}", where=f"{where}.of"
            )
        self.need(self.samples + self.hop, "two windows", "window_s")

    def follow(self, site: Site) -> FollowingStream:
        """The samples of a window, and the store."""
        return FcdStream(self, site)


class FcdStream(FollowingStream):
    """Keeps the samples of windows that have begun."""

    def __init__(self, plan: FcdPlan, site: Site) -> None:
        from dtbsim.store.windows import WindowWriter

        super().__init__(plan, site)
        self._plan = plan
        self._pairs = triangle(len(plan.followed.channels))
        self._kept = np.zeros((0, plan.followed.columns))
        self._writer = WindowWriter(
            site.stores / "signals" / f"{plan.name}.zarr",
            channels=plan.followed.channels,
            of=plan.of,
            window_ms=plan.samples * plan.followed.interval_ms,
            dt_ms=plan.dt_ms,
            members=plan.followed.members,
        )

    def add(self, step: int, rows: F64) -> None:
        """Store the FC of every window that they complete."""
        interval, plan = self._interval, self._plan
        due = self.after_start(step, rows)
        last = step + (len(rows) - 1) * interval  # of the last sample
        known = np.isfinite(due).all(axis=1)  # others are of a filter that has not settled
        kept = np.concatenate([self._kept, due[known]])
        while len(kept) >= plan.samples:
            moments = MemberMoments(plan.followed.members, len(plan.followed.channels))
            moments.add(kept[: plan.samples])
            end = last - (len(kept) - plan.samples) * interval
            self._writer.append(end, moments.fc()[:, self._pairs[0], self._pairs[1]])
            kept = kept[plan.hop :]
        self._kept = kept

    def state(self) -> dict[str, NDArray[Any]]:
        """The samples that are kept."""
        return {"kept": self._kept.copy()}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._kept = np.array(state["kept"])

    def branch(self, state: Any) -> None:
        """Windows begin."""

    def close(self) -> None:
        """Publish the store."""
        self._writer.close()


FCD = FcdSignal()
