"""The runs of consecutive global ids of a lane's neurons, from which compiled code finds an id and a source index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.candidates import Candidates
from dtbsim.build.lanes import Lane
from dtbsim.kernels import layout as L
from dtbsim.spec.network import Network

I64 = NDArray[np.int64]
_UPPER = 32


def neuron_runs(network: Network, candidates: Candidates, lane: Lane) -> I64:
    """int64[n + 1, RUN_FIELDS], as long as they can be; all ids of one have the same upper 32 bits."""
    gid0, size, population, local = _split(lane.table[:, :4]).T
    offset = candidates.offset[population]
    source0 = np.where(offset >= 0, offset + gid0 - network.gid_starts[population], -1)
    end = gid0 + size
    same = (gid0[1:] == end[:-1]) & (gid0[1:] >> _UPPER == gid0[:-1] >> _UPPER)
    follows = (source0[1:] == (source0 + size)[:-1]) & (source0[:-1] >= 0)
    same &= follows | ((source0[1:] < 0) & (source0[:-1] < 0))
    first = np.flatnonzero(np.concatenate([np.ones(min(gid0.size, 1), bool), ~same]))  # a lane may have no neurons
    runs = np.zeros((first.size + 1, L.RUN_FIELDS), np.int64)
    runs[:-1, L.RUN_LOCAL], runs[:-1, L.RUN_GID0], runs[:-1, L.RUN_SOURCE0] = local[first], gid0[first], source0[first]
    runs[-1] = lane.n_local, 0, -1
    return runs


def source_index(network: Network, candidates: Candidates, lane: Lane) -> NDArray[np.int32]:
    """int32[n_local]: number of every neuron as a source, -1: none; for GPUs, which look each neuron up by itself."""
    index = np.full(lane.n_local, -1, dtype=np.int32)
    for run in lane.runs:
        offset = int(candidates.offset[run.population])
        if offset >= 0:
            first = offset + run.gid0 - network.populations[run.population].gid0
            index[run.local : run.local + run.size] = np.arange(first, first + run.size)
    return index


def _split(table: I64) -> I64:
    """Rows (first id, neurons, population, first local index), cut where the upper bits of the id change."""
    gid0, size = table[:, 0], table[:, 1]
    cut = ((gid0 >> _UPPER) + 1) << _UPPER
    wide = np.flatnonzero(gid0 + size > cut)
    if not wide.size:
        return table
    before, after = table.copy(), table[wide].copy()
    n = (cut - gid0)[wide]
    before[wide, 1] = n
    after[:, 0], after[:, 1], after[:, 3] = cut[wide], after[:, 1] - n, after[:, 3] + n
    both = np.concatenate([before, after])
    return both[np.argsort(both[:, 3], kind="stable")]
