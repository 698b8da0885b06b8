"""What drives give to neurons, step by step, read from the engine while it runs."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from tests.helpers.networks import built_rank

from dtbsim.backends.cpu import CpuBackend
from dtbsim.kernels import layout as L
from dtbsim.kernels.drives import poisson_drives, varied_poisson
from dtbsim.kernels.log import array_at
from dtbsim.numerics.philox import seed_key
from dtbsim.spec import Network


def currents_of(network: Network, n_steps: int | None = None, threads: int = 1) -> Any:
    """Input currents float32[steps, neurons] in the order of the gids."""
    backend = CpuBackend(built_rank(network, threads=threads), None, threads)
    steps = network.n_steps if n_steps is None else n_steps
    found = np.zeros((steps, network.n_neurons), np.float32)
    try:
        for step in range(steps):
            backend.advance(step, step + 1)
            for row, state in zip(backend.tables.table, backend.tables.states, strict=True):
                words = array_at(int(row[L.STIM_AT]), (state.lane.n_local + 1) // 2)
                found[step, state.lane.gids] = words.view(np.float32)[: state.lane.n_local]
    finally:
        backend.close()
    return found


def poisson_sums_of(network: Network, chunks: tuple[int, ...] = ()) -> Any:
    """What Poisson drives add to channel 0 of every neuron, in quanta, int64[steps, neurons]."""
    backend = CpuBackend(built_rank(network), None, 1)
    key = seed_key(network.seed)
    found = np.zeros((network.n_steps, network.n_neurons), np.int64)
    edges = [0, *chunks, network.n_steps]
    try:
        for start, stop in itertools.pairwise(edges):
            backend.tables.drives.set_chunk(start, stop)
            for row, state in zip(backend.tables.table, backend.tables.states, strict=True):
                for step in range(start, stop):
                    state.acc[:] = 0
                    poisson_drives(row, step, *key)
                    varied_poisson(row, step, start, *key)
                    for run in state.lane.runs:
                        slot = int(state.lane.slot_start[run.kind][0]) + run.local - state.lane.group_start[run.kind]
                        found[step, run.gid0 : run.gid0 + run.size] = state.acc[slot : slot + run.size]
    finally:
        backend.close()
    return found
