"""The resting-state summary on the default atlas: signals made from its own FC, unrelated ones, and incomplete data."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dtbsim.analysis.fc import fc_correlation, functional_connectivity
from dtbsim.analysis.fcd import fcd_matrix, fcd_values, ks_distance_to_histogram
from dtbsim.analysis.summary import analyse_resting_state
from dtbsim.atlas import Atlas, load_atlas
from dtbsim.errors import InputError

TR_S = 0.72


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return load_atlas("aal2")


def bold_like(fc: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """White signals drawn with the given FC."""
    values, vectors = np.linalg.eigh(fc)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return np.random.default_rng(seed).normal(size=(samples, fc.shape[0])) @ root.T


def test_signals_drawn_from_the_measured_fc_reproduce_it(atlas: Atlas) -> None:
    assert atlas.fc is not None
    assert atlas.fcd is not None
    bold = bold_like(atlas.fc, 833, 1)
    result = analyse_resting_state(
        bold,
        TR_S,
        weights=atlas.weights,
        fc_empirical=atlas.fc,
        fcd_counts=atlas.fcd.hist,
        fcd_edges=atlas.fcd.bin_edges,
        fcd_window_s=atlas.fcd.window_s,
        fcd_step_s=atlas.fcd.step_s,
    )
    assert result["fc_correlation"] == fc_correlation(functional_connectivity(bold), atlas.fc)
    assert result["fc_correlation"] > 0.97
    assert min(result["fc_correlation_halves"]) > 0.95
    halves = [fc_correlation(functional_connectivity(part), atlas.fc) for part in (bold[:416], bold[416:])]
    assert result["fc_correlation_halves"] == halves
    assert result["fc_correlation_without_node_strength"] > 0.9
    assert result["fc_correlation_bandpassed"] > 0.85
    assert result["mean_abs_fc_empirical"] == pytest.approx(0.35, abs=0.005)
    assert result["mean_fc"] == pytest.approx(result["mean_fc_empirical"], abs=0.02)
    values = fcd_values(fcd_matrix(bold, TR_S, window_s=atlas.fcd.window_s, step_s=atlas.fcd.step_s))
    assert result["fcd_ks"] == ks_distance_to_histogram(values, atlas.fcd.hist, atlas.fcd.bin_edges)
    assert result["fcd_mean"] == pytest.approx(values.mean())
    baselines = result["baselines"]
    assert baselines["structural"] == pytest.approx(0.34, abs=0.005)
    assert baselines["log_structural"] == pytest.approx(0.46, abs=0.005)
    assert baselines["linear_network"]["correlation"] == pytest.approx(0.68, abs=0.005)
    assert baselines["linear_network"]["similarity_to_simulated_fc"] == pytest.approx(0.67, abs=0.03)
    assert result["samples"] == 833
    assert result["duration_s"] == pytest.approx(599.76)
    assert result["notes"] == []
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_unrelated_signals_do_not(atlas: Atlas) -> None:
    bold = np.random.default_rng(2).normal(size=(833, 80))
    result = analyse_resting_state(bold, TR_S, weights=atlas.weights, fc_empirical=atlas.fc)
    assert abs(result["fc_correlation"]) < 0.06
    assert abs(result["fc_correlation_without_node_strength"]) < 0.06


def test_constant_regions_are_left_out_and_listed(atlas: Atlas) -> None:
    assert atlas.fc is not None
    bold = bold_like(atlas.fc, 300, 3)
    bold[:, [4, 70]] = 0.0
    keep = np.delete(np.arange(80), [4, 70])
    part = np.ix_(keep, keep)
    dense = np.asarray(atlas.weights)
    result = analyse_resting_state(bold, TR_S, weights=dense, fc_empirical=atlas.fc)
    rest = analyse_resting_state(bold[:, keep], TR_S, weights=dense[part], fc_empirical=atlas.fc[part])
    assert result["constant_regions"] == [4, 70]
    assert result["fc_correlation"] == rest["fc_correlation"]
    assert result["baselines"] == rest["baselines"]
    assert "2 regions with a constant signal" in result["notes"][0]


def test_a_silent_network_gives_no_numbers_but_says_why(atlas: Atlas) -> None:
    result = analyse_resting_state(np.zeros((100, 80)), TR_S, weights=atlas.weights, fc_empirical=atlas.fc)
    assert result["fc_correlation"] is None
    assert result["fcd_mean"] is None
    assert result["baselines"] is None
    assert any("at least 3 are needed" in note for note in result["notes"])


def test_short_or_unmeasured_data_leave_their_numbers_open(atlas: Atlas) -> None:
    assert atlas.fc is not None
    bold = bold_like(atlas.fc, 50, 4)
    short = analyse_resting_state(bold, TR_S, weights=atlas.weights, fc_empirical=atlas.fc)
    assert short["fc_correlation"] is not None
    assert short["fc_correlation_bandpassed"] is None
    assert short["fcd_mean"] is None
    assert any(note.startswith("band-passed") for note in short["notes"])
    assert any(note.startswith("FCD") for note in short["notes"])
    alone = analyse_resting_state(bold, TR_S)
    assert alone["mean_fc"] == short["mean_fc"]
    assert alone["fc_correlation"] is None
    assert alone["baselines"] is None
    assert "no measured FC to compare with" in alone["notes"]


def test_data_that_do_not_fit_are_refused(atlas: Atlas) -> None:
    bold = np.random.default_rng(0).normal(size=(50, 79))
    with pytest.raises(InputError, match="80 regions and BOLD has 79"):
        analyse_resting_state(bold, TR_S, fc_empirical=atlas.fc)
    with pytest.raises(InputError, match="belong together"):
        analyse_resting_state(bold, TR_S, fcd_counts=[1.0])
