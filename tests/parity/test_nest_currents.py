"""Current- and conductance-based neurons against NEST 3.10: stored numbers (`make_nest_currents.py`), or live."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation
from tests.parity.make_nest_currents import DATA, cases, run_nest
from tests.parity.make_nest_neurons import VOLTAGE_EVERY
from tests.parity.test_nest_neurons import QUANTUM, currents_of, inputs_of

from dtbsim.models import get_model

CASES = {case["name"]: case for case in cases()}
EXACT = list(CASES)
VOLTAGE_BOUND_MV = 5e-4
"""float32 against float64 over 20,000 steps."""


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))["cases"]


def run(case: dict[str, Any]) -> tuple[list[int], Any]:
    """Spike steps and every 40th potential."""
    model = get_model(case["model"], case.get("receptors"))
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


def test_stored_cases_are_the_defined_ones_and_spike(stored: Any) -> None:
    assert list(stored) == list(CASES)
    assert all(len(expected["spikes"]) >= 2 for expected in stored.values())
    assert sum(len(expected["spikes"]) for expected in stored.values()) > 1000


@pytest.mark.parametrize("name", EXACT)
def test_exactly_integrated_neuron_spikes_at_the_steps_of_nest(name: str, stored: Any) -> None:
    spikes, voltages = run(CASES[name])
    assert spikes == stored[name]["spikes"]
    assert np.max(np.abs(voltages - stored[name]["voltages"])) < VOLTAGE_BOUND_MV


@pytest.mark.nest
@pytest.mark.parametrize("name", list(CASES))
def test_stored_numbers_are_what_nest_gives(name: str, stored: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    live = run_nest(CASES[name])
    assert live["spikes"] == stored[name]["spikes"]
    np.testing.assert_allclose(live["voltages"], stored[name]["voltages"], rtol=0, atol=2e-5)
