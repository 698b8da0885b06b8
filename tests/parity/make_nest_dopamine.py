"""Dopamine-modulated plasticity in NEST 3.10: the weights of every delivered spike, for given spikes of all.

    python -m tests.parity.make_nest_dopamine       # writes data/nest_dopamine.json; needs the extra `reference`

As `make_nest_plasticity`; a third population releases dopamine. A `volume_transmitter` collects its spikes with a
delay, so NEST gets them earlier by that. Time in NEST is that of the source's spike: the delay is dendritic.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from tests.parity.make_nest_plasticity import DT_MS, SOURCES, TARGETS, steps_of

DATA = Path(__file__).parent / "data" / "nest_dopamine.json"
DOPAMINE = 4
DURATION_MS = 1500.0
DELAY_MS = 1.5

CASES: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "without a baseline": (
        {"A_plus": 0.08, "A_minus": 0.1},
        {"A_plus": 0.08, "A_minus": 0.1, "b": 0.0},
    ),
    "with a baseline": (
        {"A_plus": 1.1, "A_minus": 0.7, "tau_plus_ms": 15.0, "tau_minus_ms": 30.0, "tau_c_ms": 400.0, "tau_n_ms": 90.0,
         "baseline_per_ms": 0.05, "weight_min": 10.0, "update_interval_ms": 25.0},
        {"A_plus": 1.1, "A_minus": 0.7, "tau_plus": 15.0, "tau_c": 400.0, "tau_n": 90.0, "b": 0.05, "Wmin": 10.0},
    ),
    "bounded": (
        {"A_plus": 4.0, "A_minus": 1.0, "tau_c_ms": 300.0, "tau_n_ms": 50.0, "weight_max": 125.0},
        {"A_plus": 4.0, "A_minus": 1.0, "tau_c": 300.0, "tau_n": 50.0, "b": 0.0, "Wmax": 125.0},
    ),
}  # fmt: skip
"""Parameters in dtbsim and in NEST. Only the last reaches a bound, and from one side: NEST bounds weights at every
spike of dopamine, dtbsim at its updates."""


def tau_minus_ms(name: str) -> float:
    return float(CASES[name][0].get("tau_minus_ms", 20.0))


def write_inputs(folder: Path) -> None:
    """Trains of sources and dopamine, and strong input that makes the targets fire."""
    rng = np.random.default_rng(9)
    n_steps = round(DURATION_MS / DT_MS) - 600
    for name, size, rate_hz in (("sources", SOURCES, 30.0), ("teacher", TARGETS, 20.0), ("dopamine", DOPAMINE, 12.0)):
        neuron, step = np.nonzero(rng.random((size, n_steps)) < rate_hz * DT_MS * 1e-3)
        np.savez(folder / f"{name}.npz", neuron=neuron, time_ms=np.round((step + 100) * DT_MS, 4))


def config(name: str) -> dict[str, Any]:
    """The network: every source onto every target."""
    synapse = {"kind": "stdp_dopamine", "dopamine": "D", "weight_max": 200.0, **CASES[name][0]}
    return {
        "name": "dopamine",
        "seed": 2,
        "simulation": {"dt_ms": DT_MS, "duration_ms": DURATION_MS, "block_size": 16},
        "populations": {
            "S": {"model": "spike_source", "size": SOURCES, "spikes_file": "sources.npz"},
            "T": {"model": "iaf_psc_exp", "size": TARGETS, "parameters": {"t_ref_ms": 1.0, "tau_syn_in_ms": 1.0}},
            "D": {"model": "spike_source", "size": DOPAMINE, "spikes_file": "dopamine.npz"},
        },
        "projections": {
            "ST": {
                "source": "S",
                "target": "T",
                "rule": {"kind": "all_to_all"},
                "receptor": "ex",
                "weight_pA": {"distribution": "uniform", "low": 60.0, "high": 120.0},
                "delay_ms": DELAY_MS,
                "synapse": synapse,
            }
        },
        "drives": {
            "teacher": {
                "kind": "spike_trains",
                "target": "T",
                "file": "teacher.npz",
                "receptor": "in",
                "weight_pA": 3e5,
            }
        },
        "record": {"weights": [{"projection": "ST", "neurons": TARGETS, "interval_ms": DT_MS}]},
    }


def run_dtbsim(name: str, folder: Path) -> Any:
    """The open run; its input files are in `folder`."""
    import dtbsim

    write_inputs(folder)
    before = Path.cwd()
    os.chdir(folder)  # relative paths of a configuration without a file
    try:
        return dtbsim.run(config(name), out=folder / "run").open()
    finally:
        os.chdir(before)


def spikes_of(run: Any) -> dict[str, list[list[int]]]:
    """Steps of the spikes of every neuron, by population."""
    return {key: steps_of(run, key, size) for key, size in (("S", SOURCES), ("T", TARGETS), ("D", DOPAMINE))}


def initial_weights(run: Any) -> list[list[float]]:
    """weights[t][s] in pA, as drawn."""
    weights = run.weights(0)
    found = np.zeros((TARGETS, SOURCES))
    found[weights.target.values - SOURCES, weights.source.values] = weights.values[0]
    return found.tolist()


def run_nest(name: str, spikes: dict[str, list[list[int]]], weights: Any) -> list[list[list[float]]]:
    """Per target and source: the weight of every delivered spike. `weights[t][s]` initial."""
    import nest

    nest.ResetKernel()
    nest.resolution = DT_MS

    def parrots(trains: list[list[int]], more: dict[str, float]) -> Any:
        cells = nest.Create("parrot_neuron", len(trains), params=more)
        for cell, train in zip(cells, trains, strict=True):
            times = [round((step - 1) * DT_MS, 4) for step in train]
            nest.Connect(nest.Create("spike_generator", params={"spike_times": times}), cell, syn_spec={"delay": DT_MS})
        return cells

    pre, post = parrots(spikes["S"], {}), parrots(spikes["T"], {"tau_minus": tau_minus_ms(name)})
    volume = nest.Create("volume_transmitter")
    releasing = parrots([[step - 1 for step in train] for train in spikes["D"]], {})
    nest.Connect(releasing, volume, syn_spec={"delay": DT_MS})
    recorders = []
    for t in range(TARGETS):
        for s in range(SOURCES):
            recorder = nest.Create("weight_recorder")
            recorders.append(recorder)
            copy = f"dopamine_{t}_{s}"
            common = {"Wmax": 200.0, **CASES[name][1], "volume_transmitter": volume, "weight_recorder": recorder}
            nest.CopyModel("stdp_dopamine_synapse", copy, common)
            own = {"synapse_model": copy, "weight": weights[t][s], "delay": DELAY_MS, "receptor_type": 1}
            nest.Connect(pre[s], post[t], syn_spec=own)
    nest.Simulate(DURATION_MS + 10.0)
    found = [[round(float(w), 6) for w in recorder.events["weights"]] for recorder in recorders]
    return [found[t * SOURCES : (t + 1) * SOURCES] for t in range(TARGETS)]


def main() -> None:
    """Run everything and write the file."""
    import tempfile

    results: dict[str, Any] = {}
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            run = run_dtbsim(name, Path(folder))
            spikes, weights = spikes_of(run), initial_weights(run)
        results[name] = {"spikes": spikes, "weights": weights, "delivered": run_nest(name, spikes, weights)}
    lines = ",\n".join(f"{json.dumps(k)}:{json.dumps(x, separators=(',', ':'))}" for k, x in results.items())
    DATA.write_text(f'{{"nest":"3.10.0","cases":{{\n{lines}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
