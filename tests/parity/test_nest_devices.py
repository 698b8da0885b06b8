"""Injected currents and recorded correlations against NEST 3.10: stored numbers, and live where NEST is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank
from tests.parity.make_nest_devices import (
    CASES,
    DATA,
    DT_MS,
    LAGS,
    NEURON,
    STEPS,
    VOLTAGE_EVERY,
    correlated_trains,
    nest_correlation,
    run_nest,
)

import dtbsim
from dtbsim.backends.cpu import CpuBackend
from dtbsim.config import load_config_data
from dtbsim.spec import compile_network

VOLTAGE_BOUND_MV = 1e-4
"""float32 against float64; the largest difference seen is 2.2e-5 mV."""


@pytest.fixture(scope="module")
def stored() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))["cases"]


def run(drive: dict[str, Any]) -> tuple[list[int], Any]:
    """Spike steps (counted from 1) and voltages of the one neuron, which lives among others that get nothing."""
    network = compile_network(
        load_config_data(
            {
                "simulation": {"dt_ms": DT_MS, "duration_ms": STEPS * DT_MS},
                "populations": {"N": {"model": "iaf_psc_exp", "size": 5, "parameters": NEURON}},
                "drives": {"d": {**drive, "target": "N", "neurons": [3]}},
                "record": {"states": [{"population": "N", "variables": ["V_m_mV"], "neurons": [3]}]},
            }
        )
    )
    backend = CpuBackend(built_rank(network), None, 1)
    try:
        backend.advance(0, STEPS)
        steps, gids = backend.collect()
        _, values = backend.sampler.take(0)
    finally:
        backend.close()
    assert (gids == 3).all()
    return (np.sort(steps) + 1).tolist(), values[VOLTAGE_EVERY - 1 :: VOLTAGE_EVERY, 0, 0]


@pytest.mark.parametrize("name", list(CASES))
def test_a_drive_is_the_device_of_nest(name: str, stored: Any) -> None:
    spikes, voltages = run(CASES[name][2])
    assert spikes == stored[name]["spikes"]
    assert np.abs(voltages - stored[name]["voltages"]).max() < VOLTAGE_BOUND_MV


def test_stored_cases_are_the_defined_ones(stored: Any) -> None:
    assert list(stored) == list(CASES)
    assert all(len(x["spikes"]) >= 2 and np.std(x["voltages"]) > 1 for x in stored.values())


def test_a_shift_by_a_step_is_seen(stored: Any) -> None:
    drive = CASES["ac"][2]
    spikes, voltages = run(drive | {"phase_deg": drive["phase_deg"] + 360 * drive["frequency_hz"] * DT_MS * 1e-3})
    assert spikes != stored["ac"]["spikes"]
    assert np.abs(voltages - stored["ac"]["voltages"]).max() > 0.01


def test_a_correlation_is_that_of_the_detector_of_nest(tmp_path: Path) -> None:
    expected = json.loads(DATA.read_text(encoding="utf-8"))["correlation"]
    trains = {
        name: {"neuron": [0] * len(steps), "time_ms": [step * DT_MS for step in steps]}
        for name, steps in zip("AB", correlated_trains(), strict=True)
    }
    recorded = {"first": "A", "second": "B", "tau_max_ms": LAGS * DT_MS, "bin_ms": DT_MS}
    result = dtbsim.run(
        {
            "simulation": {"dt_ms": DT_MS, "duration_ms": 50.0, "threads": 1},
            "populations": {name: {"model": "spike_source", "size": 1, "spikes": x} for name, x in trains.items()},
            "record": {"correlations": [recorded]},
        },
        out=tmp_path / "run",
    )
    assert result.open().correlation()["count"].values.tolist() == expected
    assert expected.index(max(expected)) == LAGS + 4


@pytest.mark.nest
def test_the_stored_correlation_is_what_nest_gives() -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    assert nest_correlation() == json.loads(DATA.read_text(encoding="utf-8"))["correlation"]


@pytest.mark.nest
@pytest.mark.parametrize("name", list(CASES))
def test_stored_numbers_are_what_nest_gives(name: str, stored: Any) -> None:
    pytest.importorskip("nest", reason="needs nest-simulator (extra `reference`)")
    live = run_nest(name)
    assert live["spikes"] == stored[name]["spikes"]
    np.testing.assert_allclose(live["voltages"], stored[name]["voltages"], rtol=0, atol=2e-5)
