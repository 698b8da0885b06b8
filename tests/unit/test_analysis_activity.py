"""Binned activity: rates, spectra and correlations of processes whose values are known."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.analysis import activity
from dtbsim.analysis.activity import (
    population_activity_hz,
    power_spectrum,
    sample_active_neurons,
    spike_count_correlations,
)
from dtbsim.errors import InputError


def from_raster(raster: np.ndarray, gid0: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Spikes of a [neurons, steps] array of counts, sorted by step, then gid."""
    steps, neurons = np.nonzero(raster.T)
    repeats = raster.T[steps, neurons].astype(int)
    return np.repeat(steps, repeats), (np.repeat(neurons, repeats) + gid0).astype(np.uint32)


def test_activity_counts_spikes_per_bin_and_leaves_out_the_rest() -> None:
    steps = np.array([0, 9, 10, 10, 19, 29, 30, 38, 45])
    rate = population_activity_hz(steps, n_neurons=2, dt_ms=0.5, start_step=10, stop_step=38, bin_steps=10)
    np.testing.assert_allclose(rate, np.array([3, 1]) / (2 * 0.005))
    np.testing.assert_array_equal(
        population_activity_hz(np.empty(0, int), n_neurons=2, dt_ms=1, start_step=0, stop_step=30, bin_steps=10), 0
    )


@pytest.mark.parametrize(("start", "stop", "width"), [(0, 5, 6), (5, 5, 1), (0, 5, 0)])
def test_windows_without_a_bin_are_refused(start: int, stop: int, width: int) -> None:
    with pytest.raises(InputError, match="hold no bin"):
        population_activity_hz([1], n_neurons=1, dt_ms=1, start_step=start, stop_step=stop, bin_steps=width)


def test_spectrum_of_poisson_neurons_is_flat_at_twice_rate_over_number() -> None:
    rate_hz, n, bin_s = 8.0, 50, 0.002
    counts = np.random.default_rng(1).poisson(rate_hz * n * bin_s, size=200_000)
    frequencies, density = power_spectrum(counts / (n * bin_s), bin_s=bin_s, segment_s=0.5)
    inner = slice(2, -1)  # the removed mean and the Nyquist end differ
    assert frequencies[-1] == pytest.approx(250)
    assert density[inner].mean() == pytest.approx(2 * rate_hz / n, rel=0.02)
    assert density[inner] == pytest.approx(2 * rate_hz / n, rel=0.25)


def test_spectrum_of_a_sine_holds_half_its_squared_amplitude_at_its_frequency() -> None:
    time = np.arange(20_000) * 0.001
    waves = np.column_stack([3 * np.sin(2 * np.pi * 40 * time) + 10, np.sin(2 * np.pi * 11 * time)])
    frequencies, density = power_spectrum(waves, bin_s=0.001)
    assert density.shape == (frequencies.size, 2)
    np.testing.assert_allclose(frequencies[density.argmax(axis=0)], [40, 11])
    assert density.sum(axis=0) * frequencies[1] == pytest.approx([4.5, 0.5], rel=1e-3)


def test_bad_activity_is_refused() -> None:
    for bad in (np.full(5000, np.nan), np.zeros((2, 2, 2))):
        with pytest.raises(InputError, match="activity of shape"):
            power_spectrum(bad, bin_s=0.001)
    with pytest.raises(InputError, match="segments"):
        power_spectrum(np.zeros(500), bin_s=0.001)
    with pytest.raises(InputError, match="segments"):
        power_spectrum(np.zeros(500), bin_s=0.2)


def test_sample_is_evenly_spaced_among_the_active() -> None:
    spikes = np.zeros(1000, int)
    spikes[100:300] = 1
    np.testing.assert_array_equal(sample_active_neurons(spikes, 4), [100, 150, 200, 250])
    np.testing.assert_array_equal(sample_active_neurons(spikes, 500), np.arange(100, 300))
    assert sample_active_neurons(np.zeros(5), 3).size == 0


@pytest.mark.parametrize("seed", range(6))
def test_correlations_equal_numpy_on_the_binned_raster(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "_CHUNK_VALUES", 40)  # several chunks of bins
    rng = np.random.default_rng(seed)
    raster = rng.poisson(0.3, size=(9, 130))
    raster[4] = 0
    steps, gids = from_raster(raster, gid0=20)
    found = spike_count_correlations(steps, gids, gid0=20, size=9, start_step=5, stop_step=128, bin_steps=4)
    counts = np.delete(raster, 4, axis=0)[:, 5:125].reshape(8, 30, 4).sum(axis=2)
    np.testing.assert_allclose(found, np.corrcoef(counts)[np.triu_indices(8, 1)], atol=1e-12)


@pytest.mark.parametrize("shared", [0.0, 0.1, 0.6])
def test_a_common_source_gives_its_share_as_correlation(shared: float) -> None:
    rng = np.random.default_rng(9)
    raster = rng.poisson(0.2 * (1 - shared), size=(30, 40_000)) + rng.poisson(0.2 * shared, size=40_000)
    steps, gids = from_raster(raster)
    found = spike_count_correlations(steps, gids, gid0=0, size=30, start_step=0, stop_step=40_000, bin_steps=2)
    assert found.size == 30 * 29 / 2
    assert found.mean() == pytest.approx(shared, abs=0.01)


def test_few_or_unvarying_neurons_have_no_correlation() -> None:
    window = {"gid0": 0, "size": 3, "start_step": 0, "stop_step": 40, "bin_steps": 10}
    assert spike_count_correlations([4], [1], **window).size == 0
    steps, gids = from_raster(np.vstack([np.ones(40), np.arange(40) == 3, np.arange(40) == 15]))
    found = spike_count_correlations(steps, gids, **window)
    assert np.isnan(found[:2]).all()
    assert found[2] == pytest.approx(-1 / 3)
    with pytest.raises(InputError, match="at least 2"):
        spike_count_correlations([4], [1], **{**window, "stop_step": 10})
