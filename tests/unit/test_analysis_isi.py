"""Inter-spike intervals against a loop over neurons, and their irregularity against closed forms."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dtbsim.analysis.isi import cv2_per_neuron, cv_per_neuron, inter_spike_intervals
from dtbsim.errors import InputError


def spike_arrays(trains: list[np.ndarray], gid0: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of all trains, sorted by step and then gid."""
    steps = np.concatenate(trains).astype(np.int64)
    gids = np.repeat(np.arange(len(trains)) + gid0, [len(train) for train in trains]).astype(np.uint32)
    order = np.lexsort((gids, steps))
    return steps[order], gids[order]


def poisson_trains(n: int, spikes: int, seed: int, mean_isi: float = 1e6) -> list[np.ndarray]:
    intervals = np.random.default_rng(seed).exponential(mean_isi, size=(n, spikes))
    return list(np.cumsum(np.round(intervals).astype(np.int64) + 1, axis=1))


@pytest.mark.parametrize("seed", range(20))
def test_vectorised_equals_a_loop_over_neurons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, gid0 = int(rng.integers(1, 30)), int(rng.choice([0, 17, 2**32 - 40]))
    duration = int(rng.choice([1, 60, 2**31]))
    trains = [np.unique(rng.integers(0, duration, rng.integers(0, 12))) for _ in range(size)]
    steps, gids = spike_arrays(trains, gid0)
    shuffled = rng.permutation(steps.size)
    intervals = inter_spike_intervals(steps[shuffled], gids[shuffled], gid0=gid0, size=size)
    np.testing.assert_array_equal(intervals.spikes, [len(train) for train in trains])
    np.testing.assert_array_equal(intervals.steps, np.concatenate([np.diff(train) for train in trains]))
    np.testing.assert_array_equal(intervals.neuron, np.repeat(np.arange(size), [max(len(t) - 1, 0) for t in trains]))
    cv, cv2 = cv_per_neuron(intervals, min_spikes=4), cv2_per_neuron(intervals, min_spikes=4)
    for neuron, train in enumerate(trains):
        isi = np.diff(train)
        if len(train) < 4:
            assert np.isnan(cv[neuron])
            assert np.isnan(cv2[neuron])
        else:
            assert cv[neuron] == pytest.approx(np.std(isi) / np.mean(isi), abs=1e-12)
            terms = 2 * np.abs(isi[1:] - isi[:-1]) / (isi[1:] + isi[:-1])
            assert cv2[neuron] == pytest.approx(terms.mean(), abs=1e-12)


def test_regular_trains_have_neither_cv_nor_cv2() -> None:
    steps, gids = spike_arrays([np.arange(3, 10_000, 7 + k) for k in range(5)])
    intervals = inter_spike_intervals(steps, gids, gid0=0, size=5)
    np.testing.assert_array_equal(cv_per_neuron(intervals), 0)
    np.testing.assert_array_equal(cv2_per_neuron(intervals), 0)


def test_poisson_trains_have_cv_and_cv2_of_one() -> None:
    intervals = inter_spike_intervals(*spike_arrays(poisson_trains(50, 5000, 1)), gid0=0, size=50)
    assert cv_per_neuron(intervals).mean() == pytest.approx(1, abs=0.01)
    assert cv2_per_neuron(intervals).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_few_intervals_have_the_expected_squared_cv(k: int) -> None:
    intervals = inter_spike_intervals(*spike_arrays(poisson_trains(40_000, k + 1, k)), gid0=0, size=40_000)
    squared = cv_per_neuron(intervals, min_spikes=3) ** 2
    assert squared.mean() == pytest.approx((k - 1) / (k + 1), abs=5 * squared.std() / 200)


def test_gamma_trains_have_cv_of_their_shape() -> None:
    isi = np.round(np.random.default_rng(2).gamma(4, 1e5, size=(20, 8000))).astype(np.int64) + 1
    intervals = inter_spike_intervals(*spike_arrays(list(np.cumsum(isi, axis=1))), gid0=0, size=20)
    assert cv_per_neuron(intervals).mean() == pytest.approx(0.5, abs=0.01)


def test_rate_changes_raise_cv_but_hardly_cv2() -> None:
    rng = np.random.default_rng(3)
    isi = np.concatenate([rng.exponential(1e4, (20, 4000)), rng.exponential(1e6, (20, 4000))], axis=1)
    intervals = inter_spike_intervals(*spike_arrays(list(np.cumsum(np.round(isi) + 1, axis=1))), gid0=0, size=20)
    assert cv_per_neuron(intervals).mean() > 1.5
    assert cv2_per_neuron(intervals).mean() == pytest.approx(1, abs=0.02)


def test_no_spikes_and_single_spikes_give_no_intervals() -> None:
    for steps in ([], [5]):
        intervals = inter_spike_intervals(np.array(steps, np.int64), np.full(len(steps), 8, np.uint32), gid0=7, size=3)
        assert intervals.steps.size == 0
        np.testing.assert_array_equal(intervals.spikes, [0, len(steps), 0])
        assert np.isnan(cv_per_neuron(intervals)).all()
        assert np.isnan(cv2_per_neuron(intervals)).all()


@pytest.mark.parametrize(
    ("steps", "gids", "text"),
    [
        ([1, 2], [5], "equal vectors"),
        ([1], [4], "not all in the population 5 to 6"),
        ([1], [7], "not all in the population 5 to 6"),
        ([-1], [5], "step -1"),
        ([1.5], [5], "integers"),
        ([2**62], [5], "64 bits"),
    ],
)
def test_bad_spikes_are_refused(steps: list[float], gids: list[int], text: str) -> None:
    with pytest.raises(InputError, match=text):
        inter_spike_intervals(np.array(steps), np.array(gids), gid0=5, size=2)


def test_too_few_spikes_for_two_intervals_are_refused() -> None:
    intervals = inter_spike_intervals(np.array([1, 2]), np.array([0, 0]), gid0=0, size=1)
    for measure in (cv_per_neuron, cv2_per_neuron):
        with pytest.raises(InputError, match="min_spikes is 2"):
            measure(intervals, min_spikes=2)


def calls_of(work: Callable[[], Any]) -> int:
    """Number of Python and C functions that are called."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_the_work_is_done_by_arrays_whatever_the_numbers_of_neurons_and_spikes() -> None:
    """No loop over neurons or spikes: ten million spikes take about a second."""

    def cv(neurons: int, spikes: int) -> None:
        rng = np.random.default_rng(0)
        steps = np.sort(rng.integers(0, 1_000_000, spikes))
        gids = rng.integers(0, neurons, spikes).astype(np.uint32)
        cv_per_neuron(inter_spike_intervals(steps, gids, gid0=0, size=neurons))

    few, many = calls_of(lambda: cv(10, 1000)), calls_of(lambda: cv(5000, 200_000))
    assert many <= few + 20 < 1000
