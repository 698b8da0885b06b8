"""Neurons with an adaptive threshold against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import get_model
from dtbsim.models.integration import propagator_alpha, propagator_exp, propagator_matrix

MAT = {
    "C_m_pF": 200.0, "tau_m_ms": 10.0, "E_L_mV": -70.0, "omega_mV": -58.0, "t_ref_ms": 2.0, "tau_1_ms": 10.0,
    "tau_2_ms": 150.0, "alpha_1_mV": 15.0, "alpha_2_mV": 2.0,
}  # fmt: skip


def follow_mV(t_ms: np.ndarray, beta: float, tau_v: float, size_mV: float) -> np.ndarray:
    """beta int_0^t s exp(-s/tau_v) dV/dt(t - s) ds for V = size (1 - exp(-t/tau_m)), tau_m = 10 ms."""
    a = 1.0 / tau_v - 0.1
    if abs(a) < 1e-4:
        kernel = t_ms**2 / 2.0 - a * t_ms**3 / 3.0
    else:
        kernel = (1.0 - np.exp(-a * t_ms) * (1.0 + a * t_ms)) / a**2
    return beta * size_mV / 10.0 * np.exp(-t_ms / 10.0) * kernel


def spikes_by_hand(current_pA: float, beta: float, tau_v: float, dt: float, n: int) -> list[int]:
    """Steps at which the closed form of V reaches that of the threshold, all in float64."""
    t = dt * np.arange(1, n + 1)
    v = current_pA * 0.05 * (1.0 - np.exp(-t / 10.0))
    resting = 12.0 + follow_mV(t, beta, tau_v, current_pA * 0.05)
    spikes: list[int] = []
    for k in range(1, n + 1):
        ages = dt * (k - np.array(spikes))
        if spikes and k - spikes[-1] <= round(2.0 / dt):
            continue
        if v[k - 1] >= resting[k - 1] + (15.0 * np.exp(-ages / 10.0) + 2.0 * np.exp(-ages / 150.0)).sum():
            spikes.append(k)
    return spikes


@pytest.mark.parametrize("dt_ms", [0.1, 0.5])
@pytest.mark.parametrize("current_pA", [230.0, 400.0, 900.0])
@pytest.mark.parametrize(("model", "beta", "tau_v"), [
    ("mat2_psc_exp", 0.0, 5.0), ("amat2_psc_exp", 0.0, 5.0), ("amat2_psc_exp", -0.3, 5.0), ("amat2_psc_exp", 0.2, 5.0),
    ("amat2_psc_exp", -0.3, 10.0),
])  # fmt: skip
def test_adaptation_to_a_constant_current(
    model: str, beta: float, tau_v: float, current_pA: float, dt_ms: float
) -> None:
    own = {"beta_per_ms": beta, "tau_v_ms": tau_v} if model == "amat2_psc_exp" else {}
    n = round(300.0 / dt_ms)
    expected = spikes_by_hand(current_pA, beta, tau_v, dt_ms, n)
    found = SinglePopulation(get_model(model), 1, dt_ms, MAT | own | {"I_e_pA": current_pA}).run(n)[0]
    assert found.tolist() == expected
    assert len(expected) > 3 or current_pA == 230.0


@pytest.mark.parametrize("tau_v_ms", [2.0, 9.9999, 10.0, 10.0001, 40.0])
@pytest.mark.parametrize("input_kind", ["current", "spike"])
def test_the_threshold_follows_the_potential(tau_v_ms: float, input_kind: str) -> None:
    """After a current step, and after a synaptic current, against a sum over the past of the potential."""
    dt, n = 0.1, 600
    parameters = MAT | {"omega_mV": 100.0, "tau_v_ms": tau_v_ms, "beta_per_ms": -0.4, "tau_syn_ex_ms": 10.0}
    population = SinglePopulation(get_model("amat2_psc_exp"), 1, dt, parameters, use_stim=True)
    found, t = [], dt * np.arange(1, n + 1)
    for k in range(n):
        population.step(
            {0: 300} if input_kind == "spike" and k == 0 else None, 200.0 if input_kind == "current" else 0.0
        )
        found.append(float(population.state("V_th_v_mV")[0]))
    if input_kind == "current":
        np.testing.assert_allclose(found, follow_mV(t, -0.4, tau_v_ms, 10.0), rtol=2e-5, atol=2e-5)
        return
    fine = np.linspace(0.0, t[-1] - dt, 11_981)
    slope = 300.0 / 200.0 * np.exp(-fine / 10.0) * (1.0 - fine / 10.0)
    kernel = fine * np.exp(-fine / tau_v_ms)
    memory = -0.4 * fine[1] * (np.convolve(kernel, slope)[: fine.size] - 0.5 * kernel * slope[0])
    np.testing.assert_allclose(found[1:], memory[20::20], rtol=1e-4, atol=1e-4)


def test_the_matrix_gives_the_closed_propagators() -> None:
    """Chain slope -> current -> potential, also for many matrices at once, for equal time constants and long steps."""
    for dt in (0.1, 1.0, 20.0):
        tau_s, tau_m, C = np.array([0.3, 2.0, 10.0, 10.0001, 30.0]), 10.0, 250.0
        rates = np.zeros((5, 3, 3))
        rates[:, 0, 0] = rates[:, 1, 1] = -1.0 / tau_s
        rates[:, 1, 0], rates[:, 2, 1], rates[:, 2, 2] = 1.0, 1.0 / C, -1.0 / tau_m
        exact = propagator_matrix(rates, dt)
        np.testing.assert_allclose(exact[:, 2, 1], propagator_exp(tau_s, tau_m, C, dt), rtol=1e-9)
        np.testing.assert_allclose(exact[:, 2, 0], propagator_alpha(tau_s, tau_m, C, dt), rtol=1e-9)
        np.testing.assert_allclose(exact[:, 1, 0], dt * np.exp(-dt / tau_s), rtol=1e-9)
        np.testing.assert_allclose(propagator_matrix(rates[2], dt), exact[2], rtol=1e-13)


def test_without_beta_the_follower_is_left_out() -> None:
    model = get_model("amat2_psc_exp")
    simple = model.simplify({})
    assert simple is not model
    assert (simple.name, simple.parameters) == (model.name, model.parameters)
    assert model.simplify({"beta_per_ms": -0.1}) is model
    assert model.simplify({"beta_per_ms": np.zeros(2)}) is simple
    assert model.simplify({"beta_per_ms": np.array([0.0, 0.1])}) is model
    assert model.simplify({}, {"V_th_v_mV": 0.0}) is simple
    assert model.simplify({}, {"V_th_v_mV": 0.5}) is model
    assert {"V_th_v_mV"} <= {row.name for row in simple.with_states(["V_th_v_mV"]).states}
    assert simple.with_states(["V_th_alpha_1_mV"]) is simple
    draw = np.random.default_rng(4)
    full, less = (SinglePopulation(m, 20, 0.1, MAT | {"I_e_pA": 300.0}) for m in (model, simple))
    count = 0
    for _ in range(3000):
        inputs = {0: draw.integers(0, 60, 20), 1: -draw.integers(0, 40, 20)}
        assert np.array_equal(full.step(inputs), less.step(inputs))
        count += int(full.spk.sum())
        assert np.array_equal(full.state("V_m_mV"), less.state("V_m_mV"))
    assert count > 100


@pytest.mark.parametrize("name", ["mat2_psc_exp", "amat2_psc_exp"])
def test_a_silent_neuron_comes_to_exact_rest(name: str) -> None:
    own = {"beta_per_ms": -0.3} if name == "amat2_psc_exp" else {}
    model = get_model(name)
    population = SinglePopulation(model, 1, 1.0, MAT | own, {"V_m_mV": -50.0})
    spikes = 0
    for step in range(8000):
        spikes += int(population.step({0: 70, 1: -7} if step == 0 else None)[0])
        assert all(np.all((x == 0) | (abs(x) >= 1e-15)) for x in map(population.state, population.offsets))
    assert spikes >= 1
    assert not any(population.state(row.name).any() for row in model.states)


@pytest.mark.parametrize("name", ["mat2_psc_exp", "amat2_psc_exp"])
def test_a_step_without_spikes_is_needed(name: str) -> None:
    with pytest.raises(InputError, match="t_ref_ms is 0 ms; allowed"):
        get_model(name).check({"t_ref_ms": 0.0}, 0.1)
    with pytest.raises(InputError) as caught:
        get_model(name).check({"t_ref_ms": 1e-4}, 0.1)
    assert caught.value.message == f"t_ref_ms is 0.0001; model '{name}' needs at least one step"
    assert caught.value.remedy == "give t_ref_ms of 0.1 or more"
