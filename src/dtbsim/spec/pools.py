"""Which populations pair up in a projection, and what the connectome of the atlas makes of numbers and weights.

With `scope: connectome` everything is relative to the intact atlas, whatever part of it a network has: a region that
is left out takes its own connections with it and changes no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.config import network as cfg
from dtbsim.models.connections import rule_of
from dtbsim.spec.populations import Draft
from dtbsim.spec.regions import atlas_of

if TYPE_CHECKING:
    from dtbsim.atlas import Atlas

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pools:
    """Source entries of every target population, one after the other.

    `start` int64[targets + 1]; per entry `source` int64 (population), `weight` float64 (of the pair in the connectome,
    or 1) and `length_mm` float64 (of the tract; NaN: none).
    """

    start: I64
    source: I64
    weight: F64
    length_mm: F64

    @property
    def piece(self) -> I64:
        """Pool of every entry."""
        return np.repeat(np.arange(self.start.size - 1), np.diff(self.start))

    def kept(self, some: NDArray[np.bool_]) -> Pools:
        """The same pools with some of their entries."""
        count = np.bincount(self.piece[some], minlength=self.start.size - 1)
        return Pools(_starts(count), self.source[some], self.weight[some], self.length_mm[some])

    @property
    def strength(self) -> F64:
        """float64[targets]: total weight of each pool, added up in order."""
        return np.asarray(np.bincount(self.piece, self.weight, self.start.size - 1), dtype=np.float64)


def find_pools(scope: str, source: Draft, target: Draft, atlas: Atlas | None) -> Pools:
    """Pools of all target populations; `atlas` is needed where both live in regions."""
    regions = target.regions.astype(np.int64)
    if scope == "connectome":
        return _connected(source, regions, atlas)
    if scope == "same_region":
        sources = _by_region(source, atlas)[regions]
        count = (sources >= 0).astype(np.int64)
        found = sources[sources >= 0]
        return Pools(_starts(count), found, np.ones(found.size), np.zeros(found.size))
    populations = np.array(source.populations, dtype=np.int64)
    lengths = [_lengths(region, source.regions, atlas) for region in regions.tolist()]
    return Pools(
        _starts(np.full(regions.size, populations.size)),
        np.tile(populations, regions.size),
        np.ones(populations.size * regions.size),
        np.concatenate(lengths),
    )


def _starts(count: I64) -> I64:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])


def _by_region(source: Draft, atlas: Atlas | None) -> I64:
    """Population of the source family in each region of the atlas, -1: none."""
    found = np.full(len(atlas_of(atlas).region_names), -1, dtype=np.int64)
    found[source.regions] = source.populations
    return found


def _connected(source: Draft, regions: I64, atlas: Atlas | None) -> Pools:
    """The connected regions in which the source family lives."""
    by_region = _by_region(source, atlas)
    parts = [atlas_of(atlas).incoming(region) for region in regions.tolist()]
    kept = [(part.weights > 0) & (by_region[part.sources] >= 0) for part in parts]
    lengths = [
        np.full(part.sources.size, np.nan) if part.lengths_mm is None else np.asarray(part.lengths_mm) for part in parts
    ]
    return Pools(
        _starts(np.array([int(keep.sum()) for keep in kept], dtype=np.int64)),
        by_region[np.concatenate([part.sources[keep] for part, keep in zip(parts, kept, strict=True)])],
        np.concatenate([part.weights[keep] for part, keep in zip(parts, kept, strict=True)]).astype(np.float64),
        np.concatenate([length[keep] for length, keep in zip(lengths, kept, strict=True)]).astype(np.float64),
    )


def _lengths(target: int, sources: NDArray[np.int32], atlas: Atlas | None) -> F64:
    """Tract lengths from all source regions onto one; 0 from itself, NaN where there is no tract."""
    if target < 0 or sources[0] < 0:
        return np.full(sources.size, np.nan)
    lengths = np.full(len(atlas_of(atlas).region_names), np.nan)
    incoming = atlas_of(atlas).incoming(target)
    if incoming.lengths_mm is not None:
        lengths[incoming.sources] = incoming.lengths_mm
    lengths[target] = 0.0
    return np.asarray(lengths[sources])


@dataclass(frozen=True, eq=False)
class Scaling:
    """What the connectome makes of the numbers and weights of a projection.

    `pieces` float64[targets] multiplies in-degrees, `entries` float64[e] the number of every pair. `weight` float64[e],
    at most 1, and `weight_unit`, for all pairs alike, multiply synaptic weights. `reference` is what connectome
    weights are divided by, None: they do not count.
    """

    pieces: F64
    entries: F64
    weight: F64
    weight_unit: float = 1.0
    reference: float | None = None


def find_scaling(item: cfg.Projection, pools: Pools, target: Draft, atlas: Atlas | None) -> Scaling:
    """The scaling of a projection. Its reference is that of the whole atlas unless the configuration names one."""
    ones = np.ones(pools.source.size)
    some = (np.diff(pools.start) > 0).astype(np.float64)
    if item.scope != "connectome":
        return Scaling(some, ones, ones)
    edges = atlas_of(atlas).edges()
    n = len(atlas_of(atlas).region_names)
    by_strength = item.connectome_scales == "indegree" and rule_of(item.rule).number_of == "target"
    largest = np.bincount(edges.targets, edges.weights, n) if by_strength else edges.weights
    reference = _reference(item, np.asarray(largest, dtype=np.float64), atlas)
    if reference == 0:
        return Scaling(some, ones, ones, reference=reference)
    if by_strength:
        return Scaling(pools.strength / reference, ones, ones, reference=reference)
    if item.connectome_scales == "indegree":
        return Scaling(some, pools.weight / reference, ones, reference=reference)
    links = np.bincount(edges.targets, minlength=n)[target.regions]
    present = np.diff(pools.start) / np.maximum(links, 1)
    top = float(pools.weight.max())
    return Scaling(present, ones, pools.weight / top, top / reference, reference)


def _reference(item: cfg.Projection, weights: F64, atlas: Atlas | None) -> float:
    """What connectome weights are divided by: the number given, or one of the whole atlas; not above 0: there is none.

    `weights` are those that count: totals onto a region, or weights of connections.
    """
    given = item.connectome_reference
    if isinstance(given, float | int):
        return float(given)
    if given == "spectral_radius":
        return atlas_of(atlas).spectral_radius
    return float(weights.mean() if given == "mean" else weights.max())


def unscaled(pools: Pools) -> Scaling:
    """The scaling of listed synapses: none, whatever the scope."""
    return Scaling(np.ones(pools.start.size - 1), np.ones(pools.source.size), np.ones(pools.source.size))


def cumulative_shares(shares: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Per pool, the cumulative share of each entry in units of 2**-32 (last: 2**32 - 1), for `word <= cumulative`."""
    result = np.zeros(shares.size, dtype=np.uint32)
    for piece in range(starts.size - 1):
        part = slice(int(starts[piece]), int(starts[piece + 1]))
        if part.stop > part.start:
            edges = np.cumsum(shares[part])
            scaled = np.clip(np.rint(edges / edges[-1] * 2.0**32) - 1, 0, 2**32 - 1)
            scaled[-1] = 2**32 - 1
            result[part] = scaled.astype(np.uint32)
    return result
