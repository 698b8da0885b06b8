"""gamma: spike trains whose intervals have a gamma distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dtbsim.config.bounds import Number, Whole
from dtbsim.config.drives import SHARED, NotNegative, Spiking
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.renewal_process import Renewal, check_peak
from dtbsim.models.drives.waveforms import SteppedRate

Shape = Annotated[Number, Field(ge=0.1, le=1e4)]
SHAPE = "shape of the gamma distribution of intervals, whose CV is 1 / sqrt(shape): 1 is a Poisson process"
Begin = Literal["equilibrium", "spike"]
BEGIN = "at start_ms: `equilibrium`, as if it had been going on for ever, or `spike`, as if one had just been"


class GammaDrive(Spiking):
    """Spike trains whose intervals are independent and have a gamma distribution, into every target neuron.

    As NEST's gamma_sup_generator, each train is a superposition of `processes` independent processes (its n_proc), of
    `rate_hz` in all; PyNN's SpikeSourceGamma (alpha = shape, beta = rate * shape) is one of `processes: 1` that begins
    with a `spike`. Of several processes the intervals of the sum are no gamma numbers any more. The processes begin at
    `start_ms`; a rate that `changes` alters stretches the interval that is under way.
    """

    changeable: ClassVar = ("rate_hz",)
    kind: Literal["gamma"] = Field(default="gamma", description=KIND)
    rate_hz: NotNegative = Field(description="mean rate of each train")
    shape: Shape = Field(description=SHAPE)
    processes: Annotated[Whole, Field(ge=1, le=10_000)] = Field(default=1, description="processes in each train")
    begin: Begin = Field(default="equilibrium", description=BEGIN)
    shared: Flag = Field(default=False, description=SHARED)


@dataclass(frozen=True)
class GammaIntervals:
    """With the mean 1."""

    shape: float
    begin: Begin = "equilibrium"

    def following(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return intervals between spikes, the quantiles at u."""
        from scipy.special import gammaincinv

        if self.shape == 1:
            return np.asarray(-np.log1p(-u))
        return np.asarray(gammaincinv(self.shape, u) / self.shape)

    def first(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the times until the first spike: what is left of an interval that covers a random moment.

        Intervals are met in proportion to their length, so that one has a gamma distribution of shape + 1.
        """
        from scipy.special import gammaincinv

        return self.following(u) if self.begin == "spike" else v * gammaincinv(self.shape + 1.0, u) / self.shape


class Gamma(DriveKind):
    """A renewal process at a constant rate."""

    config = GammaDrive

    def compile(self, item: GammaDrive, site: Site) -> Renewal:
        """Return the trains."""
        check_peak(site, "rate_hz", item.rate_hz)
        rate = SteppedRate((item.start_ms,), (item.rate_hz,))
        return Renewal(rate, GammaIntervals(item.shape, item.begin), item.processes, item.shared)
