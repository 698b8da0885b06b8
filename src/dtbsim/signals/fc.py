"""Functional connectivity of another signal: correlations of its channels, accumulated while the run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.parts import KIND
from dtbsim.errors import InputError
from dtbsim.signals.accumulated import AccumulatedSignal, AccumulatedStream, Moments, check_one, correlations
from dtbsim.signals.following import FollowingOptions, FollowingPlan, FollowingStream
from dtbsim.signals.member_moments import MemberMoments
from dtbsim.signals.source import F64
from dtbsim.signals.stream import Plan

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network
    from dtbsim.store.accumulated import Accumulated

FEWEST = 3
"""Samples, of which a correlation can be said something."""


class Fc(FollowingOptions):
    """Functional connectivity (FC): the Pearson correlation of every two channels of what it follows, over all samples.

    No series is kept: means and products are summed up sample by sample.
    """

    kind: Literal["fc"] = Field(default="fc", description=KIND)
    of: str = Field(default="bold", description="what it follows: a name below `signals`, `bold` or `rates`")


class FcSignal(AccumulatedSignal):
    """`signals.NAME` with `kind: fc`."""

    name = "fc"
    config = Fc

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """What it follows."""
        return FcPlan(name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return FC, float64 (channel, other), of an ensemble by member; NaN for channels that do not change."""
        return fc_of(self.stored(run, name), run)

    def of_sums(self, path: Path, run: Any) -> xr.DataArray:
        """Return FC of sums at `path`, of every member of an ensemble (member, channel, other)."""
        from dtbsim.store.accumulated import read_accumulated

        return fc_of(read_accumulated(path), run)

    def of_series(self, series: xr.DataArray) -> xr.DataArray:
        """Return the FC of a series (time, channel), as `read` does of one that was followed; InputError of too few."""
        import xarray as xr

        check_one(series)

        samples = series.values[np.isfinite(series.values).all(axis=1)]
        if len(samples) < FEWEST:
            raise InputError(f"'{series.name}' has {len(samples)} sample(s) there; a correlation needs {FEWEST}")
        moments = Moments(samples.shape[1])
        moments.add(samples)
        names = [str(name) for name in series[series.dims[1]].values]
        return xr.DataArray(
            correlations(moments.products),
            dims=("channel", "other"),
            coords={"channel": names, "other": names},
            name="fc",
            attrs={"kind": "fc", "of": str(series.name), "samples": len(samples), "units": "1"},
        )

    def panel(self, run: Any, name: str) -> Panel | None:
        """The matrix."""
        from dtbsim.signals.matrix_panel import matrix_panel

        found = self.read(run, name)
        text = f"Correlation of every two channels of {found.attrs['of']} over {found.attrs['samples']} samples."
        return matrix_panel(f"Functional connectivity ({name})", text, found, "correlation", (-1.0, 1.0))


def fc_of(found: Accumulated, run: Any) -> xr.DataArray:
    """FC of sums that were stored, of every member of an ensemble."""
    from dtbsim.store.accumulated import square
    from dtbsim.store.region_reader import member_coordinates

    fc = np.array([correlations(products) for products in found.values["products"]])
    return square(fc, found, "fc", {"samples": found.count, "units": "1"}, member_coordinates(run.network))


class FcPlan(FollowingPlan):
    """Sums over pairs of channels."""

    def __init__(self, name: str, item: Fc, network: Network) -> None:
        super().__init__(name, "fc", item, network)
        self.need(FEWEST, "a correlation")

    def follow(self, site: Site) -> FollowingStream:
        """The sums and their store."""
        return FcStream(self, site)


class FcStream(AccumulatedStream):
    """Sums up means and products."""

    def __init__(self, plan: FcPlan, site: Site) -> None:
        self._moments = MemberMoments(plan.followed.members, len(plan.followed.channels))
        super().__init__(plan, site, self._moments.shapes)

    @property
    def count(self) -> int:
        """Samples."""
        return self._moments.count

    def sums(self) -> dict[str, F64]:
        """Means and products of deviations."""
        return self._moments.sums()

    def add(self, step: int, rows: F64) -> None:
        """Sum them up; samples that are not known, of a filter that has not settled, are left out."""
        rows = self.after_start(step, rows)
        self._moments.add(rows[np.isfinite(rows).all(axis=1)])
        self.store_if_due()

    def state(self) -> dict[str, NDArray[Any]]:
        """The sums."""
        return self._moments.state() | {"written": np.array(self._written)}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._moments.restore(state)
        self._written = int(state["written"])

    def branch(self, state: Any) -> None:
        """Sums begin."""


FC = FcSignal()
