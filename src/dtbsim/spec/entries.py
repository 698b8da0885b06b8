"""All pool entries of all projections in one table, so that what a network needs is planned by arrays and not by loops.

An entry is a source population in the pool of a target population (`Projection`). A network of many small projections
has as many entries; everything that is asked of all of them is answered here once, in time proportional to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.models.connections.base import Expectation

if TYPE_CHECKING:
    from dtbsim.spec.network import Network, Projection

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Entries:
    """Arrays of one item per entry, projection after projection in their order.

    Attributes:
        projection: int64[e], index of the projection.
        target, source: int64[e], populations.
        synapses: float64[e], expected number.
        shortest, longest: int64[e], bounds of the delay in steps.
    """

    projection: I64
    target: I64
    source: I64
    synapses: F64
    shortest: I64
    longest: I64

    def __len__(self) -> int:
        return self.projection.size

    def per_projection(self, values: F64, n_projections: int) -> F64:
        """float64[n_projections]: the sums of `values`, float64[e]."""
        return np.asarray(np.bincount(self.projection, values, n_projections), np.float64)


def entries_of(network: Network) -> Entries:
    """The table of a network; made once, `Network.entries` keeps it."""
    projections = network.projections
    pools = [np.diff(p.entry_start) for p in projections]
    pool = _joined(pools, np.int64)
    target = np.repeat(_joined([p.piece_target for p in projections], np.int64), pool)
    source = _joined([p.entry_source for p in projections], np.int64)
    per_projection = np.array([p.entry_source.size for p in projections], dtype=np.int64)
    projection = np.repeat(np.arange(len(projections)), per_projection)
    bounds = [p.delay_range(network.dt_ms) for p in projections]
    own_bounds = [p.delay_bounds for p in projections]
    own_low, own_high = (_joined([bound[k] for bound in own_bounds], np.int64) for k in (0, 1))
    own = np.array([p.delay is None for p in projections], dtype=bool)[projection]
    low, high = (np.array([bound[k] for bound in bounds], dtype=np.int64)[projection] for k in (0, 1))
    return Entries(
        projection=projection,
        target=target,
        source=source,
        synapses=_expected(projections, projection, pool, target, source, network.sizes.astype(np.float64)),
        shortest=np.where(own, own_low, low),
        longest=np.where(own, own_high, high),
    )


def heard(network: Network) -> tuple[I64, I64, I64]:
    """(target population, source population, smallest delay in steps) of everything whose spikes are heard.

    One per entry; and as if modulators projected to every target population with the smallest delay of all.
    """
    entries = network.entries
    target, source, shortest = [entries.target], [entries.source], [entries.shortest]
    for p in network.projections:
        if p.modulators and p.entry_source.size:
            target.append(np.repeat(p.piece_target.astype(np.int64), len(p.modulators)))
            source.append(np.tile(np.array(p.modulators, np.int64), p.piece_target.size))
            shortest.append(np.full(target[-1].size, p.delay_range(network.dt_ms)[0], np.int64))
    return np.concatenate(target), np.concatenate(source), np.concatenate(shortest)


def _expected(
    projections: Sequence[Projection], projection: I64, pool: I64, target: I64, source: I64, sizes: F64
) -> F64:
    """Expected synapses of every entry. `pool`: entries of every piece of every projection."""
    rules = list(dict.fromkeys(p.rule for p in projections))
    rule = np.array([rules.index(p.rule) for p in projections], dtype=np.int64)[projection]
    number = _joined([p.entry_number for p in projections], np.float64)
    indegree = np.repeat(_joined([p.piece_number for p in projections], np.int64), pool)
    edges = _joined([p.entry_cumulative for p in projections], np.float64) + 1.0
    first = np.zeros(edges.size, dtype=bool)
    first[(np.cumsum(pool) - pool)[pool > 0]] = True
    share = np.where(first, edges, edges - np.roll(edges, 1)) / 2.0**32
    without_self = ~np.array([p.autapses for p in projections], dtype=bool)[projection]
    pairs = sizes[target] * (sizes[source] - ((target == source) & without_self))
    synapses = np.zeros(edges.size)
    for index, one in enumerate(rules):
        own = rule == index
        table = (number, indegree.astype(np.float64), share, sizes[target], sizes[source], pairs)
        synapses[own] = one.expected(Expectation(*(values[own] for values in table)))
    return synapses


def _joined(arrays: Sequence[NDArray[np.generic]], dtype: type[np.generic]) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate([np.zeros(0, dtype), *arrays]).astype(dtype, copy=False)
