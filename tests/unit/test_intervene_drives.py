"""Drives that change at given times: their pieces against drives with windows, on any ranks and backends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate, simulate_ranks
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.two_backends import on_gpu

from dtbsim.backends.train_players import Player
from dtbsim.build.rank import drive_bound
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.numerics.limits import MAX_COUNT

CELLS = """\
simulation: {dt_ms: 0.1, duration_ms: 100, block_size: 16}
populations: {E: {model: iaf_psc_exp, size: 60}}
"""
DRIVES = {
    "poisson": "kind: poisson, rate_hz: 9000, weight_pA: 60",
    "part": "kind: poisson, rate_hz: {distribution: uniform, low: 8000, high: 12000}, weight_pA: 60, fraction: 0.7",
    "shared": "kind: poisson, rate_hz: 9000, weight_pA: 60, shared: true",
    "wave": "kind: sinusoidal_poisson, rate_hz: 9000, amplitude_hz: 3000, frequency_hz: 40, weight_pA: 60",
    "dc": "kind: dc, amplitude: 450",
    "ac": "kind: ac, amplitude: 100, offset: 400, frequency_hz: 80",
    "noise": "kind: noise_current, mean: 400, std: 300, dt_ms: 0.7",
    "ou": "kind: ou_current, mean: 400, sigma: 200, tau_ms: 3",
    "white": "kind: white_noise, mean: 350, sigma_mV: 3",
    "gamma": "kind: gamma, rate_hz: 900, shape: 3, weight_pA: 500, processes: 2",
    "gamma wave": "kind: sinusoidal_gamma, rate_hz: 900, amplitude_hz: 200, frequency_hz: 40, shape: 3, weight_pA: 500",
}
NEW = {
    "poisson": "rate_hz: 15000",
    "part": "rate_hz: 15000",
    "shared": "rate_hz: 15000",
    "wave": "amplitude_hz: 9000",
    "dc": "amplitude: 600",
    "ac": "offset: 500",
    "noise": "mean: 600",
    "ou": "sigma: 500",
    "white": "sigma_mV: 6",
    "gamma": "rate_hz: 1500",
    "gamma wave": "amplitude_hz: 850",
}


def network(drive: str, *changes: str, duration: float = 100) -> Any:
    listed = "".join(f"  c{k}: {{drive: x, {change}}}\n" for k, change in enumerate(changes))
    text = f"{CELLS}drives:\n  x: {{target: E, {DRIVES[drive]}}}\n" + (f"changes:\n{listed}" if changes else "")
    return network_of(text.replace("duration_ms: 100", f"duration_ms: {duration:g}"))


def with_new(drive: str) -> Any:
    """The drive as it is after the change."""
    name, _, value = NEW[drive].partition(": ")
    return network_of(f"{CELLS}drives:\n  x: {{target: E, {DRIVES[drive]}}}\n", f"drives.x.{name}={value}")


@pytest.mark.parametrize("drive", DRIVES)
def test_a_change_at_time_0_equals_the_value_in_the_configuration(drive: str) -> None:
    np.testing.assert_array_equal(simulate(network(drive, f"set: {{{NEW[drive]}}}")), simulate(with_new(drive)))


@pytest.mark.parametrize("drive", DRIVES)
def test_a_change_acts_from_its_step_on(drive: str) -> None:
    before, after = simulate(network(drive)), simulate(network(drive, f"t_ms: 50.3, set: {{{NEW[drive]}}}"))
    assert len(before) > 50
    np.testing.assert_array_equal(after[after[:, 0] < 503], before[before[:, 0] < 503])
    assert len(after) != len(before)


@pytest.mark.parametrize("drive", DRIVES)
def test_a_change_to_the_same_value_changes_no_spike(drive: str) -> None:
    name = NEW[drive].partition(":")[0]
    item = load_config_text(f"{CELLS}drives:\n  x: {{target: E, {DRIVES[drive]}}}\n").drives["x"]
    value = getattr(item, name)
    same = value if isinstance(value, float) else "{distribution: uniform, low: 8000, high: 12000}"
    np.testing.assert_array_equal(
        simulate(network(drive, f"t_ms: 33.3, set: {{{name}: {same}}}")), simulate(network(drive))
    )


@pytest.mark.parametrize("drive", DRIVES)
def test_off_and_on_are_windows(drive: str) -> None:
    switched = network(drive, "t_ms: 20, on: false", "t_ms: 61.7, on: true")
    text = f"{CELLS}drives:\n  x: {{target: E, windows_ms: [[0, 20], [61.7, 100]], {DRIVES[drive]}}}\n"
    np.testing.assert_array_equal(simulate(switched), simulate(network_of(text)))


@pytest.mark.parametrize("drive", ["gamma", "gamma wave"])
def test_trains_whose_rate_changes_go_on_with_the_interval_that_is_under_way(drive: str) -> None:
    """All stretches are one process, with as many spikes as the integral of the rate says."""
    stepped = network(drive, *(f"t_ms: {t}, set: {{rate_hz: {900 + 5 * t}}}" for t in (20, 40, 60, 80)))
    players = {id(drive.trains) for drive in stepped.drives}
    assert len(stepped.drives) == 5
    assert len(players) == 1
    expected = 0.02 * sum((900, 1000, 1100, 1200, 1300))
    steps, _ = Player(stepped, stepped.drives[0], np.arange(60, dtype=np.uint32), stepped.seed).spikes(0, 1000)
    assert len(steps) / 60 == pytest.approx(expected, rel=0.02)


def test_a_weight_changes_and_can_change_its_sign() -> None:
    """Weights that were 0 give what begins later; negative ones reach the inhibitory port."""
    changed = network("poisson", "t_ms: 10, set: {weight_pA: -90}", "t_ms: 40, set: {weight_pA: 75}")
    spikes = simulate(changed)
    plain = simulate(network("poisson"))
    np.testing.assert_array_equal(spikes[spikes[:, 0] < 100], plain[plain[:, 0] < 100])
    assert not ((spikes[:, 0] > 120) & (spikes[:, 0] < 400)).any()
    assert (spikes[:, 0] > 500).any()
    assert [drive.weight * changed.families[0].channels[drive.channel].quantum for drive in changed.drives] == [
        pytest.approx(weight, rel=1e-3) for weight in (60, -90, 75)
    ]


def test_the_bound_of_sums_counts_one_form_of_a_drive() -> None:
    changed = network("poisson", "t_ms: 10, set: {weight_pA: 90}", "t_ms: 40, set: {weight_pA: 75}")
    largest = max(drive.weight for drive in changed.drives)
    assert drive_bound(changed.drives) == MAX_COUNT * largest
    assert changed.families[0].channels[0].max_weight >= largest


ALL = [f"t_ms: {k * 9 + 7.7:g}, set: {{{new}}}" for k, new in enumerate(["rate_hz: 15000", "weight_pA: 80"])]


def test_ranks_threads_and_chunks_do_not_matter() -> None:
    changed = network("part", *ALL, "t_ms: 60, on: false")
    expected = simulate(changed)
    assert len(expected) > 50
    np.testing.assert_array_equal(simulate(changed, threads=2, chunks=[77, 78, 200, 555]), expected)
    np.testing.assert_array_equal(simulate_ranks(changed, 3), expected)


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.parametrize("drive", ["part", "ou", "poisson", "gamma"])
@pytest.mark.parametrize("plan", ["general", "persistent"])
def test_a_gpu_gives_the_same(drive: str, plan: str) -> None:
    changed = network(
        drive, f"t_ms: 13.3, set: {{{NEW[drive]}}}", "t_ms: 30, on: false", "t_ms: 35, on: true", duration=50
    )
    np.testing.assert_array_equal(on_gpu(changed, ShimDevice(), plan)[0], simulate(changed))


@pytest.mark.parametrize(
    ("drive", "change", "message"),
    [
        ("dc", "t_ms: 5, set: {rate_hz: 5}", "changes.c0.set.rate_hz: 'rate_hz' of a dc drive cannot change"),
        ("poisson", "t_ms: 5, set: {rate_hz: -5}", "changes.c0.set.rate_hz"),
        ("poisson", "t_ms: 5, set: {rate_hz: 1.0e+9}", "changes.c0.set.rate_hz: 100000 events per step"),
        ("poisson", "t_ms: 5, set: {weight_mV: 5}", "'weight_mV' of a poisson drive cannot change"),
        ("ou", "t_ms: 5, set: {sigma: -1}", "changes.c0.set.sigma"),
        ("ou", "t_ms: 5, set: {tau_ms: 2}", "'tau_ms' of a ou_current drive cannot change"),
        ("dc", "t_ms: 5.55, set: {amplitude: 5}", "not a whole number of steps"),
        ("dc", "set: {amplitude: .nan}", "amplitude"),
        ("dc", "t_ms: 5", "nothing changes"),
        ("dc", "times_ms: [5, 4], values: {amplitude: [1, 2]}", "times_ms must ascend"),
        ("dc", "times_ms: [5, 6], values: {amplitude: [1]}", "times_ms has 2 entries"),
        ("dc", "neurons: [1], set: {amplitude: 5}", "changes as a whole"),
    ],
)
def test_what_cannot_be_is_told_where_it_is(drive: str, change: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        network(drive, change)
    assert message in str(caught.value)
    assert "changes.c0" in str(caught.value)


def test_an_unknown_drive() -> None:
    with pytest.raises(InputError, match="there is no drive 'y'"):
        network_of(CELLS + "drives: {x: {kind: dc, target: E, amplitude: 4}}\nchanges: {c: {drive: y, on: false}}\n")
