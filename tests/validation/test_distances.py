"""Distances of stored distributions: the same as of the values themselves, and known ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp
from tests.validation.distributions import QUANTITIES, compare, counted, distance, mean, statistics, summary
from tests.validation.svg import Panel, Series, picture

RNG = np.random.default_rng(3)


def poisson_run(rate_hz: float, seed: int, size: int = 200) -> dict[str, Any]:
    """Statistics of independent Poisson neurons over 4 s, dt 0.1 ms."""
    fired = np.random.default_rng(seed).random((40_000, size)) < rate_hz * 1e-4
    steps, gids = np.nonzero(fired)
    return statistics(steps, gids, gid0=0, size=size, dt_ms=0.1, start_step=0, stop_step=40_000)


def test_distance_of_counts_is_that_of_the_values() -> None:
    a, b = RNG.poisson(10.0, 500).astype(float), RNG.poisson(12.0, 700).astype(float)
    found = distance({"rate": counted(a, 1.0)}, {"rate": counted(b, 1.0)}, "rate")
    assert found == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)


def test_distributions_that_do_not_overlap_are_one_apart() -> None:
    low, high = ({"cv": counted(RNG.random(50) + shift, 0.01)} for shift in (-5.0, 3.0))
    assert distance(low, high, "cv") == 1.0
    assert distance(low, low, "cv") == 0.0


def test_nan_is_left_out_and_means_are_kept() -> None:
    values = np.array([0.123, np.nan, 0.377, -0.25])
    kept = counted(values, 0.0025)
    assert sum(kept["counts"]) == 3
    assert mean(kept) == pytest.approx(np.nanmean(values), abs=0.00125)
    assert mean(counted([3.0, 4.0, 8.0], 1.0)) == 5.0


def test_poisson_neurons_have_their_rate_a_cv_near_one_and_a_flat_spectrum() -> None:
    run = poisson_run(20.0, 1)
    found = summary(run)
    assert found["rate_hz"] == pytest.approx(20.0, rel=0.03)
    assert found["cv"] == pytest.approx(1.0, abs=0.05)
    assert found["correlation"] == pytest.approx(0.0, abs=0.003)
    assert np.mean(run["spectrum"]) == pytest.approx(2 * 20.0 / 200, rel=0.05), "2 r / N"


def test_equal_networks_agree_and_different_ones_do_not() -> None:
    ours, theirs, other = ([poisson_run(rate, seed) for seed in seeds] for rate, seeds in
                           ((20.0, (1, 2)), (20.0, (3, 4, 5)), (22.0, (6, 7))))  # fmt: skip
    for quantity in QUANTITIES:
        found = compare(ours, theirs, quantity)
        assert found["between"] < found["widest"] * 1.3
    found = compare(other, theirs, "rate")
    assert found["between"] > 1.5 * found["widest"]


def test_a_picture_holds_its_panels_labels_and_points() -> None:
    series = [Series([0, 1, 2], [1, 2, 3], label="a < b"), Series([1], [2], points=True, error=[0.5])]
    text = picture([Panel("one", "x", "y", series), Panel("two", "x", "y", series[:1], marks=(2.0,))], 2)
    assert text.count("<g ") == 2
    assert text.count("<circle") == 1
    assert "a &lt; b" in text
    assert "nan" not in text
