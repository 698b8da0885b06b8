"""Synapses that change, against papers: pairings in visual cortex, the STDP window, steady states, distributions."""

from __future__ import annotations

import numpy as np
import pytest
from tests.validation.facts import (
    RATES_HZ,
    RHO_HZ,
    RULES,
    SHIFTS_MS,
    SHORT_TERM,
    TRIPLET,
    VISUAL_CORTEX,
    expected_pairing,
    expected_share,
    expected_spread,
    expected_window,
    misfit,
    pairing_protocol,
    stationary_weights,
    stdp_window,
    steady_shares,
)


def test_triplets_depend_on_the_frequency_of_pairings_as_in_visual_cortex() -> None:
    """Pfister, Gerstner 2006: within the errors of the experiment, and exactly what the rule says."""
    found = pairing_protocol()
    for shift_ms, changes in found.items():
        expected = [expected_pairing(shift_ms, rho) for rho in RHO_HZ]
        np.testing.assert_allclose(changes, expected, rtol=0, atol=1e-4)
    assert misfit(found) < 0.5
    slow, fast = (np.array([found[shift][k] for shift in VISUAL_CORTEX]) for k in (0, -1))
    assert slow[0] == pytest.approx(0.0, abs=1e-6), "no potentiation at 0.1 Hz"
    assert slow[1] < -0.25
    assert min(fast) > 0.7, "at 50 Hz the order of the spikes does not matter any more"


def test_pairs_alone_do_not_explain_the_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The misfit tells the rules apart: without triplets nothing is potentiated at high frequencies."""
    monkeypatch.setitem(TRIPLET, "A3_plus", 0.0)
    monkeypatch.setitem(TRIPLET, "A2_plus", 6.5e-3)
    assert misfit(pairing_protocol()) > 3.0


def test_one_pair_gives_the_exponential_window() -> None:
    found = stdp_window()
    np.testing.assert_allclose(found, [expected_window(shift) for shift in SHIFTS_MS], rtol=0, atol=2e-6)
    assert max(found) > 0.03
    assert min(found) < -0.04


@pytest.mark.parametrize("kind", SHORT_TERM)
def test_long_trains_reach_the_steady_state(kind: str) -> None:
    """Tsodyks, Pawelzik, Markram 1998: 15 bits of the factor, 1/256 pA of the current, 100 pA."""
    found = steady_shares(kind)
    np.testing.assert_allclose(found, [expected_share(kind, rate) for rate in RATES_HZ], rtol=0, atol=1e-4)
    if kind == "depressing":
        assert found == sorted(found, reverse=True)
    else:
        assert 0 < int(np.argmax(found)) < len(found) - 1, "a rate at which most is transmitted"


def test_additive_weights_end_at_both_bounds_and_van_rossums_in_the_middle() -> None:
    additive = stationary_weights("additive", 500_000.0)
    low, high = (additive < 0.1).mean(), (additive > 0.9).mean()
    assert low > 0.5
    assert high > 0.1
    assert low + high > 0.9
    single = stationary_weights("van Rossum", 200_000.0)
    assert single.mean() == pytest.approx(1.0 / RULES["van Rossum"]["alpha"], abs=0.01)
    assert single.min() > 0.35
    assert single.max() < 0.65


def test_van_rossums_weights_spread_as_diffusion_says() -> None:
    """1,600 weights: their standard deviation is known within 2 %, and the mean within 0.001."""
    weights = stationary_weights("van Rossum", 200_000.0, independent=True)
    mean, deviation = expected_spread()
    assert weights.mean() == pytest.approx(mean, abs=0.005)
    assert weights.std() == pytest.approx(deviation, rel=0.08)
