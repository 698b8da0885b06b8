"""Amplitude and phase without delay, and coherence, of signals whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.analysis.bands import analytic_signal, coherence
from dtbsim.errors import InputError

INTERVAL_S = 0.004
T = INTERVAL_S * np.arange(5000)


def test_amplitude_and_phase_of_a_modulated_sine_come_without_delay() -> None:
    envelope = 2 + np.sin(2 * np.pi * 0.2 * T)
    found = analytic_signal((envelope * np.cos(2 * np.pi * 10 * T))[:, None], INTERVAL_S, low_hz=7, high_hz=13)
    inside = slice(500, -500)
    np.testing.assert_allclose(found.amplitude[inside, 0], envelope[inside], rtol=0.01)
    assert np.abs(np.angle(np.exp(1j * (found.phase[inside, 0] - 2 * np.pi * 10 * T[inside])))).max() < 0.02


def test_coherence_is_one_of_a_shared_rhythm_and_small_elsewhere() -> None:
    rng = np.random.default_rng(1)
    shared = np.cos(2 * np.pi * 10 * T + 0.3)
    series = shared[:, None] + 0.3 * rng.normal(size=(T.size, 3))
    found = coherence(series, INTERVAL_S, segment_s=0.5)
    at_10, at_60 = (int(np.argmin(np.abs(found.frequency_hz - hz))) for hz in (10, 60))
    pairs = np.triu_indices(3, 1)
    assert (found.coherence[at_10][pairs] > 0.95).all()
    assert (found.coherence[at_60][pairs] < 0.2).all()
    np.testing.assert_array_equal(found.coherence[:, range(3), range(3)], 1)
    with pytest.raises(InputError, match="two segments"):
        coherence(series[:100], INTERVAL_S, segment_s=0.3)
