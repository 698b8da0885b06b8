"""sinusoidal_poisson: Poisson spikes whose rate goes up and down."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.drives import SHARED, ByRegion, NotNegative, Positive, Spiking
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import PoissonSpikes
from dtbsim.models.drives.waveforms import SinusoidalRate


class SinusoidalPoissonDrive(Spiking):
    """Poisson spike trains of the rate max(0, rate + amplitude * sin(2 pi f t + phase)).

    As NEST's sinusoidal_poisson_generator; t is the time of the run. The number of spikes in a time step is a Poisson
    number whose mean is the integral of the rate over the step.
    """

    changeable: ClassVar = ("rate_hz", "amplitude_hz", "frequency_hz", "phase_deg")
    kind: Literal["sinusoidal_poisson"] = Field(default="sinusoidal_poisson", description=KIND)
    rate_hz: NotNegative = Field(description="mean rate of each train, where amplitude_hz is not above it")
    amplitude_hz: NotNegative = Field(description="how far the rate goes up and down")
    frequency_hz: Positive = Field(description="frequency f")
    phase_deg: ByRegion = Field(
        default=0.0, description="phase at time 0 of the run, wherever the drive is switched on"
    )
    shared: Flag = Field(default=False, description=SHARED)


class SinusoidalPoisson(DriveKind):
    """The rate is integrated over each step in closed form."""

    config = SinusoidalPoissonDrive

    def compile(self, item: SinusoidalPoissonDrive, site: Site) -> PoissonSpikes:
        """Return Poisson spikes at the rate in time."""
        rate = SinusoidalRate(item.rate_hz, item.amplitude_hz, item.frequency_hz, math.radians(item.phase_deg))
        return PoissonSpikes(rate, "amplitude_hz", item.rate_hz + item.amplitude_hz, item.shared)
