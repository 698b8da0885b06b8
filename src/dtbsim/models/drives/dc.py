"""dc: a constant current."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.drives import ByRegion, Current
from dtbsim.config.parts import KIND
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import InputCurrent
from dtbsim.models.drives.waveforms import Sine


class DCDrive(Current):
    """A constant current (the unit of the model's current input: pA, or mV for charge-based models)."""

    changeable: ClassVar = ("amplitude",)
    kind: Literal["dc"] = Field(default="dc", description=KIND)
    amplitude: ByRegion = Field(description="the current")


class DC(DriveKind):
    """The same at all times."""

    config = DCDrive

    def compile(self, item: DCDrive, site: Site) -> InputCurrent:
        """Return the current."""
        return InputCurrent(Sine(item.amplitude))
