"""Drawn spike trains: gamma and renewal processes and pulse packets have the statistics that they promise."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import expon, gamma, kstest, lognorm, norm, uniform
from tests.helpers.networks import network_of

from dtbsim.backends.train_players import Player
from dtbsim.errors import InputError
from dtbsim.models.drives.inputs import Draws
from dtbsim.spec import Network

TEXT = """\
simulation: {{dt_ms: {dt}, duration_ms: {duration}, block_size: 16}}
seed: 8
populations: {{P: {{model: parrot_neuron, size: {n}}}}}
drives: {{d: {{{drive}, target: P, weight: 1}}}}
"""


def network(drive: str, *, dt: float = 0.01, duration: float = 4000, n: int = 200) -> Network:
    return network_of(TEXT.format(dt=dt, duration=duration, n=n, drive=drive))


def player(net: Network, gids: Any = None) -> Player:
    drive = net.drives[0]
    own = np.arange(net.populations[0].size, dtype=np.uint32) if gids is None else np.array(gids, np.uint32)
    return Player(net, drive, own, net.seed)


def trains(net: Network) -> tuple[Any, Any]:
    """Times in steps and neurons, ordered by neuron and time."""
    steps, places = player(net).spikes(0, net.n_steps)
    order = np.lexsort((steps, places))
    return steps[order], places[order]


def intervals_ms(net: Network) -> Any:
    steps, places = trains(net)
    return np.diff(steps)[np.diff(places) == 0] * net.dt_ms


@pytest.mark.parametrize("shape", [0.5, 1, 2.5, 16])
def test_intervals_have_a_gamma_distribution(shape: float) -> None:
    """Kolmogorov-Smirnov against the closed form, and CV = 1 / sqrt(shape); long windows, so none is cut off much."""
    net = network(f"kind: gamma, rate_hz: 50, shape: {shape}", duration=8000)
    found = intervals_ms(net)
    assert found.size > 60_000
    jittered = found + net.dt_ms * np.random.default_rng(1).uniform(-0.5, 0.5, found.size)
    law = gamma(shape, scale=20.0 / shape)
    assert kstest(jittered, law.cdf).statistic < 1.95 / math.sqrt(found.size) + 0.003  # the window favours short ones
    assert found.std() / found.mean() == pytest.approx(1 / math.sqrt(shape), rel=0.03)


@pytest.mark.parametrize("begin", ["equilibrium", "spike"])
def test_how_a_process_begins(begin: str) -> None:
    """In equilibrium the rate is the same from the first moment on; after a spike the first interval is a whole one."""
    net = network(f"kind: gamma, rate_hz: 50, shape: 9, start_ms: 10, begin: {begin}", duration=60, n=4000)
    steps, places = trains(net)
    first = steps[np.concatenate([[True], np.diff(places) > 0])] * net.dt_ms - 10
    early = np.mean(first < 5)
    if begin == "equilibrium":
        assert early == pytest.approx(0.25, abs=0.03)  # 50 Hz over 5 ms
    else:
        assert early == pytest.approx(gamma(9, scale=20 / 9).cdf(5), abs=0.005)
        assert kstest(first, gamma(9, scale=20 / 9).cdf).statistic < 0.04


@pytest.mark.parametrize(
    ("interval", "law"),
    [
        ("{distribution: exponential, mean: 12, low: 8}", expon(8, 12)),  # a dead time
        ("{distribution: uniform, low: 5, high: 25}", uniform(5, 20)),
        ("{distribution: lognormal, mean: 20, sd: 10}", lognorm(math.sqrt(math.log(1.25)), 0, 20 / math.sqrt(1.25))),
    ],
)
def test_renewal_trains_have_intervals_of_any_distribution(interval: str, law: Any) -> None:
    net = network(f"kind: renewal, interval_ms: {interval}", duration=6000)
    found = intervals_ms(net)
    assert found.size > 40_000
    jittered = found + net.dt_ms * np.random.default_rng(1).uniform(-0.5, 0.5, found.size)
    assert kstest(jittered, law.cdf).statistic < 1.95 / math.sqrt(found.size) + 0.004
    assert found.std() / found.mean() == pytest.approx(law.std() / law.mean(), rel=0.03)


def test_a_renewal_train_in_equilibrium_has_the_density_of_what_is_left() -> None:
    """P(first > x) falls as the integral of 1 - F, over the mean: for uniform intervals from 0 to 40 a parabola."""
    drive = "kind: renewal, interval_ms: {distribution: uniform, low: 0, high: 40}"
    steps, places = trains(network(drive, duration=60, n=8000))
    first = steps[np.concatenate([[True], np.diff(places) > 0])] * 0.01
    assert kstest(first, lambda x: np.clip((x - x**2 / 80) / 20, 0, 1)).statistic < 1.95 / math.sqrt(first.size)


def test_a_number_makes_regular_trains() -> None:
    found = intervals_ms(network("kind: renewal, interval_ms: 7.5, begin: spike", duration=400, n=3))
    assert found.size > 100
    assert set(np.round(found, 2)) == {7.5}


def test_a_superposition_is_as_fast_and_nearly_poisson() -> None:
    net = network("kind: gamma, rate_hz: 100, shape: 10, processes: 20", duration=3000)
    found = intervals_ms(net)
    assert found.mean() == pytest.approx(10, rel=0.02)
    assert 0.85 < found.std() / found.mean() < 1.0


def test_a_sinusoidal_rate_is_followed_and_counts_stay_regular() -> None:
    net = network(
        "kind: sinusoidal_gamma, rate_hz: 60, amplitude_hz: 50, frequency_hz: 5, phase_deg: 30, shape: 5",
        dt=0.1, duration=2000, n=2000,
    )  # fmt: skip
    steps, places = trains(net)
    counts = np.bincount(steps // 100, minlength=200) / 2000 / 0.01  # Hz, in bins of 10 ms
    middle = (np.arange(200) + 0.5) * 0.01
    expected = 60 + 50 * np.sin(2 * np.pi * 5 * middle + math.radians(30))
    assert np.abs(counts - expected).mean() < 2.5
    assert np.corrcoef(counts, expected)[0, 1] > 0.99
    per_neuron = np.bincount(places, minlength=2000)
    assert per_neuron.var() / per_neuron.mean() == pytest.approx(1 / 5, rel=0.15)  # Fano factor of long counts: CV^2


def test_pulse_packets_are_normal_around_their_times() -> None:
    net = network("kind: pulse_packet, times_ms: [40, 100.005], spikes: 4, sdev_ms: 3", duration=200, n=3000)
    steps, places = trains(net)
    assert np.array_equal(np.bincount(places), np.full(3000, 8))
    for centre in (40, 100.005):
        near = steps[np.abs(steps * net.dt_ms - centre) < 25] * net.dt_ms - net.dt_ms / 2
        assert near.size == 12_000
        assert kstest(near, norm(centre, 3).cdf).statistic < 1.95 / math.sqrt(near.size)


def test_one_packet_for_all_and_packets_without_spread() -> None:
    net = network("kind: pulse_packet, times_ms: [5], spikes: 3, sdev_ms: 0", duration=20, n=4)
    steps, places = player(net).spikes(0, net.n_steps)
    assert sorted(zip(steps.tolist(), places.tolist(), strict=True)) == [(500, k) for k in range(4) for _ in range(3)]


@pytest.mark.parametrize(
    "drive",
    [
        "kind: gamma, rate_hz: 900, shape: 2.2, processes: 3",
        "kind: sinusoidal_gamma, rate_hz: 900, amplitude_hz: 900, frequency_hz: 80, shape: 3",
        "kind: pulse_packet, times_ms: [1, 3, 4.5], spikes: 9, sdev_ms: 2",
    ],
)
def test_spikes_do_not_depend_on_how_steps_or_neurons_are_cut(drive: str) -> None:
    net = network(drive, dt=0.1, duration=100, n=12)
    whole = sorted(zip(*(column.tolist() for column in player(net).spikes(0, 1000)), strict=True))
    assert len(whole) > 80
    for edges in ([0, 1, 2, 500, 1000], [0, 7, 14, 999, 1000]):
        one, found = player(net), []
        for start, stop in itertools.pairwise(edges):
            one.spikes(start, min(stop + 50, 1000))  # a chunk that was meant to be longer, and ended early
            found += list(zip(*(column.tolist() for column in one.spikes(start, stop)), strict=True))
        assert sorted(found) == whole
    for gids in ([3, 4, 11], [0]):
        some = [(step, gids[place]) for step, place in zip(*player(net, gids).spikes(0, 1000), strict=True)]
        assert sorted(some) == [pair for pair in whole if pair[1] in gids]


def test_a_state_brings_a_train_to_where_it_was() -> None:
    net = network("kind: gamma, rate_hz: 900, shape: 2.2, processes: 3", dt=0.1, duration=100, n=12)
    one, other = player(net), player(net)
    one.spikes(0, 431)
    other.load(300, one.state_at(0) * 0 + player(net).state_at(300))
    assert np.array_equal(one.state_at(300), other.state_at(300))
    assert np.array_equal(np.stack(one.spikes(300, 800)), np.stack(other.spikes(300, 800)))


def test_uniform_numbers_are_inside() -> None:
    ends = [np.full((4, 1), word, np.uint32) for word in (0, 0xFFFFFFFF)]
    low, high = (Draws(1, 0.1, lambda *_, words=words: words).uniform(np.zeros(1), np.zeros(1))[0] for words in ends)
    assert 0 < low < 1e-15
    assert 1 - 1e-15 < high < 1


@pytest.mark.parametrize(
    ("drive", "message", "place"),
    [
        ("kind: gamma, rate_hz: 2e6, shape: 2", "20 spikes per step", "drives.d.rate_hz"),
        ("kind: gamma, rate_hz: -1, shape: 2", "got -1", "drives.d.rate_hz"),
        ("kind: gamma, rate_hz: 1, shape: 0", "got 0", "drives.d.shape"),
        ("kind: gamma, rate_hz: 1", "missing", "drives.d.shape"),
        ("kind: gamma, rate_hz: 1, shape: 2, processes: 0", "got 0", "drives.d.processes"),
        ("kind: sinusoidal_gamma, rate_hz: 1, amplitude_hz: 2, frequency_hz: 1, shape: 1", "above rate_hz", "drives.d"),
        ("kind: renewal, interval_ms: {distribution: normal, mean: 3, sd: 2}", "bound it", "drives.d.interval_ms"),
        ("kind: renewal, interval_ms: 0", "above 0 on average", "drives.d.interval_ms"),
        ("kind: renewal, interval_ms: 1e-4", "100 spikes per step", "drives.d.interval_ms"),
        ("kind: pulse_packet, times_ms: [3, 2], sdev_ms: 1", "must ascend", "drives.d"),
        ("kind: pulse_packet, times_ms: [3], sdev_ms: 1, spikes: 256", "got 256", "drives.d.spikes"),
        ("kind: pulse_packet, times_ms: [3], sdev_ms: -1", "got -1", "drives.d.sdev_ms"),
    ],
)
def test_bad_trains(drive: str, message: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        network(drive)
    assert message in str(caught.value)
    assert place in str(caught.value)
