"""noise_current: normal numbers as a current, drawn anew at intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.drives import ByRegion, Current, NotNegative
from dtbsim.config.locate import KeyPath
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import NoisyCurrent
from dtbsim.models.drives.waveforms import Sine


class NoiseCurrentDrive(Current):
    """White noise: a normally distributed current, drawn anew every `dt_ms`, as of NEST's noise_generator.

    Intervals are counted from the moment at which the drive is first switched on.
    """

    changeable: ClassVar = ("mean", "std")
    kind: Literal["noise_current"] = Field(default="noise_current", description=KIND)
    mean: ByRegion = Field(default=0.0, description="mean, in the unit of the model's current input")
    std: NotNegative = Field(description="standard deviation")
    dt_ms: Number | None = Field(default=None, gt=0, description="time for which a value is held; default: one step")
    shared: Flag = Field(default=False, description="all targets get the same current; otherwise each its own")

    def grid_times(self) -> Iterator[tuple[KeyPath, float | None]]:
        """Yield the time for which a value is held."""
        yield ("dt_ms",), self.dt_ms


class NoiseCurrent(DriveKind):
    """Its effect depends on how long a value is held; that of `white_noise` does not."""

    config = NoiseCurrentDrive

    def compile(self, item: NoiseCurrentDrive, site: Site) -> NoisyCurrent:
        """Return normal numbers that are held."""
        interval = 1 if item.dt_ms is None else site.steps("dt_ms", item.dt_ms)
        return NoisyCurrent(Sine(float(item.mean)), Sine(float(item.std)), interval, shared=item.shared)
