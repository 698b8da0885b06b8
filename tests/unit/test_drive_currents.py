"""Injected currents: their courses against closed forms, noise against the moments of its distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from tests.helpers.networks import network_of
from tests.helpers.stimulus import currents_of
from tests.unit.config_samples import assert_for_people

from dtbsim.errors import InputError

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: DURATION, block_size: 64}
populations: {N: {model: iaf_psc_exp, size: SIZE}}
drives: {d: DRIVE}
"""


def network(drive: str, duration_ms: float = 5, size: int = 3, *overrides: str) -> Any:
    text = TEXT.replace("DRIVE", drive).replace("DURATION", f"{duration_ms:g}").replace("SIZE", str(size))
    return network_of(text, *overrides)


def course(drive: str, duration_ms: float = 5) -> Any:
    """The current of every step, which must be the same for all neurons."""
    found = currents_of(network(drive, duration_ms))
    assert (found == found[:, :1]).all()
    return found[:, 0]


# -- courses ----------------------------------------------------------------------------------------------------------


def test_steps() -> None:
    found = course("{kind: step_current, target: N, times_ms: [0.5, 1.0, 3.0], amplitudes: [1.5, -2, 4]}")
    assert found.tolist() == [0.0] * 5 + [1.5] * 5 + [-2.0] * 20 + [4.0] * 20
    found = course("{kind: step_current, target: N, times_ms: [0.0], amplitudes: [3], windows_ms: [[1, 2], [4, 9]]}")
    assert np.flatnonzero(found == 3).tolist() == [*range(10, 20), *range(40, 50)]


def test_a_ramp() -> None:
    found = course(
        "{kind: ramp, target: N, from_amplitude: 10, to_amplitude: 4, duration_ms: 2, start_ms: 1, stop_ms: 4}"
    )
    steps = np.arange(50)
    expected = 10 - 6 * np.clip((steps - 10) / 20, 0, 1)
    expected[(steps < 10) | (steps >= 40)] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_ac_is_sinusoidal_and_its_phase_is_that_of_time_0() -> None:
    wave = "amplitude: 2, frequency_hz: 300, phase_deg: 40, offset: 1, start_ms: 1.5"
    found = course(f"{{kind: ac, target: N, {wave}}}")
    assert (found == course(f"{{kind: sinusoidal, target: N, {wave}}}")).all()
    steps = np.arange(50)
    expected = np.where(steps < 15, 0, 1 + 2 * np.sin(2 * np.pi * 0.3 * 0.1 * steps + np.radians(40)))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_pulses_keep_their_frequency_over_any_time() -> None:
    """130 pulses a second begin at the nearest steps of 0.1 ms, halves at even ones; chunks do not matter."""
    train = "amplitude: 3, frequency_hz: 130, width_ms: 0.3, recovery_amplitude: -1, recovery_ms: 0.9, start_ms: 2"
    wave = network(f"{{kind: pulse_train, target: N, {train}}}", 1000).drives[0].wave
    found = wave.values(np.arange(10_000), 0.1)
    begins = 20 + np.rint(np.arange(130) * 1000 / 130 / 0.1).astype(int)
    begins = begins[begins < 10_000]
    expected = np.zeros(10_100)
    for begin in begins:
        expected[begin : begin + 3] = 3.0
        expected[begin + 3 : begin + 12] = -1.0
    np.testing.assert_array_equal(found, expected[:10_000])
    np.testing.assert_array_equal(wave.values(np.arange(777, 1234), 0.1), found[777:1234])
    halves = (
        network("{kind: pulse_train, target: N, amplitude: 1, frequency_hz: 4000, width_ms: 0.1}", 2).drives[0].wave
    )
    assert np.flatnonzero(halves.values(np.arange(20), 0.1)).tolist() == [0, 2, 5, 8, 10, 12, 15, 18]


# -- noise ------------------------------------------------------------------------------------------------------------

SD = 5.0
"""Tolerances are five standard deviations of the estimate."""


def moments_fit(values: Any, mean: float, sd: float) -> None:
    """Mean and variance of independent normal samples: their errors are sd / sqrt(n) and sd^2 sqrt(2 / n)."""
    n = values.size
    assert abs(values.mean() - mean) < SD * sd / np.sqrt(n)
    assert abs(values.var() - sd**2) < SD * sd**2 * np.sqrt(2 / n)


def test_white_noise_is_normal_and_independent() -> None:
    drive = "{kind: noise_current, target: N, mean: 30, std: 12}"
    found = currents_of(network(drive, 20, 600)).astype(np.float64)
    moments_fit(found, 30, 12)
    z = (found - 30) / 12
    order = np.sort(z.ravel())
    distance = np.abs(ndtr(order) - (np.arange(order.size) + 0.5) / order.size).max()
    assert distance < 2.0 / np.sqrt(order.size), "Kolmogorov-Smirnov: 2 is passed once in 1500 cases"
    n = z[1:].size
    for lag in range(1, 6):
        assert abs((z[lag:] * z[:-lag]).mean()) < SD / np.sqrt(n - 600 * lag), "from step to step"
        assert abs((z[:, lag:] * z[:, :-lag]).mean()) < SD / np.sqrt(n - 200 * lag), "from neuron to neuron"


def test_a_value_is_held_for_its_interval_counted_from_the_start() -> None:
    found = currents_of(network("{kind: noise_current, target: N, std: 1, dt_ms: 0.3, start_ms: 0.5}", 5, 400))
    assert (found[:5] == 0).all()
    held = found[5:50].reshape(15, 3, 400)
    assert (held == held[:, :1]).all()
    assert (np.diff(held[:, 0], axis=0) != 0).all(axis=0).mean() > 0.99
    moments_fit(held[:, 0].astype(np.float64), 0, 1)


@pytest.mark.parametrize("kind", ["noise_current, std: 2", "ou_current, tau_ms: 3, sigma: 2"])
def test_shared_noise_is_one_course_for_all_targets(kind: str) -> None:
    found = currents_of(network(f"{{kind: {kind}, target: N, shared: true, mean: 1}}", 100, 130), threads=2)
    assert (found == found[:, :1]).all()
    assert np.unique(found[:, 0]).size > 900
    apart = currents_of(network(f"{{kind: {kind}, target: N, mean: 1}}", 1, 130))
    assert np.unique(apart[0]).size > 120


def test_a_process_is_stationary_from_its_start_and_forgets_with_its_time_constant() -> None:
    """Pairs of one neuron at two moments, 4000 neurons: a correlation rho has the error (1 - rho^2) / sqrt(4000)."""
    drive = "{kind: ou_current, target: N, mean: -4, sigma: 20, tau_ms: 2.5, start_ms: 1}"
    found = currents_of(network(drive, 9, 4000)).astype(np.float64)
    assert (found[:10] == 0).all()
    for step in (10, 11, 30, 89):
        moments_fit(found[step], -4, 20)
    x = (found[10:] + 4) / 20
    for lag in (1, 5, 25, 50):
        rho = np.exp(-lag * 0.1 / 2.5)
        for first in (0, 11):
            measured = np.corrcoef(x[first], x[first + lag])[0, 1]
            assert abs(measured - rho) < SD * (1 - rho**2) / np.sqrt(4000), (lag, first)
    residual = x[1:] - np.exp(-0.1 / 2.5) * x[:-1]
    moments_fit(residual, 0, float(np.sqrt(1 - np.exp(-0.2 / 2.5))))


def test_a_process_goes_on_while_it_is_switched_off() -> None:
    drive = "{kind: ou_current, target: N, sigma: 1, tau_ms: 3, WINDOWS}"
    whole = currents_of(network(drive.replace("WINDOWS", "start_ms: 0.4"), 5, 50))
    cut = currents_of(network(drive.replace("WINDOWS", "windows_ms: [[0.4, 2], [3, 4]]"), 5, 50))
    on = [*range(4, 20), *range(30, 40)]
    assert (cut[on] == whole[on]).all()
    assert (np.delete(cut, on, axis=0) == 0).all()


def test_a_slow_process_keeps_its_variance() -> None:
    """At tau = 10^5 steps the decay differs from 1 by 168 units in the last place."""
    found = currents_of(network("{kind: ou_current, target: N, sigma: 1, tau_ms: 10000}", 50, 3000)).astype(np.float64)
    moments_fit(found[-1], 0, 1)
    step = np.diff(found, axis=0)
    assert abs(step.var() / 2e-5 - 1) < 0.01


def test_drives_have_noise_of_their_own() -> None:
    one = "{kind: noise_current, target: N, std: 1}"
    both = network(one, 1, 2000, f"drives.e={one}")
    moments_fit(currents_of(both).astype(np.float64), 0, float(np.sqrt(2)))
    assert (currents_of(network(one, 1, 20)) != currents_of(network(one, 1, 20, "seed=2"))).mean() > 0.99


# -- mistakes ---------------------------------------------------------------------------------------------------------

WRONG = {
    "lengths": (
        "{kind: step_current, target: N, times_ms: [1, 2], amplitudes: [1]}",
        "times_ms has 2 entries",
        "drives.d",
    ),
    "order": (
        "{kind: step_current, target: N, times_ms: [2, 2], amplitudes: [1, 3]}",
        "must ascend; got 2",
        "drives.d",
    ),
    "none": ("{kind: step_current, target: N, times_ms: [], amplitudes: []}", "got []", "drives.d.times_ms"),
    "interval": ("{kind: noise_current, target: N, std: 1, dt_ms: 0.25}", "0.25 ms is not a whole", "drives.d.dt_ms"),
    "short": ("{kind: noise_current, target: N, std: 1, dt_ms: 0.01}", "0.01 ms is not a whole", "drives.d.dt_ms"),
    "std": ("{kind: noise_current, target: N, std: -1}", "got -1", "drives.d.std"),
    "memory": ("{kind: ou_current, target: N, sigma: 1, tau_ms: 1e6}", "is more than 1000000 steps", "drives.d.tau_ms"),
    "pulses": (
        "{kind: pulse_train, target: N, amplitude: 1, frequency_hz: 200, width_ms: 6}",
        "pulses of 6 ms do not fit 5 ms",
        "drives.d",
    ),
    "often": (
        "{kind: pulse_train, target: N, amplitude: 1, frequency_hz: 10000.1, width_ms: 0.0}",
        "got 0",
        "width_ms",
    ),
    "ramp": ("{kind: ramp, target: N, from_amplitude: 1, to_amplitude: 2, duration_ms: 0}", "got 0", "duration_ms"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_mistakes_are_told_where_they_are(name: str) -> None:
    drive, said, where = WRONG[name]
    with pytest.raises(InputError) as caught:
        network(drive)
    assert said in caught.value.message
    assert (caught.value.where or "").endswith(where)
    assert_for_people(caught.value)


def test_a_source_takes_no_current() -> None:
    text = "simulation: {duration_ms: 1}\npopulations: {S: {model: spike_source, size: 2}}\n"
    with pytest.raises(InputError, match="model 'spike_source' takes no input current"):
        network_of(text, "drives.d={kind: ou_current, target: S, sigma: 1, tau_ms: 5}")


@pytest.mark.parametrize(
    ("model", "drive", "message"),
    [
        ("iaf_psc_exp", "", "give sigma_mV or sigma_pA"),
        ("iaf_psc_exp", "sigma_mV: 1, sigma_pA: 1", "not both"),
        ("iaf_psc_exp", "sigma_mV: -1", "got -1"),
        ("iaf_psc_exp", "sigma_mV: 1, tau_ms: 1e7", "more than 1000000 steps"),
        ("izhikevich", "sigma_mV: 1", "current in mV/ms"),
        ("izhikevich_2007", "sigma_pA: 1", "drives.d.tau_ms: model 'izhikevich_2007' has no time constant"),
        (
            "iaf_psc_exp, parameters: {tau_m_ms: {distribution: uniform, low: 8, high: 12}}",
            "sigma_pA: 1",
            "tau_m_ms differs between the neurons of population 'P'",
        ),
    ],
)
def test_bad_white_noise(model: str, drive: str, message: str) -> None:
    text = f"""\
simulation: {{duration_ms: 10}}
populations: {{P: {{size: 5, model: {model}}}}}
drives: {{d: {{kind: white_noise, target: P, {drive}}}}}
"""
    with pytest.raises(InputError) as caught:
        network_of(text)
    assert message in str(caught.value)
