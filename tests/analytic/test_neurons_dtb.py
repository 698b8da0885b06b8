"""The neuron of the Digital Twin Brain: published rates, the published loop in float64, magnesium block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import get_model

MODEL = get_model("lif_dtb")
PAPER = {
    "C_m_uF_per_cm2": 0.5, "g_L_mS_per_cm2": 0.025, "E_L_mV": -70.0, "V_th_mV": -50.0, "V_reset_mV": -55.0,
    "t_ref_ms": 2.0,
}  # fmt: skip
LIBRARY = {
    "C_m_uF_per_cm2": 1.0, "g_L_mS_per_cm2": 0.03, "E_L_mV": -75.0, "V_th_mV": -50.0, "V_reset_mV": -65.0,
    "t_ref_ms": 5.0,
}  # fmt: skip
PORTS = ("AMPA", "NMDA", "GABAa", "GABAb")


def rate_hz(p: dict[str, float], current: float) -> float:
    """Closed form of the rate for dt -> 0."""
    drive = current / p["g_L_mS_per_cm2"]
    tau = p["C_m_uF_per_cm2"] / p["g_L_mS_per_cm2"]
    above_reset, above_th = drive - (p["V_reset_mV"] - p["E_L_mV"]), drive - (p["V_th_mV"] - p["E_L_mV"])
    return float(1000.0 / (p["t_ref_ms"] + tau * np.log(above_reset / above_th)))


@pytest.mark.parametrize(
    ("parameters", "current", "expected_hz"),
    [(PAPER, 0.6, 54.889), (PAPER, 0.66, 73.821), (PAPER, 1.0, 154.73), (LIBRARY, 1.0, 25.432)],
)
def test_published_rates(parameters: dict[str, float], current: float, expected_hz: float) -> None:
    """At dt = 0.01 ms within 0.3 %; at the published 1 ms the intervals of the Euler map, in whole steps."""
    assert rate_hz(parameters, current) == pytest.approx(expected_hz, rel=2e-5)
    fine = SinglePopulation(MODEL, 1, 0.01, parameters | {"I_e_uA_per_cm2": current}).run(100_000)[0]
    interval_ms = 0.01 * (fine[-1] - fine[0]) / (len(fine) - 1)
    assert 1000.0 / interval_ms == pytest.approx(expected_hz, rel=3e-3)
    coarse = SinglePopulation(MODEL, 1, 1.0, parameters | {"I_e_uA_per_cm2": current}).run(1000)[0]
    drive = current / parameters["g_L_mS_per_cm2"] + parameters["E_L_mV"]
    decay = 1.0 - parameters["g_L_mS_per_cm2"] / parameters["C_m_uF_per_cm2"]
    steps = np.log((drive - parameters["V_th_mV"]) / (drive - parameters["V_reset_mV"])) / np.log(decay)
    assert set(np.diff(coarse)) == {int(np.ceil(steps)) + round(parameters["t_ref_ms"]) - 1}


@pytest.mark.parametrize(("parameters", "rheobase"), [(PAPER, 0.5), (LIBRARY, 0.75)])
@pytest.mark.parametrize("dt_ms", [0.1, 1.0])
def test_rheobase(parameters: dict[str, float], rheobase: float, dt_ms: float) -> None:
    currents = rheobase * np.array([0.999, 1.001])
    below, above = SinglePopulation(MODEL, 2, dt_ms, parameters | {"I_e_uA_per_cm2": currents}).run(int(2000 / dt_ms))
    assert len(below) == 0
    assert len(above) > 3


def published_loop(p: dict[str, Any], inputs: Any, currents: Any, dt: float) -> tuple[list[int], Any]:
    """The loop of the library, float64: (spike steps, potentials). `inputs`: weights per step and receptor."""
    E, tau = np.array([0.0, 0.0, -70.0, -100.0]), np.array([2.0, 40.0, 10.0, 50.0])
    g = np.array([5 / 275, 5 / 4000, 3 / 30, 3 / 730])
    v, J, last = 0.5 * (p["V_th_mV"] + p["V_reset_mV"]), np.zeros(4), -1e9
    spikes, found = [], []
    for k, (arriving, current) in enumerate(zip(inputs, currents, strict=True), 1):
        change = -p["g_L_mS_per_cm2"] * (v - p["E_L_mV"]) + (g * J * (E - v)).sum() + current
        v = v + dt / p["C_m_uF_per_cm2"] * change if k * dt >= last + p["t_ref_ms"] - 1e-9 else p["V_reset_mV"]
        if v >= p["V_th_mV"]:
            spikes.append(k)
            last, v = k * dt, p["V_reset_mV"]
        J = J * np.exp(-dt / tau) + arriving
        found.append(v)
    return spikes, np.array(found)


@pytest.mark.parametrize("parameters", [PAPER, LIBRARY])
@pytest.mark.parametrize("dt_ms", [0.5, 1.0])
def test_the_steps_of_the_published_loop(parameters: dict[str, float], dt_ms: float) -> None:
    draw = np.random.default_rng(7)
    n = 4000
    inputs = (draw.random((n, 4)) < [0.4, 0.3, 0.1, 0.05]) * draw.integers(1, 4, (n, 4))
    currents = np.where(np.arange(n) > 1000, 0.45, 0.1)
    expected, potentials = published_loop(parameters, inputs, currents, dt_ms)
    for model in (MODEL, MODEL.simplify({})):
        population = SinglePopulation(model, 1, dt_ms, parameters, use_stim=True)
        spikes, found = [], []
        for k in range(n):
            if population.step(dict(enumerate(inputs[k])), currents[k])[0]:
                spikes.append(k + 1)
            found.append(population.recorded("V_m_mV")[0])
        assert len(expected) > 30
        assert spikes == expected
        assert np.max(np.abs(found - potentials)) < 2e-4


def test_without_magnesium_the_block_is_left_out() -> None:
    simple = MODEL.simplify({})
    assert simple is not MODEL
    assert simple is MODEL.simplify({"Mg_mM": 0.0})
    assert MODEL.simplify({"Mg_mM": 1.0}) is MODEL
    assert MODEL.simplify({"Mg_mM": np.array([0.0, 0.0])}) is simple
    assert MODEL.simplify({"Mg_mM": np.array([0.0, 1.0])}) is MODEL
    draw = np.random.default_rng(8)
    full, less = (SinglePopulation(model, 20, 1.0, LIBRARY | {"I_e_uA_per_cm2": 0.6}) for model in (MODEL, simple))
    count = 0
    for _ in range(2000):
        inputs = {port: draw.integers(0, 3, 20) for port in range(4)}
        assert np.array_equal(full.step(inputs), less.step(inputs))
        count += int(full.spk.sum())
        assert all(np.array_equal(full.state(row.name), less.state(row.name)) for row in MODEL.states)
    assert count > 100


def test_magnesium_blocks_nmda_as_jahr_and_stevens() -> None:
    """First step from given potentials with NMDA alone: the current over that without magnesium."""
    potentials = np.linspace(-100.0, -51.0, 50)
    start = {"V_m_mV": potentials, "J_NMDA": 400.0}
    changes = []
    for magnesium in (0.0, 1.0):
        parameters = LIBRARY | {"Mg_mM": magnesium, "g_L_mS_per_cm2": 1e-9, "V_th_mV": 100.0}
        population = SinglePopulation(MODEL, 50, 1.0, parameters, start)
        population.step()
        changes.append(population.recorded("V_m_mV") - potentials)
    expected = 1.0 / (1.0 + np.exp(-0.062 * potentials) / 3.57)
    np.testing.assert_allclose(changes[1] / changes[0], expected, rtol=1e-4)
    np.testing.assert_allclose(changes[0], 400.0 * 5 / 4000 * -potentials, rtol=1e-5)


@pytest.mark.parametrize("dt_ms", [0.1, 1.0])
def test_a_silent_neuron_comes_to_exact_rest(dt_ms: float) -> None:
    population = SinglePopulation(MODEL, 1, dt_ms, LIBRARY)
    assert population.recorded("V_m_mV")[0] == -57.5, "half-way between reset and threshold, as in the library"
    for step in range(int(4000 / dt_ms)):
        population.step(dict.fromkeys(range(4), 1) if step == 0 else None)
        if step % 100 == 0:
            assert all(np.all((x == 0) | (abs(x) >= 1e-15)) for x in map(population.state, population.offsets))
    assert not any(population.state(row.name).any() for row in MODEL.states)


@pytest.mark.parametrize(
    ("parameters", "dt_ms", "said"),
    [
        ({}, 1.5, "needs dt_ms <= 1 and dt_ms <= C_m / g_L, here 33.3333 ms"),
        ({"C_m_uF_per_cm2": 0.01}, 0.5, "needs dt_ms <= 1 and dt_ms <= C_m / g_L, here 0.333333 ms"),
        ({"V_reset_mV": -50.0}, 1.0, "V_reset_mV < V_th_mV"),
        ({"g_AMPA_mS_per_cm2": -1.0}, 1.0, "g_AMPA_mS_per_cm2 is -1 mS/cm2; allowed: [0, inf)"),
    ],
)
def test_what_is_refused(parameters: dict[str, float], dt_ms: float, said: str) -> None:
    with pytest.raises(InputError) as caught:
        MODEL.check(parameters, dt_ms)
    assert said in caught.value.message
