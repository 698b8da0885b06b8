"""Symmetric Hebbian plasticity with a homeostatic tag, against its equations written out event by event."""

from __future__ import annotations

from math import exp
from pathlib import Path
from typing import Any

import numpy as np

import dtbsim

DT_MS = 0.1
PARAMETERS = {
    "weight_max": 100.0,
    "learning_rate": 0.6,
    "delta": 0.05,
    "beta": 0.3,
    "tau_ms": 24.0,
    "tau_burst_ms": 35.0,
    "tau_tag_ms": 700.0,
}


def run_of(folder: Path, source_ms: Any, target_ms: Any, weight: float, delay_ms: float, **changed: float) -> float:
    """Weight at the end of one synapse whose ends spike at these times."""
    end_ms = round(max(source_ms[-1] + delay_ms, target_ms[-1]) + 5, 1)
    run = dtbsim.run(
        {
            "simulation": {"dt_ms": DT_MS, "duration_ms": end_ms, "threads": 1},
            "populations": {
                "S": {"model": "spike_source", "size": 1, "spikes": listed(source_ms)},
                "C": {"model": "spike_source", "size": 1, "spikes": listed(target_ms - DT_MS)},
                "T": {"model": "parrot_neuron", "size": 1},
            },
            "projections": {
                "clock": {"source": "C", "target": "T", "rule": "one_to_one", "weight": 1, "delay_ms": DT_MS},
                "ST": {
                    "source": "S",
                    "target": "T",
                    "receptor": "silent",
                    "rule": "one_to_one",
                    "weight": weight,
                    "delay_ms": delay_ms,
                    "synapse": {"kind": "symmetric_hebbian", **PARAMETERS, **changed},
                },
            },
            "record": {"weights": [{"projection": "ST", "neurons": 1}]},
        },
        out=folder,
        report=False,
    )
    assert run.summary["spikes"] == source_ms.size + 2 * target_ms.size
    return float(dtbsim.open_run(folder).weights(0).values[-1, 0])


def listed(times_ms: Any) -> dict[str, list[float]]:
    return {"neuron": [0] * times_ms.size, "time_ms": times_ms.round(1).tolist()}


def expected(source_ms: Any, target_ms: Any, w: float, delay_ms: float, **changed: float) -> float:
    """The equations, with the tag itself and all of its time between two spikes; the target is seen a step later."""
    p = {**PARAMETERS, **changed}
    events = [(time + delay_ms, 1) for time in source_ms] + [(time + DT_MS, 0) for time in target_ms]
    x = y = z = now = 0.0
    tag = w
    for time, of_source in sorted((round(at, 3), kind) for at, kind in events):
        h, now = time - now, time
        x, y, z = x * exp(-h / p["tau_ms"]), y * exp(-h / p["tau_ms"]), z * exp(-h / p["tau_burst_ms"])
        tag = w + (tag - w) * exp(-h / p["tau_tag_ms"])
        if of_source:
            w += p["learning_rate"] * y + p["delta"]
            x += 1
        else:
            w += p["learning_rate"] * x - min(p["beta"] * z**3, 1.0) * (w - tag)
            y, z = y + 1, z + 1
        w = min(max(w, 0.0), p["weight_max"])
    return w


def spikes(seed: int, rate_hz: float, duration_ms: float = 4000.0) -> Any:
    """Times on the grid, at most one in a step."""
    steps = np.random.default_rng(seed).random(int(duration_ms / DT_MS)) < rate_hz * DT_MS / 1000
    return (np.flatnonzero(steps) + 10) * DT_MS


def test_trains_of_spikes(tmp_path: Path) -> None:
    for k, (delay_ms, source_hz, target_hz) in enumerate([(0.1, 25, 20), (2.3, 40, 60), (1.0, 90, 10)]):
        source, target = spikes(2 * k, source_hz), spikes(2 * k + 1, target_hz)
        found = run_of(tmp_path / str(k), source, target, 30.0, delay_ms)
        wanted = expected(source, target, 30.0, delay_ms)
        assert abs(wanted - 30.0) > 3
        np.testing.assert_allclose(found, wanted, rtol=2e-5)


def test_the_window_is_symmetric(tmp_path: Path) -> None:
    at = np.array([200.0])
    changes = [
        run_of(tmp_path / str(k), at, at + lag, 30.0, DT_MS, delta=0.0) - 30.0
        for k, lag in enumerate((-40.0, -10.0, 10.0, 40.0))
    ]
    np.testing.assert_allclose(changes, 0.6 * np.exp(-np.array([40, 10, 10, 40]) / 24.0), rtol=1e-4)


def test_bursts_of_the_target_draw_the_weight_back(tmp_path: Path) -> None:
    """At a high rate of the target Hebbian plasticity alone ends at the bound; the tag holds the weight."""
    source, target = spikes(5, 30, 2000), spikes(6, 80, 2000)
    held = run_of(tmp_path / "held", source, target, 30.0, DT_MS, tau_tag_ms=1.2e6, delta=0.0)
    free = run_of(tmp_path / "free", source, target, 30.0, DT_MS, tau_tag_ms=1.2e6, delta=0.0, beta=0.0)
    assert free > 95
    assert abs(held - 30) < 8
