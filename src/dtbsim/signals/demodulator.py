"""Amplitude and phase of a frequency band, sample by sample: complex demodulation, a causal filter.

A signal is multiplied by exp(-i w t) with w in the middle of the band, which moves the band to zero frequency, and goes
through a Butterworth low-pass of half the band's width; twice what comes out, turned back by exp(i w t), is the
analytic signal of the band (Walter 1968). Before that a Butterworth high-pass of order 2 at half the lower edge takes
the mean and slow drifts away, which would leak into wide bands and give all channels one phase; what it changes in the
middle of the band is undone. For a sine in the middle of the band amplitude and phase are exact, half the square of the
amplitude is the power; at the edges the amplitude is 0.71 of it. The filter sees the past alone, so envelopes come
late, by `delay_s` where they change slowly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

F64 = NDArray[np.float64]
SETTLED = 1e-2
"""What a filter begins with counts as gone when so much of it is left."""
HIGH_PASS_AT = 0.5
"""Corner of the high-pass, in units of the band's lower edge."""


class Demodulator:
    """The analytic signals of `n` channels in the band from `low_hz` to `high_hz`, at samples every `interval_s`.

    Raises InputError (without a place) where the band does not lie between 0 and half the sampling rate.
    """

    def __init__(self, n: int, interval_s: float, low_hz: float, high_hz: float, order: int = 4) -> None:
        check_band(low_hz, high_hz, interval_s)
        from scipy.signal import butter, sosfreqz

        rate_hz, middle_hz = 1 / interval_s, 0.5 * (low_hz + high_hz)
        self._low: F64 = butter(order, 0.5 * (high_hz - low_hz), fs=rate_hz, output="sos")
        self._high: F64 = butter(2, HIGH_PASS_AT * low_hz, "highpass", fs=rate_hz, output="sos")
        passed = sosfreqz(self._high, worN=[middle_hz], fs=rate_hz)[1][0]
        self._undo = 2.0 / complex(passed)
        self._cycles = middle_hz * interval_s
        self.n = n
        self._offset = np.zeros(n)
        self._before = np.zeros((len(self._high), 2, n))
        self._memory = np.zeros((len(self._low), 2, 2 * n))
        self.samples = 0
        """How many it has seen."""

    def step(self, number: int, rows: F64) -> tuple[F64, F64]:
        """Real and imaginary part of the analytic signal, float64[k, n] each, of samples `rows` float64[k, n].

        `number` is that of the first sample, counted from any time.
        """
        unknown = self._unknown(rows)
        real, imaginary = np.full((2, len(rows), self.n), np.nan)
        if len(rows) > unknown:
            real[unknown:], imaginary[unknown:] = self._step(number + unknown, rows[unknown:])
        return real, imaginary

    def _unknown(self, rows: F64) -> int:
        """How many samples are not known: they can only come first, where a branch begins."""
        if self.samples or not len(rows):
            return 0
        known = np.isfinite(rows).all(axis=1)
        return int(np.argmax(known)) if known.any() else len(rows)

    def _step(self, number: int, rows: F64) -> tuple[F64, F64]:
        from scipy.signal import sosfilt

        if not self.samples:
            self._offset = rows[0].copy()
        self.samples += len(rows)
        moved, self._before = sosfilt(self._high, rows - self._offset, axis=0, zi=self._before)
        turns = [2 * math.pi * math.fmod(k * self._cycles, 1.0) for k in range(number, number + len(rows))]
        cos, sin = (np.array([[function(turn)] for turn in turns]) for function in (math.cos, math.sin))
        passed, self._memory = sosfilt(
            self._low, np.concatenate([moved * cos, moved * -sin], axis=1), axis=0, zi=self._memory
        )
        a, b = self._undo.real, self._undo.imag
        real = a * passed[:, : self.n] - b * passed[:, self.n :]
        imaginary = a * passed[:, self.n :] + b * passed[:, : self.n]
        return real * cos - imaginary * sin, real * sin + imaginary * cos

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        kept = {"offset": self._offset, "before": self._before, "memory": self._memory}
        return {name: values.copy() for name, values in kept.items()} | {"seen": np.array(self.samples)}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._offset, self._before, self._memory = (np.array(state[name]) for name in ("offset", "before", "memory"))
        self.samples = int(state["seen"])


def settling_s(low_hz: float, high_hz: float, order: int) -> float:
    """Time after which what the filters of a band began with has died away: that of their slowest mode."""
    low_pass = math.pi * (high_hz - low_hz) * math.sin(math.pi / (2 * order))
    high_pass = 2 * math.pi * HIGH_PASS_AT * low_hz * math.sin(math.pi / 4)
    return -math.log(SETTLED) / min(low_pass, high_pass)


def settling_samples(low_hz: float, high_hz: float, order: int, interval_s: float) -> int:
    """The same in samples."""
    return math.ceil(settling_s(low_hz, high_hz, order) / interval_s)


def delay_s(low_hz: float, high_hz: float, order: int) -> float:
    """By how much a slow change of the amplitude comes late: the group delays of both filters."""
    corner, middle = 2 * math.pi * HIGH_PASS_AT * low_hz, math.pi * (low_hz + high_hz)
    high_pass = math.sqrt(2) * corner * (corner**2 + middle**2) / (corner**4 + middle**4)
    return high_pass + 1.0 / (math.pi * (high_hz - low_hz) * math.sin(math.pi / (2 * order)))


def check_band(low_hz: float, high_hz: float, interval_s: float) -> None:
    """InputError unless 0 < low < high < half the sampling rate."""
    nyquist_hz = 0.5 / interval_s
    if not 0 < low_hz < high_hz < nyquist_hz:
        raise InputError(
            f"the band from {low_hz:g} to {high_hz:g} Hz does not lie between 0 and {nyquist_hz:g} Hz, half the "
            "sampling rate",
            remedy="choose another band, or sample what it follows more often",
        )
