"""The network as a mapping sees it: who reaches whom, how neurons are grouped, and what they may be called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.as_built import BuiltNetwork
from dtbsim.errors import InputError

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
F64 = NDArray[np.float64]
MOST_SYNAPSES = 2_000_000_000
"""8 bytes each are held at once."""


@dataclass(frozen=True, eq=False)
class Links:
    """Neurons and synapses.

    Attributes:
        n: neurons of the network, those outside included.
        population: int64[n]: the part of a population (in one region) of each neuron, an index of `names`.
        names: names of these parts (`E@Precentral_L`).
        family: int64[names]: index of the population of the configuration, of `families`.
        families: names of the populations.
        region: int64[names]: index of the region of each part, -1 without.
        regions: names of the regions.
        placed: bool[n]: neurons that a chip computes; others are sources of listed or drawn spikes outside of it.
        source, target: uint32[m]: gids of every synapse.
        projection: for each projection its key path and the slice of its synapses, and its delays in steps (least,
            most).
    """

    n: int
    population: I64
    names: tuple[str, ...]
    family: I64
    families: tuple[str, ...]
    region: I64
    regions: tuple[str, ...]
    placed: NDArray[np.bool_]
    source: U32
    target: U32
    projection: tuple[tuple[str, slice, tuple[int, int]], ...]

    @property
    def n_synapses(self) -> int:
        """Synapses."""
        return int(self.source.size)

    @cached_property
    def indegree(self) -> I64:
        """int64[n]: synapses onto each neuron."""
        return np.bincount(self.target, minlength=self.n).astype(np.int64)

    @cached_property
    def outdegree(self) -> I64:
        """int64[n]: synapses from each neuron."""
        return np.bincount(self.source, minlength=self.n).astype(np.int64)

    def gids_of(self, family: str) -> I64:
        """Neurons of a population of the configuration."""
        return np.flatnonzero(self.family[self.population] == self.families.index(family)).astype(np.int64)


def links_of(built: BuiltNetwork) -> Links:
    """Return who reaches whom in a network as it is built.

    Raises InputError where the network has mean-field regions, no neurons, or more synapses than can be held.
    """
    network = built.network
    if network.regions is not None:
        raise InputError(
            "mean-field regions cannot be mapped to a chip", where="populations", remedy="map populations of neurons"
        )
    expected = sum(item.expected_synapses for item in built.projections.values())
    if expected > MOST_SYNAPSES:
        raise InputError(
            f"the network has some {expected:,.0f} synapses; a mapping holds {MOST_SYNAPSES:,} at most",
            where="projections", remedy="map a part of it, or scale it down",
        )  # fmt: skip
    sizes = np.array([population.size for population in network.populations], np.int64)
    families = network.families
    emits = np.array([family.declared.emits != "its own" for family in families], np.bool_)
    family = np.array([population.family for population in network.populations], np.int64)
    population = np.repeat(np.arange(sizes.size), sizes)
    if not (sizes > 0)[~emits[family]].any():
        raise InputError("the network has no neurons that a chip computes", where="populations", remedy="add some")
    source, target, listed = _synapses(built)
    return Links(
        n=int(sizes.sum()),
        population=population,
        names=tuple(item.name for item in network.populations),
        family=family,
        families=tuple(item.name for item in families),
        region=np.array([item.region for item in network.populations], np.int64),
        regions=tuple(network.region_names),
        placed=~emits[family[population]],
        source=source,
        target=target,
        projection=listed,
    )


def _synapses(built: BuiltNetwork) -> tuple[U32, U32, tuple[tuple[str, slice, tuple[int, int]], ...]]:
    sources, targets, listed, start = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)], [], 0
    paths = {item.name: item.key_path for item in built.network.projections}
    for name, projection in built.projections.items():
        first, low, high = start, 0, 0
        for part in projection.synapses():
            if len(part):
                steps = part["delay_steps"].to_numpy()
                low = min(low, int(steps.min())) if start > first else int(steps.min())
                high = max(high, int(steps.max()))
            sources.append(part["source_gid"].to_numpy(np.uint32))
            targets.append(part["target_gid"].to_numpy(np.uint32))
            start += len(part)
        listed.append((paths[name], slice(first, start), (low, high)))
    return np.concatenate(sources), np.concatenate(targets), tuple(listed)
