"""Amplitude and phase of a frequency band, sample by sample: complex demodulation, a causal filter.

A signal is multiplied by exp(-i w t) with w in the middle of the band, which moves the band to zero frequency, and goes
through a Butterworth low-pass of half the band's width (second-order sections); twice what comes out, turned back by
exp(i w t), is the analytic signal of the band (Goodman 1960; Walter 1968). For a sine of amplitude A within the band
the amplitude is A, half its square the power. The filter sees the past alone, so the envelope comes later than it is,
by `delay_s` where it changes slowly; the phase of a sine in the middle of the band is right.

The mean over the whole run is not known while it goes on; the first sample is subtracted, so that no jump from zero
rings in the filter, and `settling_s` says when the rest has died away.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

F64 = NDArray[np.float64]
SETTLED = 1e-3
"""What a filter begins with counts as gone when so much of it is left."""


class Demodulator:
    """The analytic signals of `n` channels in the band from `low_hz` to `high_hz`, at samples every `interval_s`.

    Raises InputError (without a place) where the band does not lie between 0 and half the sampling rate.
    """

    def __init__(self, n: int, interval_s: float, low_hz: float, high_hz: float, order: int = 2) -> None:
        check_band(low_hz, high_hz, interval_s)
        from scipy.signal import butter

        self._sections: F64 = butter(order, 0.5 * (high_hz - low_hz), fs=1 / interval_s, output="sos")
        self._cycles = 0.5 * (low_hz + high_hz) * interval_s
        self.n, self.interval_s = n, interval_s
        self._memory = np.zeros((len(self._sections), 2, 2 * n))
        self._offset = np.zeros(n)
        self.samples = 0
        """How many it has seen."""

    def step(self, number: int, rows: F64) -> tuple[F64, F64]:
        """Real and imaginary part of the analytic signal, float64[k, n] each, of samples `rows` float64[k, n].

        `number` is that of the first sample, counted from any time.
        """
        from scipy.signal import sosfilt

        if not self.samples:  # what is not known can only come first, where a branch begins
            unknown = int(np.argmax(np.isfinite(rows).all(axis=1))) if np.isfinite(rows).all(axis=1).any() else len(rows)
            if unknown:
                real, imaginary = self.step(number + unknown, rows[unknown:])
                none = np.full((unknown, self.n), np.nan)
                return np.concatenate([none, real]), np.concatenate([none, imaginary])
        if not len(rows):
            return np.zeros((0, self.n)), np.zeros((0, self.n))
        if not self.samples:
            self._offset = rows[0].copy()
        self.samples += len(rows)
        turns = [2 * math.pi * math.fmod(k * self._cycles, 1.0) for k in range(number, number + len(rows))]
        cos, sin = (np.array([[function(turn)] for turn in turns]) for function in (math.cos, math.sin))
        moved = rows - self._offset
        both = np.concatenate([moved * cos, moved * -sin], axis=1)
        passed, self._memory = sosfilt(self._sections, both, axis=0, zi=self._memory)
        real, imaginary = 2.0 * passed[:, : self.n], 2.0 * passed[:, self.n :]
        return real * cos - imaginary * sin, real * sin + imaginary * cos

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        return {"memory": self._memory.copy(), "offset": self._offset.copy(), "seen": np.array(self.samples)}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        self._memory, self._offset = np.array(state["memory"]), np.array(state["offset"])
        self.samples = int(state["seen"])


def settling_s(low_hz: float, high_hz: float, order: int) -> float:
    """Time after which what the filter of a band began with has died away: that of its slowest mode."""
    return -math.log(SETTLED) / (math.pi * (high_hz - low_hz) * math.sin(math.pi / (2 * order)))


def settling_samples(low_hz: float, high_hz: float, order: int, interval_s: float) -> int:
    """The same in samples."""
    return math.ceil(settling_s(low_hz, high_hz, order) / interval_s)


def delay_s(low_hz: float, high_hz: float, order: int) -> float:
    """By how much a slow change of the amplitude comes late: the group delay of the low-pass at zero frequency."""
    return 1.0 / (math.pi * (high_hz - low_hz) * math.sin(math.pi / (2 * order)))


def check_band(low_hz: float, high_hz: float, interval_s: float) -> None:
    """InputError unless 0 < low < high < half the sampling rate."""
    nyquist_hz = 0.5 / interval_s
    if not 0 < low_hz < high_hz < nyquist_hz:
        raise InputError(
            f"the band from {low_hz:g} to {high_hz:g} Hz does not lie between 0 and {nyquist_hz:g} Hz, half the "
            "sampling rate",
            remedy="choose another band, or sample what it follows more often",
        )
