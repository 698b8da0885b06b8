"""Poisson drives whose rates vary, on chosen neurons, with shared trains: counts against their distribution."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from tests.helpers.networks import network_of
from tests.helpers.stimulus import poisson_sums_of
from tests.unit.config_samples import assert_for_people

from dtbsim.errors import InputError
from dtbsim.kernels.poisson import UNREACHABLE, coarse_thresholds, poisson_thresholds, threshold_tables
from dtbsim.models.drives.waveforms import SinusoidalRate, SteppedRate

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: DURATION, block_size: 64}
populations: {N: {model: iaf_psc_exp, size: SIZE}}
drives: {d: DRIVE}
"""
SD = 5.0
"""Tolerances are five standard deviations of the estimate."""


def network(drive: str, duration_ms: float = 5, size: int = 3, *overrides: str) -> Any:
    text = TEXT.replace("DRIVE", drive).replace("DURATION", f"{duration_ms:g}").replace("SIZE", str(size))
    return network_of(text, *overrides)


def counts(drive: str, duration_ms: float = 5, size: int = 3, *overrides: str, chunks: tuple[int, ...] = ()) -> Any:
    """Spikes per step and neuron."""
    compiled = network(drive, duration_ms, size, *overrides)
    sums = poisson_sums_of(compiled, chunks)
    assert (sums % compiled.drives[0].weight == 0).all()
    return sums // compiled.drives[0].weight


def fits(found: Any, means: Any) -> None:
    """Counts int[steps, n] against means per step: each sum has the error sqrt(mean * n), the chi-square its own."""
    n = found.shape[1]
    expected = np.asarray(means) * n
    assert (found[expected == 0] == 0).all()
    on = expected > 0
    z = (found[on].sum(axis=1) - expected[on]) / np.sqrt(expected[on])
    assert np.abs(z).max() < SD
    assert abs((z**2).sum() - z.size) < SD * math.sqrt(2 * z.size)
    variance = found[on].var(axis=1) / np.asarray(means)[on]
    errors = np.sqrt((2 + 1 / np.asarray(means)[on]) / n)
    assert (np.abs(variance - 1) < SD * errors + 1 / n).all(), "the variance of Poisson numbers is their mean"


# -- thresholds -------------------------------------------------------------------------------------------------------


def test_thresholds_of_many_means_are_those_of_each() -> None:
    """The sums differ by rounding alone: one unit of 2^-32."""
    means = np.array([0.0, 1e-12, 1e-4, 0.3, 1.0, 2.5, 17.3, 99.9, 100.0])
    thresholds, coarse = threshold_tables(means)
    for mean, row, coarse_row in zip(means, thresholds, coarse, strict=True):
        single = poisson_thresholds(mean)
        n = single.size
        assert np.abs(row[:n].astype(np.int64) - single).max() <= 1
        assert (row[n:] == UNREACHABLE).all()
        own = coarse_thresholds(row[:n])
        assert (coarse_row[: own.size] == own).all()
        assert (coarse_row[own.size :] == 0x7FFF).all()
    assert coarse.shape[1] % 4 == 0
    for bad in (-1e-9, 100.1, math.nan):
        with pytest.raises(ValueError, match="not within"):
            threshold_tables(np.array([0.5, bad]))


# -- rates ------------------------------------------------------------------------------------------------------------


def test_a_stepped_rate_is_exact_in_the_mean_also_within_steps() -> None:
    rate = SteppedRate((0.5, 1.03, 1.06, 2.0), (100.0, 700.0, 0.0, 50.0))
    means = rate.means(np.arange(30), 0.1) / 1e-4
    expected = [0.0] * 5 + [100.0] * 5 + [0.3 * 100 + 0.3 * 700 + 0.4 * 0.0] + [0.0] * 9 + [50.0] * 10
    np.testing.assert_allclose(means, expected, rtol=1e-9, atol=1e-9)
    for start, stop in ((0, 7), (7, 11), (10, 11), (11, 30)):
        assert (rate.means(np.arange(start, stop), 0.1) / 1e-4 == means[start:stop]).all()
    thirds = SteppedRate(tuple(0.1 * k for k in range(30)), tuple(float(k + 1) for k in range(30)))
    assert (thirds.means(np.arange(30), 0.1) == np.arange(1.0, 31) * 1e-4).all(), "0.1 k is step k"


@pytest.mark.parametrize(
    ("rate", "amplitude", "frequency"), [(80, 50, 40), (80, 80, 3), (20, 90, 40), (0, 50, 700), (10, 11, 9000)]
)
def test_a_sinusoidal_rate_is_the_integral_over_the_step(rate: float, amplitude: float, frequency: float) -> None:
    course = SinusoidalRate(rate, amplitude, frequency, math.radians(35))

    def at(time_ms: float) -> float:
        return max(0.0, rate + amplitude * math.sin(2e-3 * math.pi * frequency * time_ms + math.radians(35)))

    steps = np.concatenate([np.arange(40), np.arange(100_000, 100_040)])
    expected = []
    for k in steps.tolist():
        turn = math.asin(max(-1.0, -rate / amplitude))
        period = 1e3 / frequency
        kinks = [(angle - math.radians(35)) / (2 * math.pi) * period for angle in (turn, math.pi - turn)]
        inside = [
            t + m * period for t in kinks for m in range(int(k * 0.1 / period) - 2, int((k + 1) * 0.1 / period) + 3)
        ]
        edges = sorted({k * 0.1, (k + 1) * 0.1, *(t for t in inside if k * 0.1 < t < (k + 1) * 0.1)})
        parts = [quad(at, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in itertools.pairwise(edges)]
        expected.append(sum(parts) * 1e-3)
    found = np.concatenate([course.means(part, 0.1) for part in (steps[:40], steps[40:])])
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * max(rate, amplitude) * 1e-4)
    assert (found >= 0).all()


# -- counts -----------------------------------------------------------------------------------------------------------

STAIRS = (
    "{kind: inhomogeneous_poisson, target: N, times_ms: [0.5, 2, 3.04], rates_hz: [2000, 40000, 300], weight_pA: 2}"
)
WAVES = (
    "{kind: sinusoidal_poisson, target: N, rate_hz: 3000, amplitude_hz: 9000, frequency_hz: 300, phase_deg: 20, "
    "weight_pA: 1}"
)


@pytest.mark.parametrize("drive", [STAIRS, WAVES])
def test_counts_follow_the_rate(drive: str) -> None:
    means = network(drive).drives[0].rate.means(np.arange(50), 0.1)
    fits(counts(drive, 5, 4000), means)
    assert np.unique(means).size >= 4


def test_counts_of_neurons_and_steps_are_independent() -> None:
    found = counts(WAVES, 50, 300).astype(np.float64)
    means = network(WAVES).drives[0].rate.means(np.arange(500), 0.1)
    on = means > 0
    z = (found[on] - means[on, None]) / np.sqrt(means[on, None])
    for lag in (1, 2, 4, 8):
        n = z[lag:].size
        assert abs((z[lag:] * z[:-lag]).mean()) < SD / math.sqrt(n)
        assert abs((z[:, lag:] * z[:, :-lag]).mean()) < SD / math.sqrt(z[:, lag:].size)


@pytest.mark.parametrize("drive", [STAIRS, WAVES])
def test_pauses_do_not_matter(drive: str) -> None:
    whole = counts(drive, 5, 70)
    for chunks in ((1, 2, 3), (8, 16), (7, 9, 23, 30), tuple(range(1, 50))):
        assert (counts(drive, 5, 70, chunks=chunks) == whole).all()


def test_a_varying_rate_that_does_not_vary_is_a_plain_drive() -> None:
    plain = counts("{kind: poisson, target: N, rate_hz: 5000, weight_pA: 1}", 20, 500)
    stairs = "{kind: inhomogeneous_poisson, target: N, times_ms: [0.0], rates_hz: [5000], weight_pA: 1}"
    flat = "{kind: sinusoidal_poisson, target: N, rate_hz: 5000, amplitude_hz: 0, frequency_hz: 1, weight_pA: 1}"
    assert plain.sum() > 40_000
    assert (counts(stairs, 20, 500) == plain).all()
    assert (counts(flat, 20, 500) == plain).all()


def test_chosen_neurons_and_windows_cut_from_the_same_counts() -> None:
    """Who else receives a drive, and when it is off, changes nothing for the others."""
    plain = counts("{kind: poisson, target: N, rate_hz: 5000, weight_pA: 1}", 5, 200)
    odd = counts(
        "{kind: poisson, target: N, rate_hz: 5000, weight_pA: 1, neurons: {start: 1, stop: 200, step: 2}}", 5, 200
    )
    assert (odd[:, 1::2] == plain[:, 1::2]).all()
    assert (odd[:, ::2] == 0).all()
    cut = counts("{kind: poisson, target: N, rate_hz: 5000, weight_pA: 1, windows_ms: [[0.3, 1.1], [2, 4.5]]}", 5, 200)
    on = [*range(3, 11), *range(20, 45)]
    assert (cut[on] == plain[on]).all()
    assert np.delete(cut, on, axis=0).sum() == 0
    part = counts("{kind: poisson, target: N, rate_hz: 5000, weight_pA: 1, neurons: {start: 50, stop: 130}}", 5, 200)
    assert (part[:, 50:130] == plain[:, 50:130]).all()
    assert np.delete(part, range(50, 130), axis=1).sum() == 0


@pytest.mark.parametrize(
    "drive",
    [
        "{kind: poisson, target: N, rate_hz: 5000, weight_pA: 1, shared: true}",
        STAIRS.replace("target", "shared: true, target"),
        WAVES.replace("target", "shared: true, target"),
    ],
)
def test_a_shared_train_is_one_for_all(drive: str) -> None:
    found = counts(drive, 400, 130)
    assert (found == found[:, :1]).all()
    compiled = network(drive, 400)
    item = compiled.drives[0]
    means = np.full(4000, item.mean) if item.rate is None else item.rate.means(np.arange(4000), 0.1)
    assert abs(found[:, 0].sum() - means.sum()) < SD * math.sqrt(means.sum())
    variance = ((found[:, 0] - means) ** 2).sum()
    assert abs(variance - means.sum()) < SD * math.sqrt((2 * means**2 + means).sum())


def test_a_shared_train_reaches_all_populations_and_is_not_that_of_a_neuron() -> None:
    text = TEXT.replace("SIZE", "20").replace("DURATION", "20").replace("d: DRIVE", "")
    base = ["populations.M={model: iaf_psc_exp, size: 9}"]
    shared = "drives.d={kind: poisson, target: [N, M], rate_hz: 5000, weight_pA: 1, shared: true}"
    both = poisson_sums_of(network_of(text, *base, shared))
    assert (both == both[:, :1]).all()
    apart = poisson_sums_of(network_of(text, *base, shared.replace("true", "false")))
    assert not (apart == both[:, :1]).all(axis=0).any()


# -- mistakes ---------------------------------------------------------------------------------------------------------

STEPS = "kind: inhomogeneous_poisson, target: N, weight_pA: 1"
WAVE = "kind: sinusoidal_poisson, target: N, weight_pA: 1, frequency_hz: 5"
WRONG = {
    "lengths": (f"{{{STEPS}, times_ms: [0], rates_hz: [1, 2]}}", "times_ms has 1 entries, rates_hz 2", "drives.d"),
    "order": (f"{{{STEPS}, times_ms: [3, 1], rates_hz: [1, 2]}}", "times_ms must ascend; got 1 after 3", "drives.d"),
    "negative": (f"{{{STEPS}, times_ms: [0, 1], rates_hz: [1, -2]}}", "got -2", "drives.d.rates_hz.1"),
    "large": (f"{{{STEPS}, times_ms: [0, 1], rates_hz: [1, 2e6]}}", "200 events per step", "drives.d.rates_hz"),
    "amplitude": (f"{{{WAVE}, rate_hz: 9e5, amplitude_hz: 2e5}}", "110 events per step", "drives.d.amplitude_hz"),
    "two weights": (f"{{{WAVE}, rate_hz: 9, amplitude_hz: 2, weight_mV: 1}}", "exactly one of", "drives.d"),
    "shared": ("{kind: poisson, target: N, rate_hz: 1, weight_pA: 1, shared: 1}", "got 1", "drives.d.shared"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_told_where_they_are(name: str) -> None:
    drive, said, where = WRONG[name]
    with pytest.raises(InputError) as caught:
        network(drive)
    assert said in caught.value.message
    assert (caught.value.where or "").endswith(where)
    assert_for_people(caught.value)
