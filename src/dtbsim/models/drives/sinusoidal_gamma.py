"""sinusoidal_gamma: gamma spike trains whose rate goes up and down."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from dtbsim.config.drives import SHARED, ByRegion, NotNegative, Positive, Spiking
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.gamma import SHAPE, GammaIntervals, Shape
from dtbsim.models.drives.renewal_process import Renewal, check_peak
from dtbsim.models.drives.waveforms import SinusoidalRate


class SinusoidalGammaDrive(Spiking):
    """Gamma spike trains of the rate rate + amplitude * sin(2 pi f t + phase), into every target neuron.

    As NEST's sinusoidal_gamma_generator (its order is the shape): intervals have a gamma distribution in the time that
    goes as fast as the rate. t is the time of the run. The trains are in equilibrium at time 0.
    """

    changeable: ClassVar = ("rate_hz", "amplitude_hz", "frequency_hz", "phase_deg")
    kind: Literal["sinusoidal_gamma"] = Field(default="sinusoidal_gamma", description=KIND)
    rate_hz: NotNegative = Field(description="mean rate of each train")
    amplitude_hz: NotNegative = Field(description="how far the rate goes up and down, at most rate_hz")
    frequency_hz: Positive = Field(description="frequency f")
    phase_deg: ByRegion = Field(
        default=0.0, description="phase at time 0 of the run, wherever the drive is switched on"
    )
    shape: Shape = Field(description=SHAPE)
    shared: Flag = Field(default=False, description=SHARED)

    @model_validator(mode="after")
    def _above_zero(self) -> SinusoidalGammaDrive:
        rate, amplitude = self.rate_hz, self.amplitude_hz
        if isinstance(rate, int | float) and isinstance(amplitude, int | float) and amplitude > rate:
            raise ValueError(f"amplitude_hz ({amplitude:g}) must not be above rate_hz ({rate:g})")
        return self


class SinusoidalGamma(DriveKind):
    """A renewal process at a rate in time."""

    config = SinusoidalGammaDrive

    def compile(self, item: SinusoidalGammaDrive, site: Site) -> Renewal:
        """Return the trains."""
        if item.amplitude_hz > item.rate_hz:
            raise site.error("amplitude_hz", f"{item.amplitude_hz:g} Hz is above rate_hz ({item.rate_hz:g})")
        check_peak(site, "amplitude_hz", item.rate_hz + item.amplitude_hz)
        rate = SinusoidalRate(item.rate_hz, item.amplitude_hz, item.frequency_hz, math.radians(item.phase_deg))
        return Renewal(rate, GammaIntervals(item.shape), 1, item.shared)
