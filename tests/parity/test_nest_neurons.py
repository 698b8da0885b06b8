"""Single neurons against NEST 3.10: stored numbers (`make_nest_neurons.py`), and live where NEST is installed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation
from tests.parity.make_nest_neurons import DATA, VOLTAGE_EVERY, cases, run_nest

from dtbsim.models import NeuronModel, get_model

QUANTUM = 2.0**-6
CASES = {case["name"]: case for case in cases()}
EXACT = [name for name, case in CASES.items() if case["model"] != "izhikevich"]
IZHIKEVICH = [name for name, case in CASES.items() if case["model"] == "izhikevich"]
VOLTAGE_BOUND_MV = 5e-4
"""float32 against float64 over 20,000 steps; the largest difference seen is 1.4e-4 mV."""


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))["cases"]


def inputs_of(case: dict[str, Any], model: NeuronModel) -> list[dict[int, int]]:
    """Integers per accumulator channel that arrive at the end of every step."""
    inputs: list[dict[int, int]] = [{} for _ in range(case["steps"])]
    for step, port, weight in case.get("spikes", []):
        channel = model.receptor(port).channel
        here = inputs[step - 1]
        here[channel] = here.get(channel, 0) + round(weight / QUANTUM)
    return inputs


def currents_of(case: dict[str, Any]) -> Any:
    currents = np.zeros(case["steps"])
    if "current" in case:
        first, last, amplitude = case["current"]
        currents[first - 1 : last] = amplitude
    return currents


def run(case: dict[str, Any], simplified: bool) -> tuple[list[int], Any]:
    model = get_model(case["model"], case.get("receptors"))
    if simplified:
        simple = model.simplify(case["parameters"])
        assert simple is not model
        model = simple
    population = SinglePopulation(
        model, 1, case["dt_ms"], case["parameters"], case.get("initial"), [QUANTUM] * len(model.inputs), use_stim=True
    )
    spikes, voltages = [], []
    for k, (arriving, current) in enumerate(zip(inputs_of(case, model), currents_of(case), strict=True), 1):
        if population.step(arriving, current)[0]:
            spikes.append(k)
        if k % VOLTAGE_EVERY == 0:
            voltages.append(float(population.recorded("V_m_mV")[0]))
    assert population.untouched()
    return spikes, np.array(voltages)


@pytest.mark.parametrize("name", EXACT)
def test_exactly_integrated_neuron_spikes_at_the_steps_of_nest(name: str, stored: Any) -> None:
    case, expected = CASES[name], stored[name]
    spikes, voltages = run(case, simplified=False)
    assert spikes == expected["spikes"]
    assert np.max(np.abs(voltages - expected["voltages"])) < VOLTAGE_BOUND_MV


def test_stored_cases_are_the_defined_ones_and_spike(stored: Any) -> None:
    assert list(stored) == list(CASES)
    assert all(len(expected["spikes"]) >= 2 for expected in stored.values())
    assert sum(len(expected["spikes"]) for expected in stored.values()) > 1000


@pytest.mark.parametrize("name", ["PD14 input", "constant current", "initial potential"])
def test_the_shared_current_form_spikes_at_the_steps_of_nest(name: str, stored: Any) -> None:
    spikes, voltages = run(CASES[name], simplified=True)
    assert spikes == stored[name]["spikes"]
    assert np.max(np.abs(voltages - stored[name]["voltages"])) < VOLTAGE_BOUND_MV


@pytest.mark.parametrize("name", IZHIKEVICH)
def test_izhikevich_makes_the_step_of_nest_from_each_of_its_states(name: str, stored: Any) -> None:
    """The published scheme amplifies any difference about tenfold per spike, so every step starts at NEST's state."""
    case = CASES[name]
    voltage, recovery = (np.array(x) for x in stored[name]["states"])
    n = len(voltage) - 1
    model = get_model("izhikevich")
    population = SinglePopulation(
        model, n, 1.0, case["parameters"], {"V_m_mV": voltage[:-1], "u": recovery[:-1]}, [QUANTUM], use_stim=True
    )
    kicks = np.array([here.get(0, 0) for here in inputs_of(case, model)[1 : n + 1]])
    spiked = population.step({0: kicks}, currents_of(case)[1 : n + 1])
    steps = [s for s in stored[name]["spikes"] if 2 <= s <= n + 1]
    assert list(np.flatnonzero(spiked) + 2) == steps
    assert len(steps) > 2
    np.testing.assert_allclose(population.recorded("V_m_mV"), voltage[1:], rtol=0, atol=2e-4)
    np.testing.assert_allclose(population.recorded("u"), recovery[1:], rtol=0, atol=2e-4)


@pytest.mark.parametrize("name", IZHIKEVICH)
def test_izhikevich_begins_as_nest_and_keeps_its_rate(name: str, stored: Any) -> None:
    spikes, _ = run(CASES[name], simplified=False)
    expected = stored[name]["spikes"]
    assert spikes[:3] == expected[:3]
    assert abs(len(spikes) - len(expected)) <= max(1, 0.1 * len(expected))


@pytest.mark.nest
@pytest.mark.parametrize("name", list(CASES))
def test_stored_numbers_are_what_nest_gives(name: str, stored: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    live = run_nest(CASES[name])
    assert live["spikes"] == stored[name]["spikes"]
    np.testing.assert_allclose(live["voltages"], stored[name]["voltages"], rtol=0, atol=2e-5)
