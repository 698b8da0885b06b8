"""Neurons that NEST 3.10 integrates adaptively: stored numbers (`make_nest_odes.py`), and live where NEST is installed.

dtbsim's schemes have fixed steps, so spikes may shift by a step or two and V differs by the error of the scheme.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation
from tests.parity.make_nest_odes import DATA, VOLTAGE_EVERY, cases, run_nest
from tests.parity.test_nest_neurons import QUANTUM, currents_of, inputs_of

from dtbsim.models import get_model

CASES = {case["name"]: case for case in cases()}
NMDA_QUANTUM = 2.0**-22
LARGEST_SHIFT = 2
"""Steps by which a spike may differ from NEST's."""
BEFORE_SPIKE = 40
"""V is compared until this many steps before NEST's first spike: the upstroke amplifies every difference."""
VOLTAGE_BOUND_MV = {
    "AdEx": 0.005,
    "AdEx, fast conductances": 0.02,
    "AdEx, dt 0.5 ms": 0.05,
    "Hodgkin-Huxley": 0.002,
    "Traub": 0.002,
    "Wang": 0.001,
}
"""By the longest beginning of the case's name."""
SILENT = {
    "AdEx, below threshold",
    "AdEx, fast conductances below threshold",
    "Hodgkin-Huxley, below threshold",
    "Traub, below threshold",
    "Wang, below threshold",
    "Wang, NMDA below threshold",
    "Wang, one NMDA synapse",
}


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))["cases"]


def run(case: dict[str, Any], nmda: list[list[float]] | None = None) -> tuple[list[int], Any]:
    """Spike steps, and V_m every VOLTAGE_EVERY steps; `nmda` are [step, increment] of that port."""
    model = get_model(case["model"])
    quanta = [QUANTUM if port != "nmda" else NMDA_QUANTUM for port in model.inputs]
    inputs = inputs_of(case, model)
    for step, increment in nmda or []:
        inputs[int(step) - 1][2] = round(increment / NMDA_QUANTUM)
    population = SinglePopulation(
        model, 1, case["dt_ms"], case["parameters"], case.get("initial"), quanta, use_stim=True
    )
    spikes, voltages = [], []
    for k, (arriving, current) in enumerate(zip(inputs, currents_of(case), strict=True), 1):
        if population.step(arriving, current)[0]:
            spikes.append(k)
        if k % VOLTAGE_EVERY == 0:
            voltages.append(float(population.recorded("V_m_mV")[0]))
    return spikes, np.array(voltages)


def bound_of(name: str) -> float:
    return VOLTAGE_BOUND_MV[max((start for start in VOLTAGE_BOUND_MV if name.startswith(start)), key=len)]


@pytest.mark.parametrize("name", list(CASES))
def test_spikes_within_two_steps_of_nest_and_voltages_within_the_bound(name: str, stored: Any) -> None:
    spikes, voltages = run(CASES[name], stored[name].get("nmda"))
    expected = stored[name]["spikes"]
    assert len(spikes) == len(expected)
    assert all(abs(a - b) <= LARGEST_SHIFT for a, b in zip(spikes, expected, strict=True))
    until = max((expected[0] - BEFORE_SPIKE) // VOLTAGE_EVERY, 0) if expected else len(voltages)
    difference = np.abs(voltages - stored[name]["voltages"])[:until]
    assert np.max(difference, initial=0.0) < bound_of(name)


def test_stored_cases_are_the_defined_ones_and_spike_unless_meant_not_to(stored: Any) -> None:
    assert list(stored) == list(CASES)
    assert {name for name, expected in stored.items() if not expected["spikes"]} == SILENT
    assert sum(len(expected["spikes"]) for expected in stored.values()) > 400


def test_increments_of_nmda_are_those_of_brunel_and_wang(stored: Any) -> None:
    """One presynaptic neuron: k_0 + k_1 s, s decaying between its spikes; alpha 0.5 / ms, tau_rise 2 ms."""
    steps, jumps = np.array(stored["Wang, one NMDA synapse"]["nmda"]).T
    weight, tau_d, alpha_tau, ratio = 1.0, 100.0, 0.5 * 2.0, 2.0 / 100.0
    t = (np.arange(200_000) + 0.5) / 200_000 * alpha_tau ** (1 - ratio)
    incomplete_gamma = np.mean(np.exp(-(t ** (1 / (1 - ratio))))) * alpha_tau ** (1 - ratio) / (1 - ratio)
    k_0, k_1 = alpha_tau**ratio * incomplete_gamma, np.expm1(-alpha_tau)
    s, last = 0.0, steps[0]
    for step, jump in zip(steps, jumps, strict=True):
        s *= np.exp(-(step - last) * 0.1 / tau_d)
        assert jump / weight == pytest.approx(k_0 + k_1 * s, abs=1e-5)
        s, last = s + jump / weight, step
    assert len(steps) > 20


@pytest.mark.nest
@pytest.mark.parametrize("name", list(CASES))
def test_stored_numbers_are_what_nest_gives(name: str, stored: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    live = run_nest(CASES[name])
    assert live["spikes"] == stored[name]["spikes"]
    np.testing.assert_allclose(live["voltages"], stored[name]["voltages"], rtol=0, atol=2e-4)
