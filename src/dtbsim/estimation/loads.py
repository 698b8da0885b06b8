"""What every rank owns, and which ranks are looked at more closely where there are too many for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks, indegrees
from dtbsim.partition import BlockTable
from dtbsim.spec.network import Network

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Loads:
    """Of every rank: neurons and blocks int64[r], expected synapses and predicted work (ns per step) float64[r]."""

    neurons: I64
    synapses: F64
    work: F64
    blocks: I64

    @property
    def imbalance(self) -> float:
        """Largest work / mean work; 1 where there is none."""
        mean = float(self.work.mean())
        return float(self.work.max()) / mean if mean > 0 else 1.0


def find_loads(network: Network, table: BlockTable, blocks: Blocks, n_ranks: int) -> Loads:
    """In time and memory proportional to the blocks."""
    degree = indegrees(network)
    neurons = np.zeros(n_ranks, dtype=np.int64)
    np.add.at(neurons, blocks.rank, blocks.size)
    return Loads(
        neurons=neurons,
        synapses=np.asarray(np.bincount(blocks.rank, blocks.size * degree[blocks.population], n_ranks), np.float64),
        work=np.asarray(np.bincount(blocks.rank, table.work, n_ranks), np.float64),
        blocks=np.bincount(blocks.rank, minlength=n_ranks),
    )


def chosen_ranks(loads: Loads, most: int) -> I64:
    """int64[n], ascending: all ranks, or `most` of them: the heaviest in each respect, and others spread evenly."""
    n = loads.neurons.size
    if n <= most:
        return np.arange(n)
    extremes = [
        find(values) for values in (loads.neurons, loads.synapses, loads.work) for find in (np.argmax, np.argmin)
    ]
    even = np.linspace(0, n - 1, most).astype(np.int64)
    return np.unique(np.concatenate([np.array(extremes, dtype=np.int64), even]))
