"""Runs made by hand for the tests of stores and reader: what a simulation leaves, with spikes that the test chooses."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np

from dtbsim.store.spike_writer import SpikeWriter

DT_MS = 0.1
N_STEPS = 400
POPULATIONS = [
    {"name": "E@left", "family": "E", "region": "left", "region_index": 0, "model": "lif", "gid0": 0, "size": 20},
    {"name": "I@left", "family": "I", "region": "left", "region_index": 0, "model": "lif", "gid0": 20, "size": 5},
    {"name": "E@right", "family": "E", "region": "right", "region_index": 1, "model": "lif", "gid0": 25, "size": 20},
    {"name": "I@right", "family": "I", "region": "right", "region_index": 1, "model": "lif", "gid0": 45, "size": 5},
]
N_NEURONS = 50


def spikes_of_a_run(seed, n=3000, n_steps=N_STEPS):
    """Distinct spikes sorted by step, then gid, some steps silent and some crowded."""
    rng = np.random.default_rng(seed)
    steps = np.minimum(rng.integers(0, n_steps, n), rng.integers(0, n_steps, n))
    keys = np.unique(steps * N_NEURONS + rng.integers(0, N_NEURONS, n))
    return (keys // N_NEURONS).astype(np.int64), (keys % N_NEURONS).astype(np.uint32)


def write_spikes(folder, steps, gids, ranks, rng, *, chunk_spikes=16, close=True):
    """Split the spikes over ranks at random, in windows of random length, shuffled inside each window."""
    owner = rng.integers(0, ranks, N_NEURONS)
    for rank in range(ranks):
        writer = SpikeWriter(folder, rank, chunk_spikes=chunk_spikes)
        cuts = np.unique(np.r_[0, rng.integers(0, N_STEPS, 30), N_STEPS])
        for start, stop in pairwise(cuts):
            mine = np.flatnonzero((steps >= start) & (steps < stop) & (owner[gids] == rank))
            rng.shuffle(mine)
            writer.append(steps[mine], gids[mine], stop_step=int(stop))
        if close:
            writer.close()


def make_run(folder: Path, steps, gids, *, ranks=1, seed=0, record="", **kwargs):
    """Write a run folder; `record` is YAML below `record:`."""
    folder.mkdir(parents=True)
    duration = N_STEPS * DT_MS
    (folder / "config.yaml").write_text(
        f"name: test\nsimulation: {{duration_ms: {duration}, dt_ms: {DT_MS}}}\nrecord: {{{record}}}\n"
    )
    network = {"dt_ms": DT_MS, "n_steps": N_STEPS, "n_neurons": N_NEURONS, "populations": POPULATIONS}
    (folder / "network.json").write_text(json.dumps(network))
    (folder / "provenance.json").write_text(json.dumps({"ranks": ranks}))
    write_spikes(folder / "stores/spikes", steps, gids, ranks, np.random.default_rng(seed), **kwargs)
    return folder
