"""pulse_train: rectangular pulses of a current, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from dtbsim.config.bounds import Number
from dtbsim.config.drives import ByRegion, Current
from dtbsim.config.locate import KeyPath
from dtbsim.config.parts import KIND
from dtbsim.models.drives.base import DriveKind, Site
from dtbsim.models.drives.inputs import InputCurrent
from dtbsim.models.drives.waveforms import FloatArray, IntArray


class PulseTrainDrive(Current):
    """Rectangular pulses, the first at `start_ms`, then one every 1000 / frequency_hz ms, as of an electrode.

    A pulse is `amplitude` for `width_ms`, then, where these are given, `recovery_amplitude` for `recovery_ms`: the
    second phase of a biphasic one. Each begins with the nearest step, so that a frequency holds over any time.
    """

    changeable: ClassVar = ("amplitude", "recovery_amplitude")
    kind: Literal["pulse_train"] = Field(default="pulse_train", description=KIND)
    amplitude: ByRegion = Field(description="the current in a pulse, in the unit of the model's current input")
    frequency_hz: Number = Field(gt=0, description="pulses per second")
    width_ms: Number = Field(gt=0, description="length of a pulse, whole steps")
    recovery_amplitude: ByRegion = Field(default=0.0, description="the current after it, such as one of the other sign")
    recovery_ms: Number = Field(default=0.0, ge=0, description="for so long, whole steps")

    @model_validator(mode="after")
    def _apart(self) -> PulseTrainDrive:
        length, period = self.width_ms + self.recovery_ms, 1000.0 / self.frequency_hz
        if length > period:
            raise ValueError(f"pulses of {length:g} ms do not fit {period:g} ms, the time from one to the next")
        return self

    def grid_times(self) -> Iterator[tuple[KeyPath, float | None]]:
        """Yield the lengths of both phases."""
        yield ("width_ms",), self.width_ms
        yield ("recovery_ms",), self.recovery_ms or None


@dataclass(frozen=True)
class Pulses:
    """`amplitude` for `width` steps, then `recovery` for as many as `rest`, from rint(start + k period) on, k >= 0."""

    start: int
    period: float
    width: int
    amplitude: float
    rest: int
    recovery: float

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current of each step."""
        since = steps - self.start
        number = np.floor((since + 0.5) / self.period)
        number -= np.rint(number * self.period) > since  # halves are rounded to even numbers
        place = since - np.rint(number * self.period).astype(np.int64)
        value = np.where(
            place < self.width, self.amplitude, np.where(place < self.width + self.rest, self.recovery, 0.0)
        )
        return np.where(since >= 0, value, 0.0)


class PulseTrain(DriveKind):
    """A function of the step alone."""

    config = PulseTrainDrive

    def compile(self, item: PulseTrainDrive, site: Site) -> InputCurrent:
        """Return the current in time."""
        width = site.steps("width_ms", item.width_ms)
        rest = site.steps("recovery_ms", item.recovery_ms) if item.recovery_ms else 0
        period = 1000.0 / item.frequency_hz / site.dt_ms
        if period < 1.0:
            raise site.error("frequency_hz", f"{item.frequency_hz:g} pulses per second are more than one in a step")
        start = site.steps("start_ms", item.start_ms)
        return InputCurrent(Pulses(start, period, width, float(item.amplitude), rest, float(item.recovery_amplitude)))
