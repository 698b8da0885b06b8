"""What drives follow in time: input currents and rates at given steps, and the windows in which a drive is on.

A current of step k is the value at the beginning of the step, k dt, which flows until the next step begins: what
NEST's device has at that time, and its targets one step later, after the delay of its connection. Everything here is a
function of the step alone, so chunks of any length give the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """When a drive is on: from step on[k] to before off[k], ascending and not overlapping."""

    on: tuple[int, ...]
    off: tuple[int, ...]

    @property
    def start(self) -> int:
        """First step that is on."""
        return self.on[0] if self.on else 0

    @property
    def stop(self) -> int:
        """End of the last one."""
        return self.off[-1] if self.off else 0

    def contain(self, steps: IntArray) -> NDArray[np.bool_]:
        """Whether each of the steps is within a window."""
        edges = np.array([edge for pair in zip(self.on, self.off, strict=True) for edge in pair], np.int64)
        return np.asarray(np.searchsorted(edges, steps, side="right") % 2 == 1)


def windows_of(start: int, stop: int, pairs: list[tuple[int, int]]) -> Windows:
    """The windows `pairs` within [start, stop); empty ones are left out, and those that touch are one."""
    joined: list[list[int]] = []
    for on, off in pairs:
        first, last = max(on, start), min(off, stop)
        if first >= last:
            continue
        if joined and joined[-1][1] == first:
            joined[-1][1] = last
        else:
            joined.append([first, last])
    return Windows(tuple(on for on, _ in joined), tuple(off for _, off in joined))


LONGEST_MEMORY = 10**6
"""Time constant of a process in steps: beyond, float32 does not tell its decay from 1 well enough (3 % of its time)."""


class Rate(Protocol):
    """A rate in time."""

    def means(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """Expected number of events in each of some consecutive steps: the integral of the rate over it."""
        ...


class Wave(Protocol):
    """A current in time."""

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current at the beginning of each step."""
        ...


@dataclass(frozen=True)
class Noise:
    """Normal numbers around a current: a new one every `interval` steps, or a process with time constant `tau_ms`.

    `sd` is their standard deviation in time.
    """

    sd: Wave
    interval: int = 1
    tau_ms: float | None = None

    def memory(self, dt_ms: float) -> NDArray[np.float32] | None:
        """Decay over a step and size of the kick that keeps the variance at 1 with the rounded decay; None: white."""
        if self.tau_ms is None:
            return None
        decay = float(np.float32(math.exp(-dt_ms / self.tau_ms)))
        return np.array([decay, math.sqrt((1.0 - decay) * (1.0 + decay))], np.float32)


@dataclass(frozen=True)
class Sine:
    """offset + amplitude * sin(2 pi f t + phase), t from the beginning of the run; with amplitude 0 a constant."""

    offset: float = 0.0
    amplitude: float = 0.0
    frequency_hz: float = 0.0
    phase_rad: float = 0.0

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current at the beginning of each step."""
        value = np.full(steps.size, self.offset)
        if self.amplitude:
            value += self.amplitude * np.sin(2e-3 * np.pi * self.frequency_hz * steps * dt_ms + self.phase_rad)
        return value


@dataclass(frozen=True)
class Steps:
    """amplitudes[k] from step edges[k] until the next; 0 before the first. `edges` ascend."""

    edges: tuple[int, ...]
    amplitudes: tuple[float, ...]

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current of each step."""
        table = np.array([0.0, *self.amplitudes])
        return np.asarray(table[np.searchsorted(np.array(self.edges), steps, side="right")])


@dataclass(frozen=True)
class Ramp:
    """From `first` at step `start` in a straight line to `last` `duration_ms` later, and on with that."""

    first: float
    last: float
    start: int
    duration_ms: float

    def values(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """The current at the beginning of each step."""
        part = np.clip((steps - self.start) * dt_ms / self.duration_ms, 0.0, 1.0)
        return np.asarray(self.first + (self.last - self.first) * part)


@dataclass(frozen=True)
class SteppedRate:
    """rates_hz[k] from times_ms[k] until the next; 0 before the first. Times ascend and may lie within steps."""

    times_ms: tuple[float, ...]
    rates_hz: tuple[float, ...]

    def means(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """Expected number of events in each step, with the part of each rate where it changes within one."""
        at = np.array(self.times_ms) / dt_ms
        at = np.where(np.abs(at - np.rint(at)) < 1e-6, np.rint(at), at)
        table = np.array([0.0, *self.rates_hz])
        rates = table[np.searchsorted(at, steps, side="right")]
        first = int(steps[0]) if steps.size else 0
        inside = (at != np.floor(at)) & (at > first) & (at < first + steps.size)
        step = np.floor(at[inside]).astype(np.int64)
        np.add.at(rates, step - first, np.diff(table)[inside] * (step + 1 - at[inside]))
        return np.asarray(np.maximum(rates, 0.0) * (dt_ms * 1e-3))


@dataclass(frozen=True)
class SinusoidalRate:
    """max(0, rate + amplitude sin(2 pi f t + phase)), t from the beginning of the run."""

    rate_hz: float
    amplitude_hz: float
    frequency_hz: float
    phase_rad: float

    def means(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """Expected number of events in each step, in closed form."""
        turn = 2e-3 * np.pi * self.frequency_hz * dt_ms  # rad per step
        middle: FloatArray = turn * steps.astype(np.float64) + (self.phase_rad + 0.5 * turn)
        if self.amplitude_hz <= self.rate_hz:
            damped = self.amplitude_hz * math.sin(0.5 * turn) / (0.5 * turn)
            return np.asarray(np.maximum(self.rate_hz + damped * np.sin(middle), 0.0) * (dt_ms * 1e-3))
        (turns, rest), (turns_after, rest_after) = (self._since_rise(middle + x) for x in (-0.5 * turn, 0.5 * turn))
        rise = math.asin(-self.rate_hz / self.amplitude_hz)
        whole = self.rate_hz * (math.pi - 2.0 * rise) + 2.0 * self.amplitude_hz * math.cos(rise)
        integral = (turns_after - turns) * whole + rest_after - rest  # Hz rad
        return np.asarray(np.maximum(integral, 0.0) / turn * (dt_ms * 1e-3))

    def _since_rise(self, angle: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Whole turns from the first rise above zero to an angle, and the integral of the rate over the rest."""
        rise = math.asin(-self.rate_hz / self.amplitude_hz)
        turns = np.floor((angle - rise) / (2.0 * np.pi))
        inside = np.clip(angle - 2.0 * np.pi * turns, rise, np.pi - rise)
        rest = self.rate_hz * (inside - rise) + self.amplitude_hz * (math.cos(rise) - np.cos(inside))
        return turns, rest


@dataclass(frozen=True)
class JoinedRates:
    """rates[k] from step starts[k] on; `starts` ascend from 0."""

    starts: tuple[int, ...]
    rates: tuple[Rate, ...]

    def means(self, steps: IntArray, dt_ms: float) -> FloatArray:
        """Expected number of events in each of some consecutive steps."""
        which = np.searchsorted(np.array(self.starts), steps, side="right") - 1
        result = np.zeros(steps.size)
        for k in np.unique(which).tolist():
            result[which == k] = self.rates[k].means(steps[which == k], dt_ms)
        return result
