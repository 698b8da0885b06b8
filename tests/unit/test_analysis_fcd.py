"""FCD against a plain loop and switching signals; distances between distributions in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from dtbsim.analysis.fcd import fcd_histogram, fcd_matrix, fcd_values, ks_distance, ks_distance_to_histogram
from dtbsim.errors import InputError


def test_fcd_equals_a_plain_loop_over_windows() -> None:
    bold = np.random.default_rng(0).normal(size=(61, 5))
    rows = []
    for start in range(0, 61 - 20 + 1, 7):
        rows.append(np.corrcoef(bold[start : start + 20].T)[np.triu_indices(5, 1)])
    fcd = fcd_matrix(bold, 0.5, window_s=10, step_s=3.5)
    assert fcd.shape == (6, 6)
    np.testing.assert_allclose(fcd, np.corrcoef(rows), atol=1e-12)
    np.testing.assert_array_equal(fcd_values(fcd), fcd[np.triu_indices(6, 1)])


def test_windows_in_seconds_are_rounded_to_samples() -> None:
    bold = np.random.default_rng(0).normal(size=(200, 4))
    np.testing.assert_array_equal(
        fcd_matrix(bold, 0.72, window_s=60, step_s=2.16), fcd_matrix(bold, 1.0, window_s=83, step_s=3)
    )


def test_two_alternating_states_are_seen() -> None:
    rng = np.random.default_rng(2)
    mixes = [rng.normal(size=(8, 8)) for _ in range(2)]
    bold = np.concatenate([rng.normal(size=(200, 8)) @ mixes[k % 2] for k in range(6)])
    fcd = fcd_matrix(bold, 1.0, window_s=200, step_s=200)
    same = np.add.outer(np.arange(6), np.arange(6)) % 2 == 0
    off_diagonal = ~np.eye(6, dtype=bool)
    assert fcd[same].min() > 0.9
    assert np.abs(fcd[~same & off_diagonal]).max() < 0.6


def test_two_windows_give_one_value() -> None:
    assert fcd_values(fcd_matrix(np.random.default_rng(0).normal(size=(20, 3)), 1.0, window_s=10, step_s=10)).shape == (
        1,
    )


def test_ks_distance_equals_scipy_and_closed_forms() -> None:
    rng = np.random.default_rng(3)
    for sizes in ((1, 1), (5, 90), (300, 200)):
        a, b = rng.normal(size=sizes[0]).round(1), rng.normal(0.4, 1, size=sizes[1]).round(1)
        assert ks_distance(a, b) == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)
    assert ks_distance([1, 2, 3], [1, 2, 3]) == 0
    assert ks_distance([1, 2], [3, 4]) == 1
    assert ks_distance([1, 2, 3, 4], [3, 4, 5, 6]) == pytest.approx(0.5)


def test_ks_distance_to_a_histogram_approaches_that_to_its_values() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.beta(4, 2, 20_000), rng.beta(3, 2, 20_000)
    edges = np.linspace(-1, 1, 201)
    counts, _ = np.histogram(b, edges)
    assert ks_distance_to_histogram(a, counts, edges) == pytest.approx(ks_distance(a, b), abs=0.01)
    scaled = ks_distance_to_histogram(a, counts / 7, edges)
    assert scaled == pytest.approx(ks_distance_to_histogram(a, counts, edges), abs=1e-12)
    assert ks_distance_to_histogram(b, counts, edges) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(fcd_histogram(b, edges), counts / 20_000)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"window_s": 2}, "at least 3"),
        ({"step_s": 0.2}, "at least 3 and 1"),
        ({"window_s": 60}, "hold 0 windows"),
        ({"window_s": 30}, "hold 1 windows"),
    ],
)
def test_windows_that_do_not_fit_are_refused(settings: dict[str, float], text: str) -> None:
    bold = np.random.default_rng(0).normal(size=(31, 4))
    with pytest.raises(InputError, match=text):
        fcd_matrix(bold, 1.0, **{"window_s": 10, "step_s": 2, **settings})


def test_regions_too_few_or_constant_within_a_window_are_refused() -> None:
    bold = np.random.default_rng(0).normal(size=(40, 4))
    with pytest.raises(InputError, match="at least 3 regions"):
        fcd_matrix(bold[:, :2], 1.0, window_s=10, step_s=2)
    bold[20:32, 3] = 1.5
    with pytest.raises(InputError, match="region 3 is constant from 20 s"):
        fcd_matrix(bold, 1.0, window_s=10, step_s=2)


def test_bad_distributions_are_refused() -> None:
    with pytest.raises(InputError, match="values"):
        ks_distance([], [1.0])
    with pytest.raises(InputError, match="values"):
        ks_distance([np.nan], [1.0])
    with pytest.raises(InputError, match="outside the bins"):
        fcd_histogram([1.5], [0, 1])
    with pytest.raises(InputError, match="increasing"):
        fcd_histogram([0.5], [1, 0])
    with pytest.raises(InputError, match="histogram has shape"):
        ks_distance_to_histogram([0.5], [1, 2, 3], [0, 0.5, 1])
    with pytest.raises(InputError, match="not all zero"):
        ks_distance_to_histogram([0.5], [0, 0], [0, 0.5, 1])
