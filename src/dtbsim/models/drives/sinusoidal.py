"""sinusoidal and ac: a sinusoidal current, under two names."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.drives import ByRegion, Current, Positive
from dtbsim.config.parts import KIND
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import InputCurrent
from dtbsim.models.drives.waveforms import Sine


class Sinusoidal(Current):
    """Common to the two names of a sinusoidal current."""

    changeable: ClassVar = ("amplitude", "frequency_hz", "phase_deg", "offset")
    amplitude: ByRegion = Field(description="amplitude, in the unit of the model's current input")
    frequency_hz: Positive = Field(description="frequency f")
    phase_deg: ByRegion = Field(
        default=0.0, description="phase at time 0 of the run, wherever the drive is switched on"
    )
    offset: ByRegion = Field(default=0.0, description="mean, in the unit of the model's current input")


class SinusoidalDrive(Sinusoidal):
    """offset + amplitude * sin(2 pi f t + phase) as an input current; the same as `ac`."""

    kind: Literal["sinusoidal"] = Field(default="sinusoidal", description=KIND)


class ACDrive(Sinusoidal):
    """offset + amplitude * sin(2 pi f t + phase) as an input current, as of NEST's ac_generator.

    t is the time of the run. A current flows from t to t + one step; NEST's arrives one step later (its delay).
    """

    kind: Literal["ac"] = Field(default="ac", description=KIND)


class SinusoidalCurrent(DriveKind):
    """`sinusoidal`."""

    config: ClassVar[type[Sinusoidal]] = SinusoidalDrive

    def compile(self, item: Sinusoidal, site: Site) -> InputCurrent:
        """Return the current in time."""
        return InputCurrent(Sine(item.offset, item.amplitude, item.frequency_hz, math.radians(item.phase_deg)))


class AC(SinusoidalCurrent):
    """`ac`, the same under the name that NEST gives it."""

    config = ACDrive
