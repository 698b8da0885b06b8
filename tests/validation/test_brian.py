"""Single neurons under constant currents against stored runs of Brian2 with small steps (`make_brian_neurons.py`)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.validation.make_brian_neurons import CASES, DURATION_MS, PATH, SAMPLED_MS
from tests.validation.neurons import BOUNDS, COMPARED_MS, deviations, run_dtbsim
from tests.validation.storage import stored


@pytest.fixture(scope="module")
def brian_runs() -> Any:
    content = stored(PATH)
    assert (content["origin"]["duration_ms"], content["origin"]["sampled_ms"]) == (DURATION_MS, SAMPLED_MS)
    return content["runs"]


@pytest.mark.parametrize("name", CASES)
def test_spikes_and_potentials_are_those_of_brian(name: str, brian_runs: Any) -> None:
    until_ms = COMPARED_MS.get(name, DURATION_MS)
    shift_ms, root_mean_square_mV = deviations(run_dtbsim(name), brian_runs[name][0], until_ms)
    bound_ms, bound_mV = BOUNDS[CASES[name]["kind"]]
    assert len(brian_runs[name][0]["spikes_ms"]) > 6
    assert shift_ms < bound_ms
    assert root_mean_square_mV < bound_mV


def test_cases_are_told_apart(brian_runs: Any) -> None:
    ours = run_dtbsim("AdEx, adapting")
    assert deviations(ours, brian_runs["AdEx, bursting"][0])[0] == float("inf")
    moved = {**ours, "spikes_ms": ours["spikes_ms"] + 0.2}
    assert deviations(moved, brian_runs["AdEx, adapting"][0])[0] > BOUNDS["adex"][0]
