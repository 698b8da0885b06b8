"""Current- and conductance-based neurons against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

MEMBRANE = {"C_m_pF": 250.0, "tau_m_ms": 10.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -60.0, "t_ref_ms": 2.0}


@pytest.mark.parametrize("tau_syn_ms", [0.5, 2.0, 9.99, 10.0, 10.0001, 30.0])
def test_potential_and_current_of_an_alpha_synapse(tau_syn_ms: float) -> None:
    """Current w e/tau t exp(-t/tau), whose peak is w at tau; its potential, at equal time constants e w t^2 / (2 C tau)
    exp(-t/tau)."""
    weight, dt = 100, 0.1
    population = SinglePopulation(get_model("iaf_psc_alpha"), 1, dt, MEMBRANE | {"tau_syn_ex_ms": tau_syn_ms})
    population.step({0: weight})
    largest = 0.0
    for step in range(1, 1201):
        population.step()
        t, tau, scale = dt * step, tau_syn_ms, weight * np.e / tau_syn_ms
        assert population.state("I_syn_ex_pA")[0] == pytest.approx(scale * t * np.exp(-t / tau), rel=2e-4, abs=1e-4)
        a = 1.0 / tau - 1.0 / 10.0
        if abs(a) * t < 0.02:
            expected = scale / 250.0 * np.exp(-t / 10.0) * (t**2 / 2.0 - a * t**3 / 3.0)
        else:
            expected = scale / 250.0 * (np.exp(-t / 10.0) - np.exp(-t / tau) * (1.0 + a * t)) / a**2
        largest = max(largest, expected)
        assert population.recorded("V_m_mV")[0] == pytest.approx(-65.0 + expected, abs=6e-5)
    assert largest > 0.3


def test_one_alpha_current_only_where_it_is_the_same_for_all() -> None:
    model = get_model("iaf_psc_alpha")
    simple = model.simplify({})
    assert [row.channel for row in simple.receptors] == [0, 0]
    assert model.simplify({"tau_syn_ex_ms": 0.5, "tau_syn_in_ms": 0.5}) is simple
    assert model.simplify({"tau_syn_ex_ms": 0.5}) is model
    assert model.simplify({"tau_syn_ex_ms": np.full(2, 2.0)}) is simple
    assert model.simplify({"tau_syn_ex_ms": np.array([2.0, 2.5])}) is model
    assert model.simplify({"tau_syn_ex_ms": np.nan, "tau_syn_in_ms": np.nan}) is model
    assert simple.with_states(["V_m_mV", "refractory"]) is simple
    assert {"dI_syn_in_pA_per_ms", "V_m_mV"} <= {row.name for row in simple.with_states(["dI_syn_in_pA_per_ms"]).states}


def test_a_kick_moves_the_potential_and_is_lost_during_refractoriness() -> None:
    population = SinglePopulation(get_model("iaf_psc_delta"), 1, 0.1, MEMBRANE | {"t_ref_ms": 0.3})
    population.step({0: 4})
    assert population.recorded("V_m_mV")[0] == -61.0
    population.step()
    assert population.recorded("V_m_mV")[0] == pytest.approx(-65.0 + 4.0 * np.exp(-0.01), abs=1e-6)
    assert population.step({0: 40})[0] == 1, "the jump reaches the threshold in the step in which it arrives"
    for _ in range(3):
        assert population.step({0: 40})[0] == 0
        assert population.recorded("V_m_mV")[0] == -60.0
    assert population.step({0: 40})[0] == 1


COND = {"C_m_pF": 250.0, "g_L_nS": 17.0, "E_L_mV": -70.0, "E_ex_mV": 0.0, "E_in_mV": -85.0, "V_reset_mV": -60.0}


@pytest.mark.parametrize("name", ["iaf_cond_exp", "iaf_cond_alpha"])
@pytest.mark.parametrize("dt_ms", [0.1, 1.0])
def test_f_i_curve_of_a_conductance_based_neuron(name: str, dt_ms: float) -> None:
    """Without synaptic input it is the leaky integrator with tau_m = C_m / g_L."""
    parameters = COND | {"V_th_mV": -52.0, "t_ref_ms": 2.0}
    tau, rheobase = 250.0 / 17.0, 17.0 * 18.0
    currents = rheobase * np.array([0.5, 0.999, 1.03, 1.1, 1.5, 2.0, 4.0])
    spikes = SinglePopulation(get_model(name), len(currents), dt_ms, parameters | {"I_e_pA": currents}).run(
        int(1000 / dt_ms)
    )
    assert [len(times) for times in spikes[:2]] == [0, 0]
    for current, times in zip(currents[2:], spikes[2:], strict=True):
        drive = current / 17.0
        charge = tau * np.log((drive - 10.0) / (drive - 18.0)) / dt_ms
        assert set(np.diff(times)) == {int(np.ceil(charge) + round(2.0 / dt_ms))}


def conductance_reference(alpha: bool, weights: dict[int, tuple[float, float]], n_ms: int, taus: tuple[float, float]):  # type: ignore[no-untyped-def]
    """Potential at every ms by Runge-Kutta of the equations in float64 with 0.002 ms; weights arrive at whole ms."""
    h, tau = 0.002, np.array(taus)
    v, g, s, found = -70.0, np.zeros(2), np.zeros(2), []

    def slopes(v, g, s):  # type: ignore[no-untyped-def]
        rise = s - g / tau if alpha else -g / tau
        return (-17.0 * (v + 70.0) - g[0] * v - g[1] * (v + 85.0) + 50.0) / 250.0, rise, -s / tau

    for ms in range(n_ms):
        for _ in range(500):
            k1 = slopes(v, g, s)
            k2 = slopes(v + h / 2 * k1[0], g + h / 2 * k1[1], s + h / 2 * k1[2])
            k3 = slopes(v + h / 2 * k2[0], g + h / 2 * k2[1], s + h / 2 * k2[2])
            k4 = slopes(v + h * k3[0], g + h * k3[1], s + h * k3[2])
            v, g, s = (x + h / 6 * (a + 2 * b + 2 * c + d) for x, a, b, c, d in zip((v, g, s), k1, k2, k3, k4))  # noqa: B905
        jump = np.array(weights.get(ms, (0.0, 0.0)))
        g, s = (g, s + jump * np.e / tau) if alpha else (g + jump, s)
        found.append(v)
    return np.array(found)


@pytest.mark.parametrize("name", ["iaf_cond_exp", "iaf_cond_alpha"])
@pytest.mark.parametrize(
    ("taus", "dt_ms", "bound_mV"), [((0.2, 2.0), 0.1, 5e-5), ((0.2, 2.0), 1.0, 0.05), ((1.7, 6.3), 1.0, 5e-3)]
)
def test_error_of_the_conductance_scheme(name: str, taus: tuple[float, float], dt_ms: float, bound_mV: float) -> None:
    """Below threshold, with input that moves the potential by tens of mV, against a fine Runge-Kutta integration."""
    draw = np.random.default_rng(3)
    strong = 5 if taus[0] < 1.0 else 1
    weights = {ms: (float(strong * draw.integers(0, 30)), float(draw.integers(0, 20))) for ms in range(0, 60, 3)}
    expected = conductance_reference(name == "iaf_cond_alpha", weights, 60, taus)
    parameters = COND | {"V_th_mV": 50.0, "I_e_pA": 50.0, "tau_syn_ex_ms": taus[0], "tau_syn_in_ms": taus[1]}
    population = SinglePopulation(get_model(name), 1, dt_ms, parameters)
    per_ms, found = round(1.0 / dt_ms), []
    for step in range(60 * per_ms):
        ms, rest = divmod(step + 1, per_ms)
        population.step(dict(enumerate(weights.get(ms - 1, (0, 0)))) if rest == 0 else None)
        if rest == 0:
            found.append(population.recorded("V_m_mV")[0])
    assert np.ptp(expected) > 8.0
    assert np.max(np.abs(found - expected)) < bound_mV


@pytest.mark.parametrize("name", ["iaf_cond_exp", "iaf_cond_alpha"])
def test_any_step_is_stable(name: str) -> None:
    """With dt 50 times tau_syn and conductances 60 times the leak, V stays within 10 mV of the reversal potentials."""
    parameters = COND | {"V_th_mV": 50.0, "tau_syn_ex_ms": 0.2, "tau_syn_in_ms": 0.2}
    population = SinglePopulation(get_model(name), 2, 10.0, parameters)
    for step in range(200):
        population.step({step % 2: [1000, 50]})
        v = population.recorded("V_m_mV")
        assert np.all((v > -95.0) & (v < 10.0))


@pytest.mark.parametrize("name", ["iaf_cond_exp", "iaf_cond_alpha"])
def test_a_silent_conductance_comes_to_exact_rest(name: str) -> None:
    population = SinglePopulation(get_model(name), 1, 1.0, COND, {"V_m_mV": -62.0})
    for step in range(2000):
        population.step({0: 2, 1: 3} if step == 0 else None)
        assert all(np.all((x == 0) | (abs(x) >= 1e-15)) for x in map(population.state, population.offsets))
    assert not any(population.state(row.name).any() for row in population.model.states)
