"""GLIF neurons against closed forms: intervals, reset rules, after-spike currents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import get_model

PORTS = {"fast": 2.0, "slow": 7.0}
MODELS = {name: get_model(name, PORTS) for name in ("glif1_psc", "glif2_psc", "glif3_psc")}
MEMBRANE = {"C_m_pF": 60.0, "g_nS": 6.0, "E_L_mV": -78.0, "V_th_mV": -52.0, "t_ref_ms": 3.0}
RESETS = {
    "th_spike_add_mV": 2.0, "th_spike_decay_per_ms": 0.02, "voltage_reset_fraction": 0.3, "voltage_reset_add_mV": 8.0,
}  # fmt: skip


@pytest.mark.parametrize("dt_ms", [0.1, 1.0])
def test_glif1_is_the_leaky_integrator(dt_ms: float) -> None:
    """tau_m = 10 ms, rheobase 156 pA; intervals are t_ref + tau_m ln(...), rounded up to the grid."""
    currents = 156.0 * np.array([0.5, 0.999, 1.03, 1.2, 2.0, 5.0])
    parameters = MEMBRANE | {"V_reset_mV": -73.0, "I_e_pA": currents}
    spikes = SinglePopulation(MODELS["glif1_psc"], len(currents), dt_ms, parameters).run(int(1000 / dt_ms))
    assert [len(times) for times in spikes[:2]] == [0, 0]
    for current, times in zip(currents[2:], spikes[2:], strict=True):
        charge = 10.0 * np.log((current / 6.0 - 5.0) / (current / 6.0 - 26.0)) / dt_ms
        assert set(np.diff(times)) == {int(np.ceil(charge) + round(3.0 / dt_ms))}


def glif2_by_hand(current_pA: float, dt: float, n: int) -> tuple[list[int], list[float]]:
    """Spike steps and potentials after each spike (relative to E_L), by the equations in float64."""
    target, v, raised, left = current_pA / 6.0, 0.0, 0.0, 0
    spikes, resets = [], []
    for k in range(1, n + 1):
        if left:
            left -= 1
            continue
        old, v = v, target + (v - target) * np.exp(-dt / 10.0)
        raised *= np.exp(-0.02 * dt)
        if v > 26.0 + raised:
            v, raised, left = 0.3 * old + 8.0, raised * np.exp(-0.02 * 3.0) + 2.0, round(3.0 / dt)
            spikes.append(k)
            resets.append(v)
    return spikes, resets


@pytest.mark.parametrize("dt_ms", [0.1, 0.5])
@pytest.mark.parametrize("current_pA", [170.0, 260.0, 600.0])
def test_glif2_resets_to_a_share_and_raises_its_threshold(current_pA: float, dt_ms: float) -> None:
    n = round(400 / dt_ms)
    expected, resets = glif2_by_hand(current_pA, dt_ms, n)
    population = SinglePopulation(MODELS["glif2_psc"], 1, dt_ms, MEMBRANE | RESETS | {"I_e_pA": current_pA})
    found, after = [], []
    for k in range(1, n + 1):
        if population.step()[0]:
            found.append(k)
            after.append(float(population.state("V_m_mV")[0]))
    assert found == expected
    np.testing.assert_allclose(after, resets, atol=1e-4)
    assert len(found) > 5
    assert np.diff(found)[-1] > np.diff(found)[0], "the threshold adapts"


def test_glif3_after_spike_currents() -> None:
    """They decay exponentially between spikes, stand still during refractoriness, and jump at a spike."""
    after = {"asc_amps_1_pA": -20.0, "asc_amps_2_pA": 30.0, "asc_decay_1_per_ms": 0.01, "asc_decay_2_per_ms": 0.2,
             "asc_r_1": 0.9, "asc_r_2": 0.5}  # fmt: skip
    parameters = MEMBRANE | after | {"V_reset_mV": -73.0, "I_e_pA": 400.0}
    start = {"ASCurrent_1_pA": -50.0, "ASCurrent_2_pA": 10.0}
    population = SinglePopulation(MODELS["glif3_psc"], 1, 0.1, parameters, start)
    k = 0
    while not population.step()[0]:
        k += 1
        assert population.state("ASCurrent_1_pA")[0] == pytest.approx(-50.0 * np.exp(-0.001 * k), rel=1e-5)
        assert population.state("ASCurrent_2_pA")[0] == pytest.approx(10.0 * np.exp(-0.02 * k), rel=1e-5)
    k += 1
    expected = [
        -20.0 - 50.0 * np.exp(-0.001 * k) * 0.9 * np.exp(-0.03),
        30.0 + 10.0 * np.exp(-0.02 * k) * 0.5 * np.exp(-0.6),
    ]
    for _ in range(31):
        now = [population.state(f"ASCurrent_{j}_pA")[0] for j in (1, 2)]
        np.testing.assert_allclose(now, expected, rtol=1e-5)
        assert population.recorded("V_m_mV")[0] == -73.0
        population.step()
    np.testing.assert_allclose(
        [population.state(f"ASCurrent_{j}_pA")[0] for j in (1, 2)], expected * np.exp([-0.001, -0.02]), rtol=1e-5
    )


def test_glif3_potential_below_threshold() -> None:
    """V from a current and two after-spike currents, whose mean over each step is used: error of order dt^2."""
    start = {"ASCurrent_1_pA": -50.0, "ASCurrent_2_pA": 60.0}
    own = {"asc_decay_1_per_ms": 0.01, "asc_decay_2_per_ms": 0.2, "V_reset_mV": -73.0}
    population = SinglePopulation(MODELS["glif3_psc"], 1, 0.1, MEMBRANE | own | {"I_e_pA": 100.0}, start)
    for k in range(1, 1001):
        population.step()
        t = 0.1 * k
        expected = 100.0 / 6.0 * (1.0 - np.exp(-t / 10.0))
        for size, rate in ((-50.0, 0.01), (60.0, 0.2)):
            expected += size / 60.0 * (np.exp(-rate * t) - np.exp(-t / 10.0)) / (0.1 - rate)
        assert population.state("V_m_mV")[0] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("tau_ms", [2.0, 9.9999, 10.0, 30.0])
def test_potential_of_a_synaptic_current(name: str, tau_ms: float) -> None:
    own = {"V_reset_mV": -73.0} if name != "glif2_psc" else {}
    population = SinglePopulation(MODELS[name], 1, 0.1, MEMBRANE | own | {"tau_syn_slow_ms": tau_ms})
    population.step({1: 50})
    a = 1.0 / tau_ms - 0.1
    for k in range(1, 500):
        population.step()
        t = 0.1 * k
        if abs(a) < 1e-4:
            shape = np.exp(-t / 10.0) * (t**2 / 2.0 - a * t**3 / 3.0)
        else:
            shape = (np.exp(-t / 10.0) - np.exp(-t / tau_ms) * (1.0 + a * t)) / a**2
        expected = 50.0 * np.e / tau_ms / 60.0 * shape
        assert population.state("V_m_mV")[0] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("name", list(MODELS))
def test_a_silent_neuron_comes_to_exact_rest(name: str) -> None:
    own: dict[str, Any] = {"V_reset_mV": -73.0, "asc_decay_1_per_ms": 0.05} if name == "glif3_psc" else {}
    population = SinglePopulation(MODELS[name], 1, 1.0, MEMBRANE | own, {"V_m_mV": -40.0})
    spikes = 0
    for step in range(9000):
        spikes += int(population.step({0: 30, 1: -7} if step == 0 else None)[0])
        assert all(np.all((x == 0) | (abs(x) >= 1e-15)) for x in map(population.state, population.offsets))
    assert spikes >= 1
    assert not any(population.state(row.name).any() for row in MODELS[name].states)


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("glif1_psc", {"t_ref_ms": 0.0}, "t_ref_ms is 0 ms; allowed: (0, inf)"),
        ("glif1_psc", {"V_reset_mV": -50.0}, "V_reset_mV < V_th_mV"),
        ("glif3_psc", {"V_reset_mV": -50.0}, "V_reset_mV < V_th_mV"),
        ("glif2_psc", {"voltage_reset_fraction": 1.5}, "voltage_reset_fraction is 1.5; allowed: [0, 1]"),
        ("glif3_psc", {"asc_decay_2_per_ms": 0.0}, "asc_decay_2_per_ms is 0 1/ms; allowed: (0, inf)"),
        ("glif3_psc", {"asc_r_1": -0.1}, "asc_r_1 is -0.1; allowed: [0, 1]"),
        ("glif2_psc", {"V_reset_mV": -70.0}, "has no parameter 'V_reset_mV'"),
    ],
)
def test_what_is_refused(name: str, parameters: dict[str, float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        MODELS[name].check(parameters, 0.1)
    assert said in caught.value.message


def test_port_names_are_checked() -> None:
    with pytest.raises(InputError, match="the receptor name '1' cannot be used"):
        get_model("glif1_psc", {"1": 2.0})


def test_glif5_threshold_follows_the_potential() -> None:
    """d theta_v/dt = a_v (V - E_L) - b_v theta_v under a constant current below threshold, in closed form."""
    p = MEMBRANE | RESETS | {"th_voltage_index_per_ms": 0.02, "th_voltage_decay_per_ms": 0.05, "I_e_pA": 120.0}
    ports = get_model("glif5_psc", PORTS)
    after = {f"asc_amps_{j}_pA": 0.0 for j in (1, 2)}
    population = SinglePopulation(ports, 1, 0.1, p | after, {"V_m_mV": -70.0, "threshold_voltage_mV": 3.0})
    a, b, leak, goal, start = 0.02, 0.05, 6.0 / 60.0, 120.0 / 6.0, 8.0
    for k in range(1, 1001):
        assert not population.step()[0]
        t = 0.1 * k
        decays = a * (start - goal) * (np.exp(-leak * t) - np.exp(-b * t)) / (b - leak)
        expected = 3.0 * np.exp(-b * t) + decays + a * goal * (1 - np.exp(-b * t)) / b
        assert population.state("threshold_voltage_mV")[0] == pytest.approx(expected, abs=2e-5)


def test_glif5_with_equal_rates_is_the_limit() -> None:
    """Decay of the threshold as fast as that of the potential: no division by zero, and the neighbours' value."""
    model, p = get_model("glif5_psc", PORTS), MEMBRANE | RESETS
    at, beside = (
        model.constants(p | {"th_voltage_decay_per_ms": rate}, 0.1)["follow_decay"] for rate in (0.1, 0.1 + 1e-7)
    )
    assert at == pytest.approx(beside, rel=1e-6)
