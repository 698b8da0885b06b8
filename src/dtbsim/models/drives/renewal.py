"""renewal: spike trains whose intervals have any distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.drives import SHARED, Spiking
from dtbsim.config.parts import KIND
from dtbsim.config.values import DrawnValue, Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.gamma import BEGIN, Begin
from dtbsim.models.drives.renewal_process import Renewal, check_peak
from dtbsim.models.drives.waveforms import SteppedRate


class RenewalDrive(Spiking):
    """Spike trains whose intervals are independent and have a distribution, into every target neuron.

    With an `exponential` distribution from `low` on they are Poisson trains with a dead time (PyNN's
    SpikeSourcePoissonRefractory); a number makes them regular. The process begins at `start_ms`.
    """

    kind: Literal["renewal"] = Field(default="renewal", description=KIND)
    interval_ms: DrawnValue = Field(description="intervals, a number or a distribution; none may be negative")
    begin: Begin = Field(default="equilibrium", description=BEGIN)
    shared: Flag = Field(default=False, description=SHARED)


@dataclass(frozen=True, eq=False)
class TableIntervals:
    """Quantiles float64[n + 1] at 0, 1 / n, ..., 1 of a distribution, in units of its mean."""

    quantiles: NDArray[np.float64]
    begin: Begin

    def following(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return intervals between spikes, the quantiles at u."""
        at = u * (self.quantiles.size - 1)
        index = at.astype(np.int64)
        low = self.quantiles[index]
        return np.asarray(low + (self.quantiles[index + 1] - low) * (at - index))

    def first(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the times until the first spike: what is left of an interval that covers a random moment.

        Intervals are met in proportion to their length.
        """
        if self.begin == "spike":
            return self.following(u)
        met = np.concatenate([[0.0], np.cumsum(self.quantiles[1:] + self.quantiles[:-1])])
        grid = np.arange(met.size) / (met.size - 1)
        inside = np.clip(np.interp(u, met / met[-1], grid), 0.0, 1.0 - 2.0**-52)
        return v * self.following(inside)


class RenewalTrains(DriveKind):
    """Intervals are drawn from a table of quantiles, as all values are."""

    config = RenewalDrive

    def compile(self, item: RenewalDrive, site: Site) -> Renewal:
        """Return the trains."""
        quantiles = site.quantiles("interval_ms")
        mean = float(np.mean((quantiles[1:] + quantiles[:-1]) / 2.0))
        if quantiles[0] < 0 or mean <= 0:
            message = f"intervals from {quantiles[0]:.4g} ms on; allowed: at least 0, and above 0 on average"
            raise site.error("interval_ms", message, "bound it: `low: 0`")
        rate_hz = 1000.0 / mean
        check_peak(site, "interval_ms", rate_hz)
        intervals = TableIntervals(quantiles / mean, item.begin)
        return Renewal(SteppedRate((item.start_ms,), (rate_hz,)), intervals, 1, item.shared)
