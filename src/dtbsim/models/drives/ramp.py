"""ramp: a current that goes in a straight line from one amplitude to another."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.drives import ByRegion, Current
from dtbsim.config.parts import KIND
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import InputCurrent
from dtbsim.models.drives.waveforms import Ramp


class RampDrive(Current):
    """A current that goes in a straight line from one amplitude at `start_ms` to another, and then stays there."""

    kind: Literal["ramp"] = Field(default="ramp", description=KIND)
    from_amplitude: ByRegion = Field(description="at start_ms, in the unit of the model's current input")
    to_amplitude: ByRegion = Field(description="from start_ms + duration_ms on")
    duration_ms: Number = Field(gt=0, description="time from one to the other, used as it is")


class RampCurrent(DriveKind):
    """The line begins where the drive does."""

    config = RampDrive

    def compile(self, item: RampDrive, site: Site) -> InputCurrent:
        """Return the current in time."""
        start = site.steps("start_ms", item.start_ms)
        return InputCurrent(Ramp(item.from_amplitude, item.to_amplitude, start, item.duration_ms))
