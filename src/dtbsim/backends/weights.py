"""Recorded weights: which synapses of which lanes, and what they weigh now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.dynamic_tables import DynamicTables
from dtbsim.backends.sampling import first_or_listed
from dtbsim.build.candidates import Candidates
from dtbsim.build.dynamic import DynamicRows
from dtbsim.numerics.gids import Gids
from dtbsim.spec.network import Network


@dataclass(frozen=True, eq=False)
class _Part:
    """The chosen synapses of one lane: which table, their positions in its rows, their ends and delays."""

    tables: DynamicTables
    index: int
    positions: NDArray[np.int64]
    source: Gids
    target: Gids
    delay: NDArray[np.int32]


class RecordedWeights:
    """One entry of record.weights on this rank: the synapses of a plastic projection onto the chosen targets.

    `source`, `target` gids [n], `delay` int32[n] (steps), in the order of target, source, delay, initial weight:
    synapses that are equal in all of these stay equal for ever, so the order is the same whatever the number of ranks
    is.
    """

    def __init__(self, network: Network, candidates: Candidates, dynamic: Sequence[DynamicTables], record: int) -> None:
        item = network.records.weights[record]
        projection = network.projections[item.projection]
        chosen = first_or_listed(network, projection.target_family, item.neurons)
        self._parts = [
            _chosen(tables, index, tables.parts[index], candidates, chosen)
            for tables in dynamic
            if (index := tables.index_of.get(projection.index)) is not None
        ]
        none = [np.zeros(0, network.gid_dtype)]
        source = np.concatenate([*(part.source for part in self._parts), *none])
        target = np.concatenate([*(part.target for part in self._parts), *none])
        delay = np.concatenate([*(part.delay for part in self._parts), np.zeros(0, np.int32)])
        self._order = np.lexsort((self._weights(), delay, source, target))
        self.source, self.target, self.delay = source[self._order], target[self._order], delay[self._order]

    def _weights(self) -> NDArray[np.float64]:
        """As they stand in the rows, in the order of the parts."""
        values = [np.zeros(0)]
        for part in self._parts:
            rows = part.tables.parts[part.index]
            fine = rows.quantum / 2 ** rows.dynamics.shift(rows.quantum)
            values.append(rows.dynamics.sign * part.tables.weights_at(part.index, part.positions) * fine)
        return np.concatenate(values)

    def now(self, step: int) -> NDArray[np.float64]:
        """float64[n] in the unit of the weight: with every spike of a source that has arrived before `step`, and every
        spike of a target up to two longest delays before it."""
        for part in self._parts:
            part.tables.catch_up(part.index, step)
        return self._weights()[self._order]


def _chosen(
    tables: DynamicTables, index: int, part: DynamicRows, candidates: Candidates, chosen: NDArray[np.int64]
) -> _Part:
    rows = part.rows
    gids, slot0, local0 = tables.targets_of(index)
    of_synapse = gids[local0 + rows.targets.astype(np.int64) - slot0]
    positions = np.flatnonzero(np.isin(of_synapse, chosen))
    source = np.repeat(candidates.gids_of(part.numbers), np.diff(rows.rows))
    delay = np.repeat(rows.segments >> np.uint32(16), rows.segments & np.uint32(0xFFFF)).astype(np.int32)
    return _Part(tables, index, positions, source[positions], of_synapse[positions], delay[positions])
