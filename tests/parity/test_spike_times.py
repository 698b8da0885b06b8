"""Times that the reader gives: those of NEST, and those that a file of spikes must hold to play a run back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.parity.make_nest_neurons import DATA, VOLTAGE_EVERY, cases

import dtbsim

CASES = {case["name"]: case for case in cases()}
NETWORK: dict[str, Any] = {
    "name": "recorded",
    "populations": {
        "other": {"model": "iaf_psc_exp", "size": 3},
        "P": {
            "model": "iaf_psc_exp",
            "size": 30,
            "parameters": {"t_ref_ms": 1.0},
            "initial": {"V_m_mV": {"distribution": "uniform", "low": -70.0, "high": -45.0}},
        },
    },
    "drives": {"bg": {"kind": "poisson", "target": "P", "rate_hz": 9000.0, "weight_pA": 70.0}},
}
"""Some neurons of P begin above threshold and spike in step 0."""


def recorded(folder: Path, dt_ms: float, n_steps: int, **more: Any) -> dtbsim.Run:
    simulation = {"dt_ms": dt_ms, "duration_ms": n_steps * dt_ms, "threads": 2, "block_size": 16}
    return dtbsim.run(NETWORK | {"simulation": simulation} | more, out=folder).open()


def played(folder: Path, spikes_file: Path, dt_ms: float, n_steps: int, size: int = 30) -> dtbsim.Run:
    source = {"model": "spike_source", "size": size, "spikes_file": str(spikes_file)}
    simulation = {"dt_ms": dt_ms, "duration_ms": n_steps * dt_ms, "block_size": 16}
    return dtbsim.run({"populations": {"S": source}, "simulation": simulation}, out=folder).open()


@pytest.mark.parametrize("dt_ms", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_spikes_played_back_are_those_recorded(tmp_path: Path, kind: str, dt_ms: float) -> None:
    n_steps, path = 1200, tmp_path / f"spikes.{kind}"
    run = recorded(tmp_path / "first", dt_ms, n_steps)
    table = run.spikes_pandas("P")
    gid0 = int(run.populations.set_index("name").gid0["P"])
    assert table.step.min() == 0
    assert table.step.max() > 0.99 * n_steps
    assert len(table) > 200
    if kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["time_ms", "neuron"])
            writer.writerows(zip(table.time_ms.tolist(), (table.gid - gid0).tolist(), strict=True))
    else:
        np.savez(path, time_ms=table.time_ms, neuron=table.gid - gid0)
    steps, gids = played(tmp_path / "second", path, dt_ms, n_steps).spike_steps()
    assert steps.tolist() == table.step.tolist()
    assert gids.tolist() == (table.gid - gid0).tolist()


def test_every_step_of_a_run_can_be_played_back(tmp_path: Path) -> None:
    """Spikes in the first, the last and all other steps, of neurons by turns; the second copy equals the first."""
    n_steps, dt_ms = 3000, 0.1
    steps = np.arange(n_steps)
    np.savez(tmp_path / "all.npz", neuron=steps % 4, time_ms=(steps + 1) * dt_ms)
    first = played(tmp_path / "first", tmp_path / "all.npz", dt_ms, n_steps, size=4)
    assert first.spike_steps()[0].tolist() == steps.tolist()
    table = first.spikes_pandas()
    assert table.time_ms.iloc[[0, -1]].tolist() == pytest.approx([0.1, 300.0])
    np.savez(tmp_path / "again.npz", neuron=table.gid, time_ms=table.time_ms)
    second = played(tmp_path / "second", tmp_path / "again.npz", dt_ms, n_steps, size=4)
    assert second.spike_hash() == first.spike_hash()


def test_the_recipe_of_the_documentation_plays_a_run_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python text of docs/run_folder.md, which reads a run without dtbsim."""
    text = (Path(__file__).parents[2] / "docs" / "run_folder.md").read_text(encoding="utf-8")
    blocks = [part.split("```", 1)[0] for part in text.split("```python\n")[1:]]
    reading = blocks[0].split("# rates in Hz", 1)[0]
    (playing,) = [block for block in blocks if "played.npz" in block]
    monkeypatch.chdir(tmp_path)
    run = recorded(tmp_path / "runs" / "first", 0.1, 800)
    names: dict[str, Any] = {}
    exec(reading + playing.replace('["populations"][0]', '["populations"][1]'), names)
    np.testing.assert_array_equal(names["time_ms"], run.spikes_pandas().time_ms)
    steps, gids = played(tmp_path / "second", tmp_path / "played.npz", 0.1, 800).spike_steps()
    expected = run.spike_steps("P")
    assert len(steps) > 100
    np.testing.assert_array_equal(steps, expected[0])
    np.testing.assert_array_equal(gids, expected[1] - 3)


@pytest.mark.parametrize(("start_ms", "stop_ms"), [(10.0, 20.0), (0.0, 0.1), (10.1, 19.9)])
def test_windows_of_record_reader_and_rates_are_the_same(tmp_path: Path, start_ms: float, stop_ms: float) -> None:
    whole = recorded(tmp_path / "whole", 0.1, 600)
    window = {"start_ms": start_ms, "stop_ms": stop_ms}
    part = recorded(tmp_path / "part", 0.1, 600, record={"spikes": window})
    expected = whole.spike_steps(start_ms=start_ms, stop_ms=stop_ms)
    assert len(expected[0])
    for run in (part, whole):
        np.testing.assert_array_equal(run.spike_steps(start_ms=start_ms, stop_ms=stop_ms), expected)
    np.testing.assert_array_equal(part.spike_steps(), expected)
    rates = whole.rates()
    for start in rates.time_ms.values:
        steps, _ = whole.spike_steps("P", start, start + rates.attrs["bin_ms"])
        assert float(rates.sel(time_ms=start, population="P")) == pytest.approx(len(steps) / 30 / 0.01)


@pytest.mark.parametrize("name", ["constant current", "input current in a window", "initial potential above threshold"])
def test_times_of_spikes_and_states_are_those_of_nest(tmp_path: Path, name: str) -> None:
    """NEST's stored numbers are its times divided by dt; an input current of steps a to b (from 1) is on from a - 1."""
    case, expected = CASES[name], json.loads(DATA.read_text(encoding="utf-8"))["cases"][name]
    dt_ms = case["dt_ms"]
    config: dict[str, Any] = {
        "simulation": {"dt_ms": dt_ms, "duration_ms": case["steps"] * dt_ms},
        "populations": {
            "N": {
                "model": case["model"],
                "size": 1,
                "parameters": case["parameters"],
                "initial": case.get("initial", {"V_m_mV": case["parameters"]["E_L_mV"]}),
            }
        },
        "record": {"states": [{"population": "N", "variables": ["V_m_mV"], "interval_ms": VOLTAGE_EVERY * dt_ms}]},
    }
    if "current" in case:
        first, last, amplitude = case["current"]
        window = {"start_ms": (first - 1) * dt_ms, "stop_ms": last * dt_ms}
        config["drives"] = {"dc": {"kind": "dc", "target": "N", "amplitude": amplitude, **window}}
    run = dtbsim.run(config, out=tmp_path / "run").open()
    times_ms = np.array(expected["spikes"]) * dt_ms
    assert len(times_ms) >= 2
    np.testing.assert_allclose(run.spikes_pandas().time_ms, times_ms, rtol=0, atol=1e-9)
    states = run.states()
    samples = VOLTAGE_EVERY * np.arange(1, len(expected["voltages"]) + 1)
    np.testing.assert_allclose(states.time_ms, samples * dt_ms, rtol=0, atol=1e-9)
    np.testing.assert_allclose(states.V_m_mV[:, 0], expected["voltages"], rtol=0, atol=5e-4)
