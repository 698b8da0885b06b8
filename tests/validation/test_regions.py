"""Functional connectivity of mean-field regions on AAL2, ten minutes, three seeds: thresholds at the best coupling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.validation.regions import atlas, baselines, dmf_fits, feedback_inhibition, hopf_fits

import dtbsim

NEEDED = 0.66


def test_feedback_inhibition_in_closed_form_is_that_of_an_uncoupled_region_and_grows_with_its_inputs() -> None:
    _, weights, _ = atlas()
    assert feedback_inhibition(0.0, weights) == pytest.approx(np.full(80, 1.01073), abs=1e-5)
    grown = feedback_inhibition(0.5, weights) - 1.01073
    np.testing.assert_allclose(grown, 0.5 * 0.62162 * weights.sum(axis=1), rtol=1e-3, atol=1e-5)


def test_the_controller_starts_from_the_same_values(tmp_path: Path) -> None:
    """After the first step, without noise, every region of the example is at 3 Hz."""
    example = Path(__file__).parents[2] / "examples" / "resting_dmf.yaml"
    short = [
        "simulation.duration_ms=2000", "simulation.settling_ms=0", "populations.cortex.noise={}",
        "populations.cortex.initial={S_E: 0.1612849, S_I: 0.0389189}", "bold=null",
    ]  # fmt: skip
    run = dtbsim.run(example, out=tmp_path / "run", set=short, report=False).open()
    np.testing.assert_allclose(run.states()["r_E_Hz"], 3.0, atol=1e-3)


def test_what_needs_no_simulation() -> None:
    assert baselines() == {"structure": pytest.approx(0.34, abs=0.01), "linear": pytest.approx(0.679, abs=0.002)}


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_the_dynamic_mean_field_fits_where_feedback_inhibition_still_holds() -> None:
    best, strong = dmf_fits((1.04, 1.15))
    assert np.mean(best["r"]) >= NEEDED
    assert min(best["r"]) > 0.64
    assert 5.0 < best["rate_hz"] < 10.0, "rates drift above 3 Hz"
    assert np.mean(strong["r"]) < np.mean(best["r"]) - 0.03
    (gating,) = dmf_fits((1.04,), bold="S_E")
    assert 0.6 < np.mean(gating["r"]) < np.mean(best["r"])


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_hopf_oscillators_below_their_bifurcation_fit() -> None:
    weak, best = hopf_fits((0.03, 0.06))
    assert np.mean(best["r"]) >= NEEDED
    assert min(best["r"]) > 0.65
    assert np.mean(weak["r"]) < 0.5
