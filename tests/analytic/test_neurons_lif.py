"""Leaky integrate-and-fire neurons against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

MEMBRANE = {
    "C_m_pF": 250.0,
    "tau_m_ms": 10.0,
    "E_L_mV": -65.0,
    "V_th_mV": -50.0,
    "V_reset_mV": -60.0,
    "t_ref_ms": 2.0,
}
R = 10.0 / 250.0
"""Input resistance tau_m / C_m in GOhm: mV per pA."""
RHEOBASE_PA = 15.0 / R

MODELS = {
    "iaf_psc_exp": get_model("iaf_psc_exp"),
    "shared current": get_model("iaf_psc_exp").simplify({}),
    "multisynapse": get_model("iaf_psc_exp_multisynapse", {"ampa": 2.0, "gaba": 5.0}),
    "alpha": get_model("iaf_psc_alpha"),
    "shared alpha current": get_model("iaf_psc_alpha").simplify({}),
    "delta": get_model("iaf_psc_delta"),
}


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("dt_ms", [0.1, 1.0])
def test_f_i_curve(name: str, dt_ms: float) -> None:
    """Intervals are t_ref + tau ln((RI - V_reset') / (RI - V_th')), rounded up to the grid; nothing at rheobase."""
    currents = RHEOBASE_PA * np.concatenate([[0.0, 0.5, 0.999], np.geomspace(1.01, 8.0, 60)])
    steps = int(2000 / dt_ms)
    spikes = SinglePopulation(MODELS[name], len(currents), dt_ms, MEMBRANE | {"I_e_pA": currents}).run(steps)
    assert [len(s) for s in spikes[:3]] == [0, 0, 0]
    checked = 0
    for current, times in zip(currents[3:], spikes[3:], strict=True):
        drive = R * current
        charge = 10.0 * np.log((drive - 5.0) / (drive - 15.0)) / dt_ms
        if abs(charge - round(charge)) < 2e-3:
            continue
        first = np.ceil(10.0 * np.log(drive / (drive - 15.0)) / dt_ms)
        assert abs(times[0] - first) <= (1 if abs(current / RHEOBASE_PA - 1) < 0.02 else 0)
        intervals = np.diff(times)
        checked += 1
        assert set(intervals) == {int(np.ceil(charge) + round(2.0 / dt_ms))}
    assert checked > 50
    rates = np.array([len(s) for s in spikes]) / 2.0
    assert np.all(np.diff(rates) >= 0)
    assert rates[-1] > 150.0


@pytest.mark.parametrize("current", ["I_e_pA", "I_stim"])
def test_potential_below_threshold(current: str) -> None:
    """V - E_L = R I (1 - exp(-t / tau)), from the parameter and from an input current alike."""
    amplitude = 300.0
    model = MODELS["iaf_psc_exp"]
    parameters = MEMBRANE | ({"I_e_pA": amplitude} if current == "I_e_pA" else {})
    population = SinglePopulation(model, 1, 0.1, parameters, use_stim=True)
    for step in range(1, 501):
        population.step(current=0.0 if current == "I_e_pA" else amplitude)
        expected = -65.0 + R * amplitude * (1.0 - np.exp(-0.1 * step / 10.0))
        assert population.recorded("V_m_mV")[0] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("tau_syn_ms", [0.5, 2.0, 9.999, 10.0, 10.001, 30.0])
def test_postsynaptic_potential(tau_syn_ms: float) -> None:
    """The response to one spike of weight w, at equal time constants w t / C exp(-t / tau)."""
    weight = 100
    population = SinglePopulation(MODELS["iaf_psc_exp"], 1, 0.1, MEMBRANE | {"tau_syn_ex_ms": tau_syn_ms})
    population.step({0: weight})
    largest = 0.0
    for step in range(1, 1501):
        population.step()
        t = 0.1 * step
        if tau_syn_ms == 10.0:
            expected = weight / 250.0 * t * np.exp(-t / 10.0)
        else:
            factor = tau_syn_ms * 10.0 / (250.0 * (10.0 - tau_syn_ms))
            expected = weight * factor * (np.exp(-t / 10.0) - np.exp(-t / tau_syn_ms))
        largest = max(largest, expected)
        assert population.recorded("V_m_mV")[0] == pytest.approx(-65.0 + expected, abs=2e-5)
    assert largest > 0.1


def test_charge_of_a_synaptic_current() -> None:
    """The current of one spike sums to w tau, from either port and with either sign."""
    population = SinglePopulation(MODELS["multisynapse"], 2, 0.1, MEMBRANE)
    population.step({0: [100, -40], 1: [0, 70]})
    total = np.zeros((2, 2))
    for _ in range(4000):
        for k, port in enumerate(("ampa", "gaba")):
            total[k] += population.state(f"I_syn_{port}_pA") * 0.1
        population.step()
    discrete = np.array([[2.0], [5.0]])
    discrete = 0.1 / (1.0 - np.exp(-0.1 / discrete))
    np.testing.assert_allclose(total, discrete * [[100.0, -40.0], [0.0, 70.0]], rtol=1e-4, atol=1e-6)


def test_refractory_period_counts_steps_and_currents_go_on() -> None:
    population = SinglePopulation(MODELS["iaf_psc_exp"], 1, 0.1, MEMBRANE | {"I_e_pA": 1e5, "t_ref_ms": 0.5})
    (times,) = population.run(40)
    assert set(np.diff(times)) == {6}, "five refractory steps, then one that reaches the threshold"
    population = SinglePopulation(MODELS["iaf_psc_exp"], 1, 0.1, MEMBRANE, initial={"V_m_mV": -40.0})
    assert population.step()[0] == 1
    population.step({0: 50})
    assert population.state("I_syn_ex_pA")[0] == 50.0
    assert population.recorded("V_m_mV")[0] == -60.0
    population.step()
    assert population.state("I_syn_ex_pA")[0] == pytest.approx(50.0 * np.exp(-0.05), rel=1e-6)
    assert population.recorded("V_m_mV")[0] == -60.0
    assert population.state("refractory")[0] == 18


@pytest.mark.parametrize("name", list(MODELS))
def test_a_silent_neuron_comes_to_exact_rest(name: str) -> None:
    """Nothing lingers as a subnormal number, with which many processors compute slowly."""
    population = SinglePopulation(MODELS[name], 2, 1.0, MEMBRANE, {"V_m_mV": -51.0})
    for step in range(2000):
        population.step({0: [7, -7]} if step == 0 else None)
        assert all(
            np.all((x == 0) | (np.abs(x) >= 1e-15)) for x in (population.state(r.name) for r in population.model.states)
        )
    assert not any(population.state(row.name).any() for row in population.model.states)


def test_shared_current_equals_the_two_ports() -> None:
    """The sum of the currents of equal time constants, up to rounding: the same spikes and potentials."""
    draw = np.random.default_rng(11)
    parameters = MEMBRANE | {"I_e_pA": 300.0}
    two = SinglePopulation(MODELS["iaf_psc_exp"], 20, 0.1, parameters)
    one = SinglePopulation(MODELS["shared current"], 20, 0.1, parameters)
    count = 0
    for _ in range(5000):
        ex, inh = draw.integers(0, 60, 20), -draw.integers(0, 40, 20)
        spiked = two.step({0: ex, 1: inh})
        assert np.array_equal(spiked, one.step({0: ex + inh}))
        np.testing.assert_allclose(two.state("V_m_mV"), one.state("V_m_mV"), atol=3e-4)
        count += int(spiked.sum())
    assert count > 200
