"""Credible intervals of neural estimation hold what they promise, where the posterior is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from dtbsim.fitting.posterior import LEVELS, Posterior, estimate
from dtbsim.fitting.space import space_of

NOISE, N, SEEDS = 0.3, 1500, (1, 2, 3)


def of_coverage(hits: list[int], n: int) -> Posterior:
    """A posterior of two parameters whose 90 % intervals hold so many of n known values."""
    covered = np.tile(LEVELS[:, None], 2)
    covered[8] = np.array(hits) / n
    space = space_of({"couplings.a.strength": (0.0, 1.0), "couplings.b.strength": (0.0, 1.0)})
    return Posterior(space, np.zeros((4, 2)), covered, n, np.zeros((1, 1)), np.zeros(1), 0.0)


def test_what_chance_allows_is_the_binomial_interval() -> None:
    """44 of 51 (86 %) is chance: one time in four fewer; 38 of 51 is not, nor is 44 of 51 times ten."""
    assert 0.2 < binom.cdf(44, 51, 0.9) < 0.3
    assert of_coverage([44, 46], 51).calibrated
    low, high = of_coverage([46, 46], 51).bounds(0.9)
    assert binom.cdf(round(low * 51) - 1, 51, 0.9) <= 0.005
    assert (round(low * 51), round(high * 51)) == (40, 50)
    assert not of_coverage([38, 46], 51).calibrated
    assert not of_coverage([440, 460], 510).calibrated
    assert not replace(of_coverage([160, 144], 160)).calibrated
    assert any("not calibrated" in line for line in of_coverage([38, 46], 51).lines)


def exact(observed: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the posterior: a Gaussian, cut off by the flat prior in the unit square."""
    at = (np.arange(200) + 0.5) / 200
    points = np.stack(np.meshgrid(at, at, indexing="ij"), -1).reshape(-1, 2)
    weights = np.exp(-((observed - points @ seen) ** 2).sum(axis=1) / (2 * NOISE**2))
    weights /= weights.sum()
    mean = weights @ points
    return mean, np.sqrt(weights @ (points - mean) ** 2)


@pytest.mark.nightly
def test_intervals_of_a_linear_problem_are_those_of_its_posterior() -> None:
    """Two parameters seen through a matrix with Gaussian noise: coverage at all levels, and the posterior itself."""
    pytest.importorskip("sbi", reason="needs the extra infer (PyTorch, some 750 MB)")
    rng = np.random.default_rng(5)
    seen = rng.normal(size=(2, 6))
    truth = np.array([0.45, 0.6])
    hits, tested = np.zeros((len(LEVELS), 2)), 0
    for seed in SEEDS:
        units = rng.random((N, 2))
        features = units @ seen + NOISE * rng.normal(size=(N, 6))
        observed = truth @ seen + NOISE * rng.normal(size=6)
        samples, covered, n = estimate(units, features, observed, seed)
        hits, tested = hits + covered * n, tested + n
        mean, sd = exact(observed, seen)
        assert np.abs(samples.mean(axis=0) - mean).max() < 0.5 * sd.max()
        assert samples.std(axis=0) == pytest.approx(sd, rel=0.4)
    assert tested == 900
    low, high = binom.interval(0.999, tested, LEVELS)
    assert (hits >= low[:, None]).all(), hits / tested
    assert (hits <= high[:, None]).all(), hits / tested
