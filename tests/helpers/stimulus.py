"""What drives give to neurons, step by step, read from the engine while it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.helpers.networks import built_rank

from dtbsim.backends.cpu import CpuBackend
from dtbsim.kernels import layout as L
from dtbsim.kernels.log import array_at
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
