"""The index of synchrony against what mathematics says of counts, and the warnings that follow from it and from FC."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.analysis.collective import SynchronyMeter, activity_warnings, fc_warnings


def index_of(counts: np.ndarray, neurons: int, unit_ms: float = 50.0, parts: int = 1) -> float | None:
    meter = SynchronyMeter(neurons, unit_ms)
    for part in np.array_split(counts, parts):
        meter.add(part)
    return meter.index()


def test_independent_poisson_neurons_have_none() -> None:
    counts = np.random.default_rng(0).poisson(200 * 0.3, 100_000)
    assert index_of(counts, 200) == pytest.approx(0.0, abs=4 * np.sqrt(2 / 100_000) / 199)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_neurons_in_lockstep(share: float) -> None:
    """All N fire in the same share p of the bins: m = N p, v = N^2 p (1 - p), so (N (1 - p) - 1) / (N - 1)."""
    counts = np.where(np.arange(10_000) % round(1 / share) == 0, 300, 0)
    p = 1 / round(1 / share)
    assert index_of(counts, 300) == pytest.approx((300 * (1 - p) - 1) / 299)


def test_a_common_part_of_known_size() -> None:
    """Rates drawn anew per bin for all alike: two counts correlate by var(rate) / (mean + var(rate))."""
    rng = np.random.default_rng(1)
    rate = rng.gamma(4.0, 0.25, 200_000)  # spikes per neuron and bin: mean 1, variance 0.25
    counts = rng.poisson(100 * rate)
    # with counts of variance m + v instead of m the index is (m + v) / m times the correlation
    assert index_of(counts, 100) == pytest.approx(0.25 / 1.25 * 1.25, rel=0.02)


def test_the_widest_sharing_bin_counts() -> None:
    """Bursts of 8 ms in which every neuron fires once, spread evenly: 1 ms bins see an eighth of it."""
    rng = np.random.default_rng(2)
    counts = np.zeros(40_000, np.int64)
    for start in range(0, 40_000, 200):
        counts[start : start + 8] += np.bincount(rng.integers(0, 8, 500), minlength=8)
    narrow = SynchronyMeter(500, 50.0)  # as if a bin were 50 ms: no wider one is looked at
    narrow.add(counts)
    found = index_of(counts, 500, unit_ms=1.0)
    assert narrow.index() == pytest.approx(1 / 8, abs=0.02)
    assert found == pytest.approx(1 - 8 / 200, abs=0.02)


def test_chunks_do_not_matter() -> None:
    counts = np.random.default_rng(3).poisson(50, 5_000)
    assert index_of(counts, 100, 1.0) == pytest.approx(index_of(counts, 100, 1.0, parts=37), rel=1e-12)


@pytest.mark.parametrize(
    ("counts", "neurons", "unit_ms"),
    [
        (np.zeros(1000, int), 100, 1.0),
        (np.ones(19, int), 100, 50.0),
        (np.ones(1000, int), 9, 1.0),
        (np.ones(1000, int), 100, 60.0),
        (np.zeros(0, int), 100, 1.0),
    ],
)
def test_there_is_no_index_of_too_little(counts: np.ndarray, neurons: int, unit_ms: float) -> None:
    assert index_of(counts, neurons, unit_ms) is None


def test_bins_shorter_than_a_millisecond_are_joined() -> None:
    counts = np.tile([10] + 9 * [0], 1000)  # all ten neurons in one step of 0.1 ms of every millisecond
    # 0.4 of the bins of 1.6 ms hold 10 and 0.6 hold 20 spikes: m = 16, v = 24; bins of 0.1 ms would give 0.89
    assert index_of(counts, 10, 0.1) == pytest.approx((24 / 16 - 1) / 9)


def test_warnings_of_synchrony() -> None:
    assert activity_warnings(None) == activity_warnings(0.5) == activity_warnings(-0.1) == []
    (text,) = activity_warnings(0.51)
    assert text.startswith("the network fires as one: synchrony 0.51 is above 0.5")


def test_warnings_of_fc() -> None:
    assert fc_warnings(833, 0.72, 0.9) == []
    assert fc_warnings(300, 1.0, 0.3) == []
    (together,) = fc_warnings(833, 0.72, 0.97)
    assert "mean |FC| 0.97 is above 0.9" in together
    (short,) = fc_warnings(299, 1.0, 0.3)
    assert "299 s (299 volumes)" in short
    (none,) = fc_warnings(2, 0.72, None)
    assert none.startswith("there is no FC: 2 volumes")
    assert len(fc_warnings(10, 0.72, 0.99)) == 2
