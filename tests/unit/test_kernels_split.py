"""Binomial draws by inversion and the splitting of a total over blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dtbsim.build.synapses import binomial_thresholds
from dtbsim.kernels.tasks import binomial, split_total
from dtbsim.numerics.philox import seed_key


def split(total: int, sizes: Any, gid0: int = 0, source: int = 0, projection: int = 0, seed: int = 1) -> Any:
    sizes = np.array(sizes, np.int64)
    out = np.full(sizes.size, -1, np.int64)
    split_total(total, sizes, gid0, source, projection, *seed_key(seed), out)
    return out


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (10, 0.03), (10, 0.97), (400, 0.31), (100_000, 1e-4), (20_000, 0.5)])
def test_every_value_gets_its_share_of_the_unit_interval(n: int, p: float) -> None:
    """Inversion: over evenly spaced u, each value occurs as often as its probability says, give or take one."""
    grid = 100_000
    drawn = np.array([binomial(n, p, (i + 0.5) / grid) for i in range(grid)])
    expected = grid * stats.binom.pmf(np.arange(n + 1), n, p)
    observed = np.bincount(drawn, minlength=n + 1)
    assert np.abs(observed - expected).max() <= 1.0 + 1e-6 * grid
    assert abs(drawn.mean() - n * p) < 5e-3 * np.sqrt(n * p * (1 - p))


def test_binomial_at_its_edges() -> None:
    assert [binomial(n, p, 0.7) for n, p in ((0, 0.5), (-3, 0.5), (7, 0.0), (7, -0.1), (7, 1.0), (7, 1.1))] == [
        0, 0, 0, 0, 7, 7,
    ]  # fmt: skip
    last = 1 - 2.0**-53
    for n, p in ((5, 0.5), (1_000, 0.3), (10**9, 0.25), (3 * 10**8, 1e-9)):
        assert binomial(n, p, 0.0) == np.floor((n + 1) * p), "u = 0 is the mode"
        assert 0 <= binomial(n, p, last) <= n


def test_binomial_of_large_numbers() -> None:
    n, p, grid = 10**9, 0.37, 2000
    drawn = np.array([binomial(n, p, (i + 0.5) / grid) for i in range(grid)])
    sd = np.sqrt(n * p * (1 - p))
    assert abs(drawn.mean() - n * p) < 0.02 * sd
    assert drawn.std() == pytest.approx(sd, rel=0.02)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10**7),
    st.lists(st.integers(1, 65_536), min_size=1, max_size=70),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
)
def test_parts_add_up_and_depend_on_their_keys_alone(total: int, sizes: list[int], gid0: int, seed: int) -> None:
    parts = split(total, sizes, gid0=gid0, seed=seed)
    assert parts.sum() == total
    assert parts.min() >= 0
    assert (parts == split(total, sizes, gid0=gid0, seed=seed)).all()


def test_other_keys_give_other_splits() -> None:
    base = split(100_000, [100] * 40)
    for keys in ({"gid0": 1}, {"source": 1}, {"projection": 1}, {"seed": 2}, {"seed": 1 + 2**40}):
        assert (split(100_000, [100] * 40, **keys) != base).sum() > 20


@pytest.mark.parametrize("sizes", [[7], [10, 10], [64, 64, 64, 20], [5, 1, 30, 4, 9, 1, 50]])
def test_parts_are_multinomial(sizes: list[int]) -> None:
    total, repeats = 60, 6000
    parts = np.array([split(total, sizes, source=k % 100, projection=k // 100, seed=11) for k in range(repeats)])
    p = np.array(sizes) / sum(sizes)
    covariance = total * (np.diag(p) - np.outer(p, p))
    assert np.abs(parts.mean(axis=0) - total * p).max() < 5 * np.sqrt(total * 0.25 / repeats)
    observed = np.atleast_2d(np.cov(parts.T))
    scale = np.sqrt(np.outer(covariance.diagonal(), covariance.diagonal())) + 1e-9
    assert np.abs(observed - covariance).max() < 5 * scale.max() / np.sqrt(repeats) * 1.5
    for k, share in enumerate(p):
        counts = np.bincount(parts[:, k], minlength=total + 1)
        expected = repeats * stats.binom.pmf(np.arange(total + 1), total, share)
        common = expected > 5
        if common.sum() > 1:
            gathered = np.append(counts[common], counts[~common].sum())
            wanted = np.append(expected[common], expected[~common].sum())
            wanted, gathered = wanted[wanted > 1e-9], gathered[wanted > 1e-9]
            assert stats.chisquare(gathered, wanted * gathered.sum() / wanted.sum()).pvalue > 1e-3


def test_many_blocks() -> None:
    parts = split(3_000_000, [64] * 5000)
    assert parts.sum() == 3_000_000
    assert parts.var() == pytest.approx(600, rel=0.1)


@pytest.mark.parametrize(("n", "p"), [(1, 0.25), (20, 0.5), (1000, 0.003), (1000, 0.999), (80_000, 0.1)])
def test_binomial_thresholds_are_the_cumulative_probabilities(n: int, p: float) -> None:
    first, thresholds = binomial_thresholds(n, p)
    assert thresholds.dtype == np.uint32
    expected = stats.binom.cdf(first + np.arange(thresholds.size), n, p) * 2.0**32 - 1
    assert np.abs(thresholds - expected).max() <= 1
    if first:
        assert stats.binom.cdf(first - 1, n, p) * 2.0**32 < 1.0
    assert stats.binom.sf(first + thresholds.size, n, p) * 2.0**32 < 1.0
    assert first >= 0
    assert first + thresholds.size <= n


def test_certain_counts_need_no_threshold() -> None:
    for n, p, count in ((0, 0.5, 0), (9, 0.0, 0), (9, 1.0, 9)):
        first, thresholds = binomial_thresholds(n, p)
        assert (first, thresholds.size) == (count, 0)
