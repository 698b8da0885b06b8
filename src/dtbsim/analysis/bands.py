"""Amplitude, phase and coherence of stored series: what needs the whole of it, and so has no delay.

While a run goes on, `signals: {NAME: {kind: band, ...}}` makes amplitude and phase with a causal filter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.analysis.fc import bandpass
from dtbsim.errors import InputError

Floats = NDArray[np.float64]


class Analytic(NamedTuple):
    """`amplitude` and `phase` (radians, 0 at a maximum), float64[T, n] each."""

    amplitude: Floats
    phase: Floats


class Coherence(NamedTuple):
    """`frequency_hz` float64[f] and the magnitude-squared `coherence` float64[f, n, n] of all pairs."""

    frequency_hz: Floats
    coherence: Floats


def analytic_signal(series: ArrayLike, interval_s: float, *, low_hz: float, high_hz: float, order: int = 2) -> Analytic:
    """Amplitude and phase of a band: Butterworth forwards and backwards, then the Hilbert transform.

    Args:
        series: [T, n] samples; at its ends, for about a period of the band's width, both are uncertain.
        interval_s: time between samples (s).
        low_hz, high_hz: edges of the band (Hz).
        order: order of each of the two passes.

    Raises:
        InputError: a band that does not fit the sampling, or a series that is too short for it.
    """
    from scipy.signal import hilbert

    found = hilbert(bandpass(series, interval_s, low_hz=low_hz, high_hz=high_hz, order=order), axis=0)
    return Analytic(np.abs(found), np.angle(found))


def coherence(series: ArrayLike, interval_s: float, *, segment_s: float) -> Coherence:
    """Magnitude-squared coherence of all pairs of channels (scipy.signal.coherence, Welch with a Hann window).

    Args:
        series: [T, n] samples.
        interval_s: time between samples (s).
        segment_s: length of a segment (s); with few segments coherence is near 1 whatever the signals.

    Raises:
        InputError: fewer than two segments.
    """
    from scipy.signal import coherence as of_pair

    values = np.asarray(series, np.float64)
    samples = round(segment_s / interval_s)
    if values.ndim != 2 or samples < 2 or len(values) < 2 * samples:
        raise InputError(
            f"series of shape {values.shape} with segments of {samples} samples; needed is [T, n] with two segments"
        )
    n = values.shape[1]
    first, second = np.triu_indices(n, 1)
    frequency, found = of_pair(values[:, first], values[:, second], 1 / interval_s, nperseg=samples, axis=0)
    matrix = np.ones((len(frequency), n, n))
    matrix[:, first, second] = matrix[:, second, first] = found
    return Coherence(frequency, matrix)
