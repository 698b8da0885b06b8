"""Spiking populations and mean-field regions in one run: what each gives the other, and the same bits on any ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.region_runs import small_atlas

import dtbsim
from dtbsim.cli.runs import run_hash
from dtbsim.config import RunConfig
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks
from dtbsim.simulate import run
from dtbsim.spec import compile_network

DT_MS, TAU_MS = 0.5, 8.0
WEIGHTS = np.array([[0.0, 0.4, 0.9], [0.3, 0.0, 0.7], [0.5, 0.2, 0.0]])
LENGTHS = np.array([[0.0, 12.0, 7.0], [12.0, 0.0, 21.0], [7.0, 21.0, 0.0]])


def _config(folder: Path, **changes: Any) -> RunConfig:
    data = {
        "atlas": str(small_atlas(folder, WEIGHTS, LENGTHS)),
        "seed": 3,
        "simulation": {"dt_ms": DT_MS, "duration_ms": 100.0, "block_size": 16},
        "populations": {
            "nodes": {"model": "linear", "regions": ["r0", "r1"], "parameters": {"gamma_per_ms": 0.1},
                      "integrator": "euler", "initial": {"x": 30.0}},
            "cells": {"model": "iaf_psc_exp", "size": 40, "regions": ["r2"]},
        },
        "drives": {"noise": {"kind": "poisson", "target": "cells", "rate_hz": 6000, "weight_pA": 60}},
        "couplings": {
            "in": {"source": "cells", "target": "nodes", "strength": 0.05, "filter_tau_ms": TAU_MS,
                   "delay_ms": {"tract_velocity_m_per_s": 4.0}},
            "out": {"source": "nodes", "target": "cells", "variable": "x", "strength": 20.0, "effect": "poisson",
                    "weight_pA": 60.0, "delay_ms": 1.5},
            "push": {"source": "nodes", "target": "cells", "variable": "x", "strength": 2.0, "effect": "current",
                     "delay_ms": 1.0},
        },
        "record": {
            "states": [
                {"population": "nodes", "variables": ["x"]},
                {"population": "cells", "variables": ["V_m_mV"], "neurons": 3},
            ]
        },
    }  # fmt: skip
    return RunConfig.model_validate(data | changes)


def test_rates_of_neurons_reach_regions_filtered_and_delayed(tmp_path: Path) -> None:
    """Against the sums written out: counts, filter, weights, delays of 3.5 and 10.5 steps (halves up), Euler's rule."""
    result = run(_config(tmp_path), out=tmp_path / "run", report=False)
    stored = dtbsim.open_run(result.run_dir)
    x = stored.states(0)["x"].values.astype(np.float64)
    steps, _ = stored.spike_steps()
    assert len(steps) > 100
    n = len(x)
    counts = np.bincount(steps, minlength=n)[:n] / (40 * DT_MS * 1e-3)
    rate = np.zeros(n + 1)
    decay = np.exp(-DT_MS / TAU_MS)
    for k in range(n):
        rate[k + 1] = decay * rate[k] + (1.0 - decay) * counts[k]
    expected = np.zeros((n + 1, 2))
    expected[0] = 30.0
    for k in range(n):
        for node, weight, delay in ((0, 0.9, 4), (1, 0.7, 11)):
            heard = rate[k - delay] if k >= delay else 0.0
            drift = -0.1 * expected[k, node] + 0.05 * weight * heard
            expected[k + 1, node] = expected[k, node] + DT_MS * drift
    np.testing.assert_allclose(x, expected[1:], rtol=2e-5, atol=1e-5)
    assert np.ptp(x[-50:]) > 0.1


@pytest.mark.parametrize(("left_out", "kept"), [("push", "out"), ("out", "push")])
def test_regions_drive_neurons(tmp_path: Path, left_out: str, kept: str) -> None:
    """Without any other input the neurons are silent; with either coupling, from a region that is up, they spike."""
    config = _config(tmp_path)
    couplings = {kept: config.couplings[kept].model_copy(update={"strength": 300.0})}
    nodes = config.populations["nodes"].model_copy(update={"parameters": {"gamma_per_ms": 1e-6}})
    populations = {**config.populations, "nodes": nodes}
    quiet = config.model_copy(update={"drives": {}, "couplings": {}, "populations": populations})
    assert run(quiet, out=tmp_path / "quiet", report=False).summary["spikes"] == 0
    driven = quiet.model_copy(update={"couplings": couplings})
    assert run(driven, out=tmp_path / "driven", report=False).summary["spikes"] > 50


def test_the_same_bits_on_any_ranks_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = _config(tmp_path)
    first = run(config, out=tmp_path / "one", report=False)
    assert run_hash(first.run_dir) == 0
    assert capsys.readouterr().out.split() == [first.summary["spike_hash"], first.summary["state_hash"]]
    states = dtbsim.open_run(first.run_dir)
    for ranks in (2, 3):
        results = run_ranks(ranks, lambda comm, n=ranks: run(config, out=tmp_path / f"on{n}", comm=comm, report=False))
        for key in ("spike_hash", "state_hash"):
            assert results[0].summary[key] == first.summary[key], key
        again = dtbsim.open_run(results[0].run_dir)
        for k in (0, 1):
            for name, values in states.states(k).data_vars.items():
                np.testing.assert_array_equal(again.states(k)[name].values, values.values)
    half = config.model_copy(update={"checkpoint": dtbsim.config.run.Checkpoints()})
    half = half.model_copy(update={"simulation": half.simulation.model_copy(update={"duration_ms": 37.5})})
    run(half, out=tmp_path / "half", report=False)
    resumed = dtbsim.resume(tmp_path / "half", set={"simulation.duration_ms": 100.0})
    for key in ("spike_hash", "state_hash"):
        assert resumed.summary[key] == first.summary[key], key


def test_couplings_and_drives_change_during_a_run(tmp_path: Path) -> None:
    """From and to neurons; a change at time 0 is the configured strength, and one to 0 silences what it carries."""
    drives = {
        "noise": {"kind": "poisson", "target": "cells", "rate_hz": 6000, "weight_pA": 60},
        "both": {"kind": "dc", "target": ["nodes", "cells"], "amplitude": 0.5},
    }
    strengths = {"in": 0.02, "out": 10.0, "push": {"regions": {"r2": 4.0}}}
    start = {key: {"coupling": key, "set": {"strength": value}} for key, value in strengths.items()}
    config = _config(tmp_path, drives=drives)
    for key, value in strengths.items():
        given = config.couplings[key].model_dump(mode="json", exclude_none=True) | {"strength": value}
        config.couplings[key] = type(config.couplings[key]).model_validate(given)
    expected = run(config, out=tmp_path / "given", report=False).summary
    found = run(_config(tmp_path, drives=drives, changes=start), out=tmp_path / "changed", report=False).summary
    assert (found["spike_hash"], found["state_hash"]) == (expected["spike_hash"], expected["state_hash"])
    off = {key: {"coupling": key, "t_ms": 40.0, "set": {"strength": 0.0}} for key in strengths}
    off["quiet"] = {"drive": "noise", "t_ms": 40.0, "on": False}
    off["low"] = {"drive": "both", "t_ms": 40.0, "set": {"amplitude": 0.0}}
    silenced = _config(tmp_path, drives=drives, changes=off)
    alone = run(silenced, out=tmp_path / "off", report=False).summary
    stored = dtbsim.open_run(tmp_path / "off")
    x = stored.states(0)["x"].values[80:]
    np.testing.assert_allclose(x[1:], x[:-1] * (1 - DT_MS * 0.1), rtol=1e-5)
    assert stored.spikes_pandas().time_ms.max() < 60
    ranks = run_ranks(3, lambda comm: run(silenced, out=tmp_path / "on3", comm=comm, report=False))[0].summary
    assert (ranks["spike_hash"], ranks["state_hash"]) == (alone["spike_hash"], alone["state_hash"])


@pytest.mark.parametrize(
    ("coupling", "changes", "place", "message"),
    [
        ("in", {"filter_tau_ms": None}, "couplings.in.filter_tau_ms", "rate is to be filtered"),
        ("in", {"delay_ms": 0.0}, "couplings.in.delay_ms", "below one step"),
        ("in", {"variable": "V"}, "couplings.in.variable", "neurons give their rate"),
        ("out", {"variable": "y"}, "couplings.out.variable", "no state or output 'y'"),
        ("out", {"delay_ms": 0.2}, "couplings.out.delay_ms", "shorter than one step"),
        ("push", {"effect": None}, "couplings.push.effect", "population of neurons"),
        ("push", {"function": "difference"}, "couplings.push.function", "needs the value of the target"),
    ],
)
def test_what_does_not_fit_is_said_at_its_place(
    tmp_path: Path, coupling: str, changes: dict[str, Any], place: str, message: str
) -> None:
    config = _config(tmp_path)
    data = config.couplings[coupling].model_dump(exclude_none=True) | changes
    config.couplings[coupling] = type(config.couplings[coupling]).model_validate(
        {key: value for key, value in data.items() if value is not None}
    )
    with pytest.raises(InputError, match=message) as caught:
        compile_network(config)
    assert caught.value.where == place
    assert caught.value.exit_code == 2
