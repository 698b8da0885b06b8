"""What cores hold: neurons, synapses, bytes, axons in and out; and which neurons fit into one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dtbsim.chips.chip import Chip
from dtbsim.mapping.links import F64, I64, Links


@dataclass(frozen=True, eq=False)
class Reach:
    """Which cores hear which neurons: entry k says that core `core[k]` has targets of neuron `source[k]`.

    `core` is int64, from 0; pairs are in the order of sources, each once. A core that hears its own neurons counts.
    """

    source: I64
    core: I64
    n_cores: int

    @property
    def axons_in(self) -> I64:
        """int64[cores]: source neurons that each core hears."""
        return np.bincount(self.core, minlength=self.n_cores).astype(np.int64)

    def axons_out(self, core_of: I64) -> I64:
        """int64[cores]: pairs of a neuron of each core and a core that hears it."""
        own = core_of[self.source]
        return np.bincount(own[own >= 0], minlength=self.n_cores).astype(np.int64)


def reach_of(links: Links, core_of: I64, n_cores: int) -> Reach:
    """Return which cores hear which neurons. `core_of`: int64[n], -1 for neurons outside."""
    core = core_of[links.target]
    inside = core >= 0
    pairs = np.unique(links.source[inside].astype(np.int64) * n_cores + core[inside])
    return Reach(pairs // n_cores, pairs % n_cores, n_cores)


@dataclass(frozen=True, eq=False)
class Loads:
    """int64[cores] each: what cores hold; `bytes` is None where the chip does not say what a synapse takes."""

    neurons: I64
    synapses: I64
    bytes: I64 | None
    axons_in: I64
    axons_out: I64


def loads_of(links: Links, chip: Chip, core_of: I64, reach: Reach) -> Loads:
    """Return what each core holds."""
    n_cores, inside = reach.n_cores, core_of >= 0
    neurons = np.bincount(core_of[inside], minlength=n_cores).astype(np.int64)
    synapses = np.bincount(core_of[inside], links.indegree[inside].astype(np.float64), n_cores).astype(np.int64)
    bits = chip.whole("memory.bits_per_synapse")
    return Loads(
        neurons, synapses, None if bits is None else -(-synapses * bits // 8), reach.axons_in, reach.axons_out(core_of)
    )


def capacities(chip: Chip) -> Iterator[tuple[str, str]]:
    """Yield names of `Loads` and the key path of their limit in a core, of those that are known."""
    for name, path in (
        ("neurons", "size.neurons_per_core"),
        ("synapses", "memory.synapses_per_core"),
        ("bytes", "memory.bytes_per_core"),
        ("axons_in", "connections.axons_in"),
        ("axons_out", "connections.axons_out"),
    ):
        if chip.get(path) is not None:
            yield name, path


def fullness(loads: Loads, chip: Chip) -> F64:
    """float64[cores]: how much of its scarcest resource each core uses; above 1 it does not fit."""
    found = np.zeros(loads.neurons.size)
    for name, path in capacities(chip):
        used = getattr(loads, name)
        if used is not None:
            found = np.maximum(found, used / chip[path])
    return found


def work_of(links: Links, chip: Chip) -> F64:
    """float64[n]: the share of a core that each neuron takes, by neurons and synapses; 0 of neurons outside."""
    per_neuron = np.full(links.n, 1 / chip["size.neurons_per_core"])
    most = _most_synapses(chip)
    if most is not None:
        per_neuron = np.maximum(per_neuron, links.indegree / most)
    return np.where(links.placed, per_neuron, 0.0)


def _most_synapses(chip: Chip) -> float | None:
    """Synapses that a core holds, by number or by bytes, where either is known."""
    found = []
    if chip.get("memory.synapses_per_core") is not None:
        found.append(chip["memory.synapses_per_core"])
    if chip.get("memory.bytes_per_core") is not None and chip.get("memory.bits_per_synapse") is not None:
        found.append(8 * chip["memory.bytes_per_core"] / chip["memory.bits_per_synapse"])
    return min(found) if found else None


def take(core_of: I64) -> tuple[I64, int]:
    """Return int64[n] with cores numbered without gaps, in their order, and how many there are; -1 stays."""
    used, inverse = np.unique(core_of, return_inverse=True)
    shift = int(used[0] < 0) if used.size else 0
    return (inverse - shift).astype(np.int64), int(used.size) - shift
