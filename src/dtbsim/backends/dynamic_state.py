"""State of dynamic projections: what a lane holds by its own numbers, and the same keyed by global ids.

Arrays of a projection, all below `synapses/PROJECTION/`; a source is on every rank that has synapses of it:

- `source/gid` uint32[n], `last` int32[n] (step of its last spike), `trace` float32[n, 2]: state after that spike.
- `transit/gid` uint32[n], `step` int64[n], `nth` int32[n], `carried` int64[n, 2]: spikes that some synapse has not
  received yet, with what they carry; `nth` counts those of one source in one step.

Where weights change (n targets, each on one rank):

- `target/gid` uint32[n], `indegree` int32[n], `spikes` int32[n]: how many synapses each has, and remembered spikes.
- `weight` int32[synapses]: in fine quanta, target by target, those of a target in the order of source and delay.
- `history` int64[spikes, words]: remembered spikes, target by target, the oldest first, as in `kernels.history`.
- `applied` int64[ranks]: the step up to which spikes of targets have changed all weights.

Where synapses have states of their own: `event` int32[synapses] (step of the last spike of either end that each has
seen) and `state/NAME` float32[synapses], as the weights.

Where dopamine changes them: `eligibility` float32[synapses] as the weights; `dopamine/cell` int64[n], `released`
int32[n, interval], `integral` float32[n, interval + 1]; `dopamine/clock` int64[ranks, 2], `level` float32[ranks].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.dynamic_tables import StatefulTables
from dtbsim.backends.lane_synapses import Dopamine, LaneSynapses, Plastic
from dtbsim.backends.state import OTHER_NETWORK, State, Values, joined, rows_of, taken
from dtbsim.errors import InputError
from dtbsim.kernels.by_target import from_targets, to_targets
from dtbsim.models.synapses import StatefulSynapse
from dtbsim.numerics.gids import Gids
from dtbsim.spec.network import Network, Projection
from dtbsim.spec.synapses import Rewarded

I64 = NDArray[np.int64]
_LOW32 = 0xFFFFFFFF


# -- out ------------------------------------------------------------------------------------------------------


def synapse_states(network: Network, lanes: Sequence[StatefulTables], now: int) -> Values:
    """All dynamic projections on the lanes of a rank, whose pending changes are applied as far as `catch_up` does."""
    found: Values = {}
    for projection in network.projections:
        if projection.dynamics is None:
            continue
        parts = [
            _Lane(tables, index, now)
            for tables in lanes
            if (index := tables.index_of.get(projection.index)) is not None
        ]
        found |= {
            f"synapses/{projection.name}/{name}": array
            for name, array in _joined(projection, parts, network.gid_dtype).items()
        }
    return found


class _Lane:
    """A projection on a lane, read, with the gids of its sources and targets."""

    def __init__(self, tables: StatefulTables, index: int, now: int) -> None:
        tables.catch_up(index, now)
        self.read = tables.read(index, now)
        self.rows, self.sources = tables.parts[index].rows, tables.source_gids(index)
        self.plastic = self.read.plastic
        if self.plastic is not None:
            gids, self.slot0 = tables.target_gids(index), tables.targets_of(index)[1]
            slots = self.rows.targets.astype(np.int64) - self.slot0
            every = np.bincount(slots, minlength=gids.size)
            self._cursor = np.cumsum(every) - every
            has_synapses = every > 0  # nothing looks at the spikes of the others
            self.targets, self.indegree = gids[has_synapses], every[has_synapses].astype(np.int32)
            self.kept = self.plastic.kept[has_synapses]
            self.history = self.plastic.history[np.repeat(has_synapses, self.plastic.kept)]

    def by_target(self, values: NDArray[Any]) -> NDArray[Any]:
        """One value per synapse, target by target."""
        out = np.empty_like(values)
        to_targets(self.rows.targets, self.slot0, self._cursor.copy(), values, out)
        return out


def _joined(projection: Projection, parts: list[_Lane], dtype: Any) -> Values:
    found: Values = {}
    gids, last, trace = [], [], []
    for part in parts:
        spoken = np.flatnonzero((np.diff(part.rows.segment_rows) > 0) & (part.read.last >= 0))
        gids.append(part.sources[spoken])
        last.append(part.read.last[spoken])
        trace.append(part.read.trace[spoken])
    every = joined(gids, dtype)
    found["source/gid"], first = np.unique(every, return_index=True)
    found["source/last"], found["source/trace"] = joined(last, np.int32)[first], joined(trace, np.float32, 2)[first]
    found |= _transit(parts, dtype)
    dynamics = projection.dynamics
    if dynamics is None or not dynamics.plastic:
        return found
    plastic = [part.plastic for part in parts if part.plastic is not None]
    found["target/gid"] = joined([part.targets for part in parts], dtype)
    found["target/indegree"] = joined([part.indegree for part in parts], np.int32)
    found["target/spikes"] = joined([part.kept for part in parts], np.int32)
    found["history"] = joined([part.history for part in parts], np.int64, dynamics.history_words)
    weights = [part.by_target(part.plastic.weights) for part in parts if part.plastic is not None]
    found["weight"] = joined(weights, np.int32)
    found["applied"] = np.array([part.applied for part in plastic[:1]], np.int64)
    if isinstance(dynamics.model, StatefulSynapse):
        found |= _own_states(dynamics.model, parts)
    if isinstance(dynamics, Rewarded):
        eligible = [part.by_target(part.plastic.eligibility) for part in parts if part.plastic is not None]
        found["eligibility"] = joined(eligible, np.float32)
        found |= _dopamine(dynamics.interval, [part.dopamine for part in plastic[:1]])
    return found


def _own_states(model: StatefulSynapse, parts: list[_Lane]) -> Values:
    own = [(part, part.plastic.own) for part in parts if part.plastic is not None and part.plastic.own is not None]
    found: Values = {"event": joined([part.by_target(events) for part, (_, events) in own], np.int32)}
    for k, row in enumerate(model.states):
        found[f"state/{row.name}"] = joined([part.by_target(states[k]) for part, (states, _) in own], np.float32)
    return found


def _transit(parts: list[_Lane], dtype: Any) -> Values:
    """Spikes of all lanes, each once, as lanes agree on those that both have."""
    gid = joined([part.sources[part.read.transit[:, 0]] for part in parts], dtype)
    rest = joined([part.read.transit[:, 1:] for part in parts], np.int64, 3)
    nth = joined([_nth(part.read.transit) for part in parts], np.int32)
    first = _first_of_each(gid, rest[:, 0], nth)
    return {
        "transit/gid": gid[first],
        "transit/step": rest[first, 0],
        "transit/nth": nth[first],
        "transit/carried": rest[first, 1:],
    }


def _nth(transit: I64) -> NDArray[np.int32]:
    """The place of each spike among those of its source in its step, in the order of what they carry."""
    order = np.lexsort((transit[:, 3], transit[:, 2], transit[:, 1], transit[:, 0]))
    ends = transit[order, :2]
    fresh = np.ones(order.size, bool)
    fresh[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    begins = np.flatnonzero(fresh)
    nth = np.empty(order.size, np.int32)
    nth[order] = np.arange(order.size) - np.repeat(begins, np.diff([*begins, order.size]))
    return nth


def _first_of_each(gid: Gids, step: I64, nth: NDArray[np.int32]) -> I64:
    """Rows that are the first with their spike, in the order of step, source and `nth`."""
    order = np.lexsort((nth, gid, step))
    keys = np.stack([step[order], gid[order].astype(np.int64), nth[order].astype(np.int64)], axis=1)
    fresh = np.ones(order.size, bool)
    fresh[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return order[fresh]


def _dopamine(interval: int, found: list[Dopamine | None]) -> Values:
    """All lanes have the same."""
    parts = [part for part in found if part is not None]
    cells = [part.first + np.arange(len(part.released), dtype=np.int64) for part in parts]
    return {
        "dopamine/cell": joined(cells, np.int64),
        "dopamine/released": joined([part.released for part in parts], np.int32, interval),
        "dopamine/integral": joined([part.integral for part in parts], np.float32, interval + 1),
        "dopamine/clock": joined([part.clock[None] for part in parts], np.int64, 2),
        "dopamine/level": joined([part.level for part in parts], np.float32),
    }


# -- in -------------------------------------------------------------------------------------------------------


def load_synapses(state: State, network: Network, lanes: Sequence[StatefulTables], now: int) -> None:
    """Give the dynamic projections on the lanes of a rank their state; no step has been done there."""
    for projection in network.projections:
        here = [(tables, tables.index_of[projection.index]) for tables in lanes if projection.index in tables.index_of]
        if not here:
            continue
        prefix = f"synapses/{projection.name}/"
        table = {name.removeprefix(prefix): taken(state, name) for name in state if name.startswith(prefix)}
        taken(state, prefix + "source/gid")
        spikes = _spikes_again(table)
        for tables, index in here:
            tables.write(index, _lane_of(table, spikes, projection, tables, index), now)


def _spikes_again(table: Values) -> tuple[Gids, I64]:
    """Sources, and int64[n, 3] (step and the words carried), of every spike in transit once, in their order."""
    first = _first_of_each(table["transit/gid"], table["transit/step"], table["transit/nth"])
    rest = np.concatenate([table["transit/step"][:, None], table["transit/carried"]], axis=1)
    return table["transit/gid"][first], rest[first]


def _lane_of(
    table: Values, spikes: tuple[Gids, I64], projection: Projection, tables: StatefulTables, index: int
) -> LaneSynapses:
    sources = tables.source_gids(index)
    rows = rows_of(table["source/gid"], sources)
    known = rows >= 0
    dynamics = projection.dynamics
    assert dynamics is not None
    last, trace = np.full(sources.size, -1, np.int32), np.tile(dynamics.initial_states(), (sources.size, 1))
    last[known], trace[known] = table["source/last"][rows[known]], table["source/trace"][rows[known]]
    source = rows_of(sources, spikes[0])
    used = np.diff(tables.parts[index].rows.segment_rows) > 0
    mine = (source >= 0) & used[source]
    transit = np.concatenate([source[mine, None], spikes[1][mine]], axis=1)
    plastic = _plastic_of(table, projection, tables, index) if dynamics.plastic else None
    return LaneSynapses(last, trace, np.ascontiguousarray(transit), plastic)


def _plastic_of(table: Values, projection: Projection, tables: StatefulTables, index: int) -> Plastic:
    part, slot0, gids = tables.parts[index].rows, tables.targets_of(index)[1], tables.target_gids(index)
    indegree = np.bincount(part.targets.astype(np.int64) - slot0, minlength=gids.size)
    rows = rows_of(table["target/gid"], gids)
    there = np.where(rows >= 0, table["target/indegree"][rows] if table["target/gid"].size else 0, 0)
    if (there != indegree).any():
        wrong = int(np.flatnonzero(there != indegree)[0])
        raise InputError(
            f"neuron {int(gids[wrong])} has {int(there[wrong])} synapses in the state and {int(indegree[wrong])} here",
            where=f"projection {projection.name}", remedy=OTHER_NETWORK,
        )  # fmt: skip
    begins = np.cumsum(table["target/indegree"], dtype=np.int64) - table["target/indegree"]
    cursor = np.where(rows >= 0, begins[rows], 0) if begins.size else np.zeros(gids.size, np.int64)
    weights = np.empty(part.targets.size, np.int32)
    from_targets(part.targets, slot0, cursor.copy(), table["weight"], weights)
    eligibility = np.zeros(0, np.float32)
    dopamine = None
    if isinstance(projection.dynamics, Rewarded):
        eligibility = np.empty(part.targets.size, np.float32)
        from_targets(part.targets, slot0, cursor.copy(), table["eligibility"], eligibility)
        cells, first = np.unique(table["dopamine/cell"], return_index=True)
        dopamine = Dopamine(
            int(cells[0]) if cells.size else 0,
            table["dopamine/released"][first],
            table["dopamine/integral"][first],
            table["dopamine/clock"][0],
            table["dopamine/level"][:1],
        )
    own = None
    model = projection.dynamics.model if projection.dynamics else None
    if isinstance(model, StatefulSynapse):
        columns = [table["event"], *(table[f"state/{row.name}"] for row in model.states)]
        mine = [np.empty(part.targets.size, column.dtype) for column in columns]
        for column, values in zip(columns, mine, strict=True):
            from_targets(part.targets, slot0, cursor.copy(), column, values)
        own = np.array(mine[1:], np.float32), mine[0]
    kept, history = _histories(table, rows)
    return Plastic(weights, eligibility, kept, history, int(table["applied"][0]), dopamine, own)


def _histories(table: Values, rows: I64) -> tuple[NDArray[np.int32], I64]:
    """Of the targets in these rows (-1: none remembered) the number of spikes and the spikes."""
    spikes = table["target/spikes"]
    begins = np.cumsum(spikes, dtype=np.int64) - spikes
    kept = np.where(rows >= 0, spikes[rows], 0).astype(np.int32) if spikes.size else np.zeros(rows.size, np.int32)
    first = np.where(rows >= 0, begins[rows], 0) if spikes.size else np.zeros(rows.size, np.int64)
    within = np.arange(int(kept.sum())) - np.repeat(np.cumsum(kept) - kept, kept)
    return kept, table["history"][np.repeat(first, kept) + within]
