"""Synapses that change, in NEST 3.10: the weights of every delivered spike, for given spikes of both ends.

    python -m tests.parity.make_nest_plasticity     # writes data/nest_plasticity.json; needs the extra `reference`

Sources emit given trains. Targets are made to fire by strong input; NEST gets the spikes that they emit and the
synapses (ends, initial weights, delays) that dtbsim has drawn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data" / "nest_plasticity.json"
DT_MS = 0.1
SOURCES, TARGETS = 6, 3
QUIET_MS = 1500.0
"""NEST's `tsodyks2_synapse` behaves as if there had been a spike at time 0; after so long that is forgotten."""

CASES: dict[str, tuple[str, dict[str, Any], str, dict[str, float]]] = {
    "additive": (
        "{kind: stdp, weight_max: 200, learning_rate: 0.02, alpha: 1.1, mu_plus: 0, mu_minus: 0, tau_minus_ms: 30}",
        {"lambda": 0.02, "alpha": 1.1, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 200.0},
        "stdp_synapse",
        {"tau_minus": 30.0},
    ),
    "multiplicative": (
        "{kind: stdp, weight_max: 200, learning_rate: 0.02, alpha: 1.1, tau_plus_ms: 15, tau_minus_ms: 30}",
        {"lambda": 0.02, "alpha": 1.1, "mu_plus": 1.0, "mu_minus": 1.0, "Wmax": 200.0, "tau_plus": 15.0},
        "stdp_synapse",
        {"tau_minus": 30.0},
    ),
    "intermediate": (
        "{kind: stdp, weight_max: 200, learning_rate: 0.05, alpha: 0.9, mu_plus: 0.4, mu_minus: 0.7}",
        {"lambda": 0.05, "alpha": 0.9, "mu_plus": 0.4, "mu_minus": 0.7, "Wmax": 200.0},
        "stdp_synapse",
        {"tau_minus": 20.0},
    ),
    "power law": (
        "{kind: stdp_power_law, learning_rate: 0.3, alpha: 0.1, mu: 0.4, tau_minus_ms: 25, weight_max: 1000}",
        {"lambda": 0.3, "alpha": 0.1, "mu": 0.4, "tau_plus": 20.0},
        "stdp_pl_synapse_hom",
        {"tau_minus": 25.0},
    ),
    "triplets": (
        "{kind: stdp_triplet, weight_max: 200, A2_plus: 0.4, A3_plus: 2.0, A2_minus: 1.2, A3_minus: 0.8}",
        {"Aplus": 0.4, "Aplus_triplet": 2.0, "Aminus": 1.2, "Aminus_triplet": 0.8, "Wmax": 200.0,
         "tau_plus": 16.8, "tau_plus_triplet": 101.0},
        "stdp_triplet_synapse",
        {"tau_minus": 33.7, "tau_minus_triplet": 125.0},
    ),
    "towards a rate": (
        "{kind: vogels_sprekeler, weight_max: 200, learning_rate: 1.5, target_rate_hz: 70, tau_ms: 25}",
        {"eta": 1.5, "alpha": 3.5, "tau": 25.0, "Wmax": 200.0},
        "vogels_sprekeler_synapse",
        {"tau_minus": 25.0},
    ),
    "depression and facilitation": (
        "{kind: tsodyks_markram, U: 0.25, tau_rec_ms: 90, tau_fac_ms: 60}",
        {"U": 0.25, "u": 0.25, "x": 1.0, "tau_rec": 90.0, "tau_fac": 60.0},
        "tsodyks2_synapse",
        {},
    ),
}  # fmt: skip
"""Synapse in dtbsim; parameters and model in NEST; parameters of the target in NEST."""


def plastic(name: str) -> bool:
    return "tsodyks" not in CASES[name][0]


def duration_ms(name: str) -> float:
    return 1200.0 if plastic(name) else QUIET_MS + 1500.0


def write_inputs(case: str, folder: Path) -> None:
    """Trains of the sources, and strong input that makes the targets fire at other steps."""
    rng = np.random.default_rng(5)
    first = 100 if plastic(case) else round(QUIET_MS / DT_MS)
    n_steps = round(duration_ms(case) / DT_MS) - first - 500
    for name, size, rate_hz in (("sources", SOURCES, 40.0), ("teacher", TARGETS, 25.0)):
        neuron, step = np.nonzero(rng.random((size, n_steps)) < rate_hz * DT_MS * 1e-3)
        np.savez(folder / f"{name}.npz", neuron=neuron, time_ms=np.round((step + first) * DT_MS, 4))


def config(name: str) -> dict[str, Any]:
    """The network: every source onto every target, twice, with different delays."""
    import yaml

    synapse = yaml.safe_load(CASES[name][0])
    numbers = {key: float(value) if isinstance(value, int) else value for key, value in synapse.items()}
    return {
        "name": "plasticity",
        "seed": 2,
        "simulation": {"dt_ms": DT_MS, "duration_ms": duration_ms(name), "block_size": 16},
        "populations": {
            "S": {"model": "spike_source", "size": SOURCES, "spikes_file": "sources.npz"},
            "T": {"model": "iaf_psc_exp", "size": TARGETS, "parameters": {"t_ref_ms": 1.0, "tau_syn_in_ms": 1.0}},
        },
        "projections": {
            "ST": {
                "source": "S",
                "target": "T",
                "rule": {"kind": "all_to_all"},
                "receptor": "ex",
                "weight_pA": {"distribution": "uniform", "low": 60.0, "high": 120.0},
                "delay_ms": 1.5,
                "synapse": numbers,
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
        "record": {
            "weights": [{"projection": "ST", "neurons": TARGETS, "interval_ms": DT_MS}] if plastic(name) else [],
            "states": [{"population": "T", "variables": ["I_syn_ex_pA"], "neurons": TARGETS}],
        },
    }


def run_dtbsim(name: str, folder: Path) -> Any:
    """The open run; its input files are in `folder`."""
    import os

    import dtbsim

    write_inputs(name, folder)
    before = Path.cwd()
    os.chdir(folder)  # relative paths of a configuration without a file
    try:
        return dtbsim.run(config(name), out=folder / "run").open()
    finally:
        os.chdir(before)


def steps_of(run: Any, population: str, size: int) -> list[list[int]]:
    """Steps (1 is the one that ends at dt) of every neuron's spikes."""
    steps, gids = run.spike_steps(population)
    gid0 = int(run.populations.set_index("name").gid0[population])
    return [(steps[gids == gid0 + k] + 1).tolist() for k in range(size)]


def run_nest(name: str, sources: list[list[int]], targets: list[list[int]], weights: Any) -> list[list[list[float]]]:
    """Per target and source: the weight of every delivered spike. `weights[t][s]` initial, delay 1.5 ms."""
    import nest

    nest.ResetKernel()
    nest.resolution = DT_MS
    _, parameters, model, of_target = CASES[name]

    def parrots(trains: list[list[int]], more: dict[str, float]) -> Any:
        cells = nest.Create("parrot_neuron", len(trains), params=more)
        for cell, train in zip(cells, trains, strict=True):
            times = [round((step - 1) * DT_MS, 4) for step in train]
            nest.Connect(nest.Create("spike_generator", params={"spike_times": times}), cell, syn_spec={"delay": DT_MS})
        return cells

    pre, post = parrots(sources, {}), parrots(targets, of_target)
    recorders = []
    for t in range(len(targets)):
        for s in range(len(sources)):
            recorder = nest.Create("weight_recorder")
            recorders.append(recorder)
            copy = f"{model}_{t}_{s}"
            common = {"weight_recorder": recorder}
            own = dict(parameters)
            if model == "stdp_pl_synapse_hom":
                common |= own
                own = {}
            nest.CopyModel(model, copy, common)
            nest.Connect(pre[s], post[t], syn_spec={"synapse_model": copy, "weight": weights[t][s], "delay": 1.5,
                                                    "receptor_type": 1, **own})  # fmt: skip
    nest.Simulate(duration_ms(name) + 10.0)
    found = [[round(float(w), 6) for w in recorder.events["weights"]] for recorder in recorders]
    return [found[t * len(sources) : (t + 1) * len(sources)] for t in range(len(targets))]


def main() -> None:
    """Run everything and write the file."""
    import tempfile

    results: dict[str, Any] = {}
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            run = run_dtbsim(name, Path(folder))
            sources, targets = steps_of(run, "S", SOURCES), steps_of(run, "T", TARGETS)
            weights = initial_weights(name, Path(folder))
        results[name] = {"targets": targets, "weights": weights, "delivered": run_nest(name, sources, targets, weights)}
    lines = ",\n".join(f"{json.dumps(k)}:{json.dumps(x, separators=(',', ':'))}" for k, x in results.items())
    DATA.write_text(f'{{"nest":"3.10.0","cases":{{\n{lines}\n}}}}\n', encoding="utf-8")


def initial_weights(name: str, folder: Path) -> list[list[float]]:
    """weights[t][s] in pA, as drawn."""
    from tests.helpers.networks import built_rank, dynamic_synapses_of

    from dtbsim.config import load_config_data
    from dtbsim.spec import compile_network

    network = compile_network(load_config_data(config(name)), folder)
    ((part, table),) = dynamic_synapses_of(built_rank(network))
    fine = part.quantum / 2 ** part.dynamics.shift(part.quantum)
    found = np.zeros((TARGETS, SOURCES))
    found[table[:, 1] - SOURCES, table[:, 0]] = table[:, 3] * fine
    return found.tolist()


if __name__ == "__main__":
    main()
