"""inhomogeneous_poisson: Poisson spikes whose rate changes in steps."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.drives import SHARED, Spiking, series
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import PoissonSpikes
from dtbsim.models.drives.waveforms import SteppedRate


class InhomogeneousPoissonDrive(Spiking):
    """Poisson spike trains whose rate changes in steps: rates_hz[k] from times_ms[k] until the next time.

    As NEST's inhomogeneous_poisson_generator; 0 before the first time. The number of spikes in a time step is a Poisson
    number whose mean is the integral of the rate over the step, also where the rate changes within one.
    """

    kind: Literal["inhomogeneous_poisson"] = Field(default="inhomogeneous_poisson", description=KIND)
    times_ms: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="when the rate changes, ascending; also within a step"
    )
    rates_hz: Annotated[list[Annotated[Number, Field(ge=0)]], Field(min_length=1, fail_fast=True)] = Field(
        description="what it changes to, as many"
    )
    shared: Flag = Field(default=False, description=SHARED)

    @model_validator(mode="after")
    def _as_many(self) -> InhomogeneousPoissonDrive:
        series("times_ms", self.times_ms, "rates_hz", self.rates_hz)
        return self


class InhomogeneousPoisson(DriveKind):
    """The rate may change within a step."""

    config = InhomogeneousPoissonDrive

    def compile(self, item: InhomogeneousPoissonDrive, site: Site) -> PoissonSpikes:
        """Return Poisson spikes at the rate in time."""
        rate = SteppedRate(tuple(item.times_ms), tuple(item.rates_hz))
        return PoissonSpikes(rate, "rates_hz", max(item.rates_hz), item.shared)
