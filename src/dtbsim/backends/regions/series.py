"""What a chunk brings of mean-field regions: sampled values of this rank's nodes and members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.mpi import Comm

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RegionSeries:
    """One sample of the network: `steps` int64[k] after which was sampled, `values`, float32.

    These are [k, nodes, members, variables].

    `nodes` are the first and the one after the last of the population that this rank has, `members` which it has.
    """

    steps: I64
    values: F32
    nodes: tuple[int, int]
    members: tuple[int, ...]


def gathered(series: RegionSeries, n_nodes: int, n_members: int, comm: Comm) -> F32 | None:
    """float32[k, all nodes, all members, variables] on rank 0, None elsewhere; collective."""
    if comm.size == 1:
        return _ordered(series, n_nodes, n_members)
    parts = comm.gather(series)
    if parts is None:
        return None
    k, _, _, variables = series.values.shape
    everything = np.zeros((k, n_nodes, n_members, variables), np.float32)
    for part in parts:
        low, high = part.nodes
        everything[:, low:high, list(part.members)] = part.values
    return everything


def _ordered(series: RegionSeries, n_nodes: int, n_members: int) -> F32:
    if series.members == tuple(range(n_members)):
        return series.values
    everything = np.zeros_like(series.values)
    everything[:, :, list(series.members)] = series.values
    return everything
