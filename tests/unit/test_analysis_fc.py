"""Functional connectivity against signals of known correlation, and its comparison with another FC."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.analysis.fc import (
    bandpass,
    constant_regions,
    fc_correlation,
    fc_correlation_without_node_strength,
    functional_connectivity,
    pearson,
    upper_triangle,
    without_node_strength,
)
from dtbsim.errors import InputError


def symmetric(n: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(n, n))
    return values + values.T


def signals_of(correlation: np.ndarray, samples: int = 50) -> np.ndarray:
    """Signals whose sample correlation is exactly the given matrix."""
    n = correlation.shape[0]
    noise = np.random.default_rng(0).normal(size=(samples, n))
    basis, _ = np.linalg.qr(noise - noise.mean(axis=0))
    return basis @ np.linalg.cholesky(correlation).T


def test_known_correlations_come_back() -> None:
    known = np.array([[1, 0.5, -0.3, 0.0], [0.5, 1, 0.2, 0.0], [-0.3, 0.2, 1, 0.7], [0.0, 0.0, 0.7, 1]])
    bold = signals_of(known) * [1, 1e-3, 50, 1] + [0, 10, -3, 1]
    np.testing.assert_allclose(functional_connectivity(bold), known, atol=1e-10)


def test_fc_equals_numpy_and_is_symmetric_with_unit_diagonal() -> None:
    bold = np.random.default_rng(1).normal(size=(40, 6))
    fc = functional_connectivity(bold)
    np.testing.assert_allclose(fc, np.corrcoef(bold.T), atol=1e-13)
    np.testing.assert_array_equal(fc, fc.T)
    np.testing.assert_array_equal(np.diag(fc), 1.0)


def test_constant_regions_are_an_error_or_nan_as_asked() -> None:
    bold = np.random.default_rng(1).normal(size=(40, 4))
    bold[:, 2] = 0.1 * 3  # a value that is not exact in binary
    np.testing.assert_array_equal(constant_regions(bold), [False, False, True, False])
    with pytest.raises(InputError, match="indices 2"):
        functional_connectivity(bold)
    fc = functional_connectivity(bold, constant="nan")
    assert np.isnan(fc[2]).all()
    assert np.isnan(fc[:, 2]).all()
    rest = [0, 1, 3]
    np.testing.assert_allclose(fc[np.ix_(rest, rest)], np.corrcoef(bold[:, rest].T), atol=1e-13)


@pytest.mark.parametrize("bold", [np.zeros((2, 4)), np.zeros(9), np.zeros((9, 0)), np.full((9, 4), np.nan)])
def test_bad_bold_is_refused(bold: np.ndarray) -> None:
    with pytest.raises(InputError, match="BOLD"):
        functional_connectivity(bold)


def test_fc_correlation_reads_the_upper_triangle_alone() -> None:
    a, b = symmetric(5, 1), symmetric(5, 2)
    expected = np.corrcoef(a[np.triu_indices(5, 1)], b[np.triu_indices(5, 1)])[0, 1]
    assert fc_correlation(a, b) == pytest.approx(expected, abs=1e-14)
    np.fill_diagonal(a, np.nan)
    assert fc_correlation(a, b) == pytest.approx(expected, abs=1e-14)
    assert fc_correlation(b, 3 * b + 1) == pytest.approx(1, abs=1e-14)
    assert fc_correlation(b, -b) == pytest.approx(-1, abs=1e-14)


def test_matrices_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="different sizes"):
        fc_correlation(symmetric(5, 1), symmetric(6, 1))
    with pytest.raises(InputError, match="constant"):
        fc_correlation(symmetric(5, 1), np.full((5, 5), 0.3))
    with pytest.raises(InputError, match="square"):
        upper_triangle(np.zeros((4, 5)))
    broken = symmetric(5, 1)
    broken[1, 3] = np.nan
    with pytest.raises(InputError, match=r"\[1, 3\]"):
        upper_triangle(broken)
    with pytest.raises(InputError, match="equal vectors"):
        pearson([1.0, 2.0], [1.0, 2.0, 3.0])


def test_strengths_that_add_up_are_removed_completely() -> None:
    node = np.random.default_rng(4).normal(size=9)
    assert np.abs(without_node_strength(node[:, np.newaxis] + node)).max() < 1e-13


@pytest.mark.parametrize("n", [4, 5, 30])
def test_residuals_are_those_of_least_squares(n: int) -> None:
    fc = symmetric(n, 5)
    rows, columns = np.triu_indices(n, 1)
    design = np.zeros((rows.size, n))
    design[np.arange(rows.size), rows] = design[np.arange(rows.size), columns] = 1
    values = fc[rows, columns]
    expected = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    residuals = without_node_strength(fc)
    np.testing.assert_allclose(residuals[rows, columns], expected, atol=1e-12)
    np.testing.assert_allclose(residuals.sum(axis=0), 0, atol=1e-12)
    # the same as a regression on the sum of the two strengths
    strength = (fc.sum(axis=0) - np.diag(fc)) / (n - 1)
    line = np.column_stack([np.ones(rows.size), strength[rows] + strength[columns]])
    fitted = values - line @ np.linalg.lstsq(line, values, rcond=None)[0]
    np.testing.assert_allclose(residuals[rows, columns], fitted, atol=1e-12)


def test_correlation_that_rests_on_hubs_vanishes_without_them() -> None:
    rng = np.random.default_rng(6)
    hubs = 5 * rng.normal(size=60)
    both = hubs[:, np.newaxis] + hubs
    first, second = both + symmetric(60, 7), both + symmetric(60, 8)
    assert fc_correlation(first, second) > 0.9
    assert abs(fc_correlation_without_node_strength(first, second)) < 0.08
    with pytest.raises(InputError, match="at least 4"):
        fc_correlation_without_node_strength(symmetric(3, 1), symmetric(3, 2))


def test_bandpass_keeps_the_band_and_removes_the_rest() -> None:
    tr_s = 0.72
    time = np.arange(2000)[:, np.newaxis] * tr_s
    slow, kept, fast = (np.sin(2 * np.pi * hz * time) for hz in (0.001, 0.04, 0.4))
    filtered = bandpass(np.hstack([slow + kept + fast + 7, kept, slow, fast]), tr_s)
    inner = slice(300, -300)
    assert np.abs(filtered[inner, 0] - kept[inner, 0]).max() < 0.05
    assert np.abs(filtered[inner, 1] - kept[inner, 0]).max() < 0.03
    assert np.abs(filtered[inner, 2:]).max() < 0.02


def test_bands_that_do_not_fit_are_refused() -> None:
    bold = np.random.default_rng(1).normal(size=(400, 3))
    with pytest.raises(InputError, match="half the sampling rate"):
        bandpass(bold, 6.0)
    with pytest.raises(InputError, match="band"):
        bandpass(bold, 0.72, low_hz=0.1, high_hz=0.01)
    with pytest.raises(InputError, match="one period"):
        bandpass(bold[:100], 0.72)
