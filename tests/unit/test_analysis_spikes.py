"""Statistics of populations within a window, and splitting spikes by population."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dtbsim.analysis.spikes import neuron_rates_hz, population_statistics, select_spikes, split_spikes
from dtbsim.errors import InputError


def random_spikes(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    steps, gids = np.sort(rng.integers(0, 1000, n)), rng.integers(0, 100, n).astype(np.uint32)
    order = np.lexsort((gids, steps))
    return steps[order], gids[order]


def test_selection_is_half_open_in_time_and_gid() -> None:
    steps = np.array([9, 10, 10, 19, 20])
    gids = np.array([5, 4, 5, 7, 6], dtype=np.uint32)
    time, neuron = select_spikes(steps, gids, gid0=5, size=2, start_step=10, stop_step=20)
    np.testing.assert_array_equal(time, [10])
    np.testing.assert_array_equal(neuron, [5])
    last = 2**32 - 1
    _, top = select_spikes([1], np.array([last], np.uint32), gid0=last, size=1, start_step=0, stop_step=2)
    np.testing.assert_array_equal(top, [last])


@pytest.mark.parametrize("ranges", [([0, 40, 70], [40, 20, 30]), ([3], [1]), ([10, 10, 99], [0, 50, 1]), ([], [])])
def test_splitting_equals_selecting_each_population(ranges: tuple[list[int], list[int]]) -> None:
    steps, gids = random_spikes(1)
    parts = split_spikes(steps, gids, gid0=ranges[0], sizes=ranges[1])
    assert len(parts) == len(ranges[0])
    for (time, neuron), gid0, size in zip(parts, *ranges, strict=True):
        expected = select_spikes(steps, gids, gid0=gid0, size=size, start_step=0, stop_step=1000)
        np.testing.assert_array_equal(time, expected[0])
        np.testing.assert_array_equal(neuron, expected[1])


def test_populations_that_overlap_are_refused() -> None:
    with pytest.raises(InputError, match="without overlap"):
        split_spikes([1], [1], gid0=[0, 5], sizes=[6, 2])
    with pytest.raises(InputError, match="without overlap"):
        split_spikes([1], [1], gid0=[5, 0], sizes=[2, 2])
    with pytest.raises(InputError, match="equal vectors"):
        split_spikes([1, 2], [1], gid0=[0], sizes=[2])


def test_rates_count_spikes_per_neuron_and_second() -> None:
    rates = neuron_rates_hz(np.array([7, 9, 7, 7], np.uint32), gid0=7, size=4, duration_s=0.5)
    np.testing.assert_allclose(rates, [6, 0, 2, 0])
    with pytest.raises(InputError, match="duration_s"):
        neuron_rates_hz([7], gid0=7, size=4, duration_s=0)
    with pytest.raises(InputError, match="not all in the population"):
        neuron_rates_hz([11], gid0=7, size=4, duration_s=1)


def test_statistics_of_a_population_made_by_hand() -> None:
    # 10 neurons, 2 s of 0.1 ms: 4 silent, 3 regular with 40 spikes, 2 with 3 spikes, 1 alternating 100 and 300
    trains = [np.empty(0, int)] * 4 + [np.arange(k, 20_000, 500) for k in range(3)]
    trains += [np.array([5, 80, 900])] * 2 + [np.cumsum([100, 300] * 20)]
    steps = np.concatenate(trains).astype(np.int64) + 5000
    gids = np.repeat(np.arange(10, dtype=np.uint32) + 50, [train.size for train in trains])
    before_and_others = (np.array([4999, 25_000, 6000, 6000]), np.array([54, 55, 49, 60]))
    steps, gids = np.append(steps, before_and_others[0]), np.append(gids, before_and_others[1].astype(np.uint32))
    found = population_statistics(steps, gids, gid0=50, size=10, dt_ms=0.1, start_step=5000, stop_step=25_000)
    assert found.spikes == 3 * 40 + 2 * 3 + 40
    assert found.duration_s == pytest.approx(2)
    assert found.rate_hz == pytest.approx(166 / 10 / 2)
    assert found.silent_fraction == pytest.approx(0.4)
    assert found.rate_quantiles_hz == pytest.approx(
        np.quantile([0] * 4 + [1.5] * 2 + [20] * 4, [0.05, 0.25, 0.5, 0.75, 0.95])
    )
    assert found.cv_neurons == 4
    isi = np.diff(trains[-1])
    assert found.cv_isi == pytest.approx(isi.std() / isi.mean() / 4)
    assert found.cv2_isi == pytest.approx(1 / 4)
    assert found.correlation_neurons == 6
    assert found.correlation_bin_ms == pytest.approx(2.0)
    assert found.correlation is not None
    assert json.loads(json.dumps(found.as_dict()))["rate_hz"] == found.rate_hz


def test_poisson_population_has_the_expected_statistics() -> None:
    rng = np.random.default_rng(5)
    raster = rng.random((400, 20_000)) < 8e-4  # 8 Hz at 0.1 ms
    gids, steps = np.nonzero(raster)
    found = population_statistics(steps, gids, gid0=0, size=400, dt_ms=0.1, start_step=0, stop_step=20_000)
    assert found.rate_hz == pytest.approx(8, abs=0.3)
    assert found.cv_isi == pytest.approx(0.93, abs=0.03)
    assert found.cv2_isi == pytest.approx(1, abs=0.03)
    assert found.silent_fraction < 0.01
    assert found.correlation == pytest.approx(0, abs=0.002)
    assert found.correlation_neurons == 200


def test_a_silent_population_has_no_irregularity() -> None:
    found = population_statistics([], [], gid0=0, size=5, dt_ms=0.1, start_step=0, stop_step=100)
    assert found.rate_hz == 0
    assert found.silent_fraction == 1
    assert found.cv_isi is None
    assert found.cv2_isi is None
    assert found.correlation is None
    assert found.correlation_neurons == 0


def test_empty_windows_and_populations_are_refused() -> None:
    with pytest.raises(InputError, match="nothing to analyse"):
        population_statistics([], [], gid0=0, size=0, dt_ms=0.1, start_step=0, stop_step=100)
    with pytest.raises(InputError, match="nothing to analyse"):
        population_statistics([], [], gid0=0, size=5, dt_ms=0.1, start_step=100, stop_step=100)
