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
LARGEST_SHIFT = 2
"""Steps by which a spike may differ from NEST's."""
BEFORE_SPIKE = 40
"""V is compared until this many steps before NEST's first spike: the upstroke amplifies every difference."""
VOLTAGE_BOUND_MV = {
    "AdEx": 0.005,
    "AdEx, fast conductances": 0.02,
    "AdEx, dt 0.5 ms": 0.05,
    "Hodgkin-Huxley": 0.002,
    "Traub": 0.01,
}
"""By the longest beginning of the case's name."""
SILENT = {
    "AdEx, below threshold",
    "AdEx, fast conductances below threshold",
    "Hodgkin-Huxley, below threshold",
    "Traub, below threshold",
}


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))["cases"]


def run(case: dict[str, Any]) -> tuple[list[int], Any]:
    """Spike steps, and V_m every VOLTAGE_EVERY steps."""
    model = get_model(case["model"])
    quanta = [QUANTUM] * len(model.inputs)
    population = SinglePopulation(
        model, 1, case["dt_ms"], case["parameters"], case.get("initial"), quanta, use_stim=True
    )
    spikes, voltages = [], []
    for k, (arriving, current) in enumerate(zip(inputs_of(case, model), currents_of(case), strict=True), 1):
        if population.step(arriving, current)[0]:
            spikes.append(k)
        if k % VOLTAGE_EVERY == 0:
            voltages.append(float(population.recorded("V_m_mV")[0]))
    return spikes, np.array(voltages)


def bound_of(name: str) -> float:
    return VOLTAGE_BOUND_MV[max((start for start in VOLTAGE_BOUND_MV if name.startswith(start)), key=len)]


@pytest.mark.parametrize("name", list(CASES))
def test_spikes_within_two_steps_of_nest_and_voltages_within_the_bound(name: str, stored: Any) -> None:
    spikes, voltages = run(CASES[name])
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


@pytest.mark.nest
@pytest.mark.parametrize("name", list(CASES))
def test_stored_numbers_are_what_nest_gives(name: str, stored: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    live = run_nest(CASES[name])
    assert live["spikes"] == stored[name]["spikes"]
    np.testing.assert_allclose(live["voltages"], stored[name]["voltages"], rtol=0, atol=2e-4)
