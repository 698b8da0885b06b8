"""Quadratic integrate-and-fire and theta neurons: closed forms, and the mean field of Montbrio, Pazo, Roxin 2015."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, Parameter, State, get_model
from dtbsim.models.neurons.theta import COS_SQUARE_ERROR, cos_square

QIF, THETA = get_model("qif"), get_model("theta")
TAU_MS = 10.0
DT_MS = 0.1
ETAS = np.array([0.01, 0.1, 1.0, 4.0, 25.0, 100.0])


def rate_hz(eta: Any) -> Any:
    """f = sqrt(eta) / (pi tau)."""
    return np.sqrt(eta) / (np.pi * TAU_MS) * 1000.0


def measured_hz(model: NeuronModel, eta: Any, dt_ms: float = DT_MS, duration_ms: float = 2000.0) -> Any:
    """From the first to the last spike of every neuron."""
    population = SinglePopulation(model, len(eta), dt_ms, {"eta": eta, "tau_m_ms": TAU_MS})
    rates = [(len(s) - 1) / (s[-1] - s[0]) / dt_ms * 1000.0 for s in population.run(round(duration_ms / dt_ms))]
    return np.array(rates)


@pytest.mark.parametrize("dt_ms", [0.1, 0.5])
@pytest.mark.parametrize("model", [QIF, THETA], ids=["qif", "theta"])
def test_the_rate_is_the_square_root_law(model: NeuronModel, dt_ms: float) -> None:
    eta = ETAS if dt_ms == DT_MS else ETAS[:-2]
    np.testing.assert_allclose(measured_hz(model, eta, dt_ms), rate_hz(eta), rtol=2e-3)


def test_theta_and_qif_have_the_same_f_i_curve() -> None:
    np.testing.assert_allclose(measured_hz(THETA, ETAS), measured_hz(QIF, ETAS), rtol=2e-3)


def test_theta_is_qif_below_threshold() -> None:
    """V = tan(theta / 2) under a current that changes and kicks of either sign."""
    V = np.array([-3.0, -1.0, 0.0, 0.4])
    qif = SinglePopulation(QIF, 4, DT_MS, {"eta": -1.0}, {"V_m": V}, [2.0**-6], use_stim=True)
    theta = SinglePopulation(THETA, 4, DT_MS, {"eta": -1.0}, {"theta": 2 * np.arctan(V)}, [2.0**-6], use_stim=True)
    for k in range(300):
        kicks = {0: np.array([2, -3, 1, -1]) if k % 25 == 7 else np.zeros(4, int)}
        current = 0.5 * np.sin(0.05 * k)
        assert not qif.step(kicks, current).any()
        assert not theta.step(kicks, current).any()
        np.testing.assert_allclose(np.tan(theta.state("theta") / 2), qif.state("V_m"), rtol=0, atol=0.02)


def test_qif_rests_at_minus_the_root_and_escapes_above_the_root() -> None:
    population = SinglePopulation(QIF, 2, DT_MS, {"eta": -4.0}, {"V_m": np.array([1.99, 2.01])})
    quiet, firing = population.run(3000)
    assert len(quiet) == 0
    assert len(firing) == 1
    assert population.state("V_m") == pytest.approx([-2.0, -2.0], abs=1e-4)


def test_the_way_from_reset_to_peak_takes_the_time_of_the_closed_form() -> None:
    """(atan(V_peak / r) - atan(V_reset / r)) tau / r with r = sqrt(eta), and t_ref, for a finite peak and reset."""
    parameters = {"eta": 2.0, "V_peak": 7.0, "V_reset": -1.5, "t_ref_ms": 3.3}
    (steps,) = SinglePopulation(QIF, 1, DT_MS, parameters).run(50_000)
    root = np.sqrt(2.0)
    period = TAU_MS * (np.arctan(7.0 / root) + np.arctan(1.5 / root)) / root + 3.3
    assert (steps[-1] - steps[0]) * DT_MS / (len(steps) - 1) == pytest.approx(period, rel=3e-4)


def test_the_potential_waits_at_the_reset_and_loses_kicks() -> None:
    population = SinglePopulation(QIF, 1, DT_MS, {"t_ref_ms": 1.0}, {"V_m": 200.0})
    assert population.step({0: 50})[0]
    for _ in range(8):
        assert population.state("V_m")[0] == -100.0
        assert not population.step({0: 50})[0]
    population.run(3)
    assert population.state("V_m")[0] > -100.0


class CosSquare(NeuronModel):
    name = "cos_square"
    summary = "test"
    parameters = (Parameter("x", "1", 0.0, "argument"),)
    states = (State("y", "1", "value"),)
    functions = (cos_square,)

    @staticmethod
    def update(y, x):  # type: ignore[no-untyped-def]
        return cos_square(x), False


def test_the_error_of_the_polynomial_is_the_stated_one() -> None:
    x = np.linspace(-4.0, 4.0, 20_001)
    population = SinglePopulation(CosSquare(), len(x), 0.1, {"x": x})
    population.step()
    assert np.abs(population.state("y") - np.cos(x / 2) ** 2).max() < COS_SQUARE_ERROR


# -- the mean field ----------------------------------------------------------------------------------------------------

DELTA, ETA, J = 1.0, -5.0, 15.0
"""Figures 1 and 2 of the paper: bistable."""
N = 40_000
"""The part of the Lorentzian beyond the last of N neurons has 1.5 % of the spikes of the low state."""


def pulse(t_ms: Any) -> Any:
    """A current of 3 for 30 membrane time constants, then none (figure 2, left)."""
    return np.where((t_ms >= 100.0) & (t_ms < 400.0), 3.0, 0.0)


def wave(t_ms: Any) -> Any:
    """3 sin(omega t) with omega tau = pi / 20 (figure 2, right)."""
    return 3.0 * np.sin(np.pi / 20.0 * t_ms / TAU_MS)


def mean_field(I: Any, delay_ms: float) -> Any:  # noqa: E741
    """Their equations 12, r in 1/ms, Euler at dt / 20, with the delay of the network.

    tau r' = Delta / (pi tau) + 2 r v, tau v' = v^2 + eta + J tau r + I - (pi tau r)^2
    """
    fine = 20
    h = DT_MS / fine / TAU_MS
    r, v = 0.002, -2.0
    late = [r] * round(delay_ms / DT_MS * fine)
    rates = []
    for current in np.repeat(I, fine):
        late.append(r)
        R = TAU_MS * r
        r, v = (
            r + h * (DELTA / np.pi + 2 * R * v) / TAU_MS,
            v + h * (v * v + ETA + J * TAU_MS * late.pop(0) + current - (np.pi * R) ** 2),
        )
        rates.append(r)
    return np.array(rates).reshape(len(I), fine).mean(axis=1)


def network(I: Any) -> Any:  # noqa: E741
    """Rate per neuron (1/ms) of N neurons, all to all with a delay of one step, excitabilities a Lorentzian."""
    index = np.arange(1, N + 1)
    eta = ETA + DELTA * np.tan(np.pi / 2 * (2 * index - N - 1) / (N + 1))
    population = SinglePopulation(QIF, N, DT_MS, {"eta": eta}, {"V_m": -2.0}, [J / N], use_stim=True)
    rates = []
    for current in I:
        fired = int(population.step({0: int(rates[-1]) if rates else 0}, current).sum())
        rates.append(fired)
    return np.array(rates) / (N * DT_MS)


def smooth(rates: Any, width_ms: float = 5.0) -> Any:
    n = round(width_ms / DT_MS)
    return rates[: len(rates) // n * n].reshape(-1, n).mean(axis=1)


DELAY_MS = 1.5 * DT_MS - 0.1
"""From the middle of a step to the end of the next, less t_ref / 2 by which V_peak precedes infinity."""


@pytest.mark.parametrize(("drive", "mean_bound", "largest_bound"), [(pulse, 0.015, 0.06), (wave, 0.05, 0.15)])
def test_a_network_follows_the_exact_mean_field(drive: Any, mean_bound: float, largest_bound: float) -> None:
    """In bins of 5 ms; the missing tail of the Lorentzian shifts the time at which the wave leaves the low state."""
    I = drive(np.arange(10_000) * DT_MS)  # noqa: E741
    expected, found = smooth(mean_field(I, DELAY_MS)), smooth(network(I))
    settled = 10
    difference = np.abs(found - expected)[settled:]
    assert expected.max() > 10 * expected[settled]
    assert np.mean(difference) < mean_bound * np.mean(expected)
    assert np.max(difference) < largest_bound * np.max(expected)


def test_both_stable_states_of_the_mean_field_are_those_of_the_network() -> None:
    """Before the pulse the low state, long after it the high one."""
    I = pulse(np.arange(10_000) * DT_MS)  # noqa: E741
    expected, found = mean_field(I, DELAY_MS), network(I)
    for window, bound in ((slice(700, 1000), 0.03), (slice(8000, 10_000), 0.01)):
        assert np.mean(found[window]) == pytest.approx(np.mean(expected[window]), rel=bound)
    assert np.mean(found[8000:]) > 10 * np.mean(found[700:1000])


@pytest.mark.parametrize(
    ("model", "changes", "dt_ms", "said"),
    [
        (QIF, {}, 1.1, "dt_ms is 1.1; model 'qif' needs dt_ms <= 1 with these parameters"),
        (THETA, {}, 1.1, "dt_ms is 1.1; model 'theta' needs dt_ms <= 1 with these parameters"),
        (THETA, {"eta": -100.0}, 0.2, "needs dt_ms <= 0.1 "),
        (QIF, {"V_reset": 101.0}, 0.1, "V_reset is 101 with V_peak 100; allowed: V_reset < V_peak"),
    ],
)
def test_what_is_refused(model: NeuronModel, changes: dict[str, float], dt_ms: float, said: str) -> None:
    with pytest.raises(InputError) as caught:
        model.check(changes, dt_ms)
    assert said in caught.value.message
