"""A small run that has everything: an atlas and spikes in files, a model of one's own, and every kind of store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.helpers.own_model import LEAKY
from tests.helpers.small_atlas import save_small_atlas

CONFIG = """\
name: rich
description: Everything in a few neurons.
seed: 3
atlas: data/brain.npz
simulation: {dt_ms: 0.5, duration_ms: 400, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 8, regions: all}
  I: {model: iaf_psc_exp, size: 8}
  own: {model: my_models.py:Leaky, size: 3}
  played: {model: spike_source, size: 3, spikes_file: played.csv}
projections:
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: 40, delay_ms: 1}
  IE:
    source: I
    target: E
    rule: {kind: fixed_indegree, indegree: 2}
    weight_pA: 20
    delay_ms: 1
    synapse: {kind: stdp, weight_max: 100}
  PI: {source: played, target: I, rule: {kind: all_to_all}, weight_pA: 300, delay_ms: 1}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 8000, weight_pA: 60}
  noise: {kind: poisson, target: own, rate_hz: 8000, weight_mV: 1}
  train: {kind: spike_trains, target: I, file: train.npz, weight_pA: 200}
bold: {population: E, tr_ms: 50}
record:
  rate_bin_ms: 10
  states: [{population: I, variables: [V_m_mV], neurons: 3, interval_ms: 1}]
  weights: [{projection: IE, neurons: 3, interval_ms: 100}]
  correlations: [{first: I, second: I, bin_ms: 1, tau_max_ms: 10}]
"""


def write_rich_config(folder: Path) -> Path:
    """Write the configuration and all files that it names into `folder`; return its path."""
    (folder / "data").mkdir(parents=True)
    save_small_atlas(folder / "data", name="brain")
    (folder / "my_models.py").write_text(LEAKY, encoding="utf-8")
    (folder / "played.csv").write_text("neuron,time_ms\n0,10.0\n1,20.0\n2,30.5\n", encoding="utf-8")
    np.savez(folder / "train.npz", neuron=np.array([0, 3, 5]), time_ms=np.array([12.0, 13.5, 200.0]))
    path = folder / "rich.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def read_everything(folder: Path) -> dict[str, object]:
    """Return what the Python reader gives of a run, as bytes and plain values that can be compared."""
    from dtbsim.store import open_run

    run = open_run(folder)
    steps, gids = run.spike_steps()
    labelled = [run.rates(), run.bold(), run.states(), run.weights(), run.correlation()]
    found: dict[str, object] = {"steps": steps.tobytes(), "gids": gids.tobytes(), "hash": run.spike_hash()}
    for k, values in enumerate(labelled):
        plain = values.to_dict()
        found[str(k)] = repr(plain)
    found |= {name: getattr(run, name) for name in ("config", "network", "provenance", "summary", "status")}
    return found
