"""current_series: a current whose course is in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dtbsim.config.bounds import Number
from dtbsim.config.drives import ByRegion, Current
from dtbsim.config.locate import KeyPath
from dtbsim.config.parts import KIND
from dtbsim.config.values import Flag
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import InputCurrent
from dtbsim.models.drives.waveforms import FloatArray, IntArray


class CurrentSeriesDrive(Current):
    """A current from a file, amplitude * value: a value for each interval, the first from `start_ms` on.

    After the last value it is 0, or with `repeat` begins again.
    """

    changeable: ClassVar = ("amplitude",)
    kind: Literal["current_series"] = Field(default="current_series", description=KIND)
    file: str = Field(
        description="path of an .npy, .npz or .csv file with a column of numbers, relative to the configuration file"
    )
    column: str | None = Field(
        default=None, description="column of a .csv file, array of an .npz file, where there are several"
    )
    interval_ms: Number | None = Field(
        default=None, gt=0, description="time for which a value holds, whole steps; default: one step"
    )
    amplitude: ByRegion = Field(default=1.0, description="factor, in the unit of the current for values without one")
    repeat: Flag = Field(default=False, description="begin again after the last value")

    def files(self) -> dict[str, str]:
        """Return the file of the values."""
        return {"file": self.file}

    def grid_times(self) -> Iterator[tuple[KeyPath, float | None]]:
        """Yield the time for which a value holds."""
        yield ("interval_ms",), self.interval_ms


@dataclass(frozen=True, eq=False)
class Series:
    """amplitude * numbers[k] for `interval` steps each, from step `start` on."""

    numbers: FloatArray
    start: int
    interval: int
    amplitude: float
    repeat: bool

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current of each step."""
        place, n = (steps - self.start) // self.interval, self.numbers.size
        inside = (place >= 0) & (self.repeat | (place < n))
        return np.where(inside, self.amplitude * self.numbers[place % n], 0.0)


class CurrentSeries(DriveKind):
    """The values are those of the file, whatever the chunks are."""

    config = CurrentSeriesDrive

    def compile(self, item: CurrentSeriesDrive, site: Site) -> InputCurrent:
        """Return the current in time."""
        interval = 1 if item.interval_ms is None else site.steps("interval_ms", item.interval_ms)
        numbers = site.numbers_of("file", item.file, item.column)
        start = site.steps("start_ms", item.start_ms)
        return InputCurrent(Series(numbers, start, interval, float(item.amplitude), item.repeat))
