"""Synapses that connection rules list, for the targets of one rank: selected once, then dealt to its lanes.

The rule is asked for the synapses onto the rank's own neurons; values that it does not list are drawn by target and
number, so that they do not depend on who asks.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.draws import draws_of
from dtbsim.build.lanes import Lane
from dtbsim.errors import InputError
from dtbsim.kernels.listed import CALL_LISTED, draw_listed
from dtbsim.models.connections import Words
from dtbsim.models.connections.check import synapses_of
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_SOURCE, philox_array, seed_key
from dtbsim.numerics.ranges import range_of
from dtbsim.spec.network import Network, Projection

if TYPE_CHECKING:
    from dtbsim.build.blocks import Blocks

I64 = NDArray[np.int64]
LISTED_BYTES = 64
"""Of each listed synapse while a rank is built, beside its place in the rows."""


@dataclass(frozen=True, eq=False)
class ListedOnLane:
    """Synapses as the loops take them: source row and target slot int32[n], weight int32[n] (quanta), delay uint16[n]
    (steps)."""

    source: NDArray[np.int32]
    slot: NDArray[np.int32]
    weight: NDArray[np.int32]
    delay: NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class _Selected:
    """Synapses onto the targets of a rank, ascending targets. `target` int64[n] gids, `source` int32[n] candidates,
    `number` uint32[n] among those of the target, `weight` float64[n] or None, `delay` uint16[n] or None."""

    target: I64
    source: NDArray[np.int32]
    number: NDArray[np.uint32]
    weight: NDArray[np.float64] | None
    delay: NDArray[np.uint16] | None


class ListedOnRank:
    """Listed synapses of a rank, by projection. Lanes may be built by several threads."""

    def __init__(self, network: Network, blocks: Blocks, rank: int, offset: I64) -> None:
        """`offset` int64[n_populations]: first candidate of each source population."""
        self._network, self._offset = network, offset
        mine = blocks.rank == rank
        self._gid0, self._size, self._population = blocks.gid0[mine], blocks.size[mine], blocks.population[mine]
        self._lock = threading.Lock()
        self._known: dict[int, _Selected] = {}

    @classmethod
    def nothing(cls) -> ListedOnRank:
        """That of a rank without neurons."""
        made = cls.__new__(cls)
        made._lock, made._known = threading.Lock(), {}
        return made

    def release(self) -> None:
        """Forget everything: the rows have been built."""
        self._known.clear()

    def on_lane(self, projection: Projection, lane: Lane, quantum: float | None = None) -> ListedOnLane:
        """Return the synapses of a projection onto a lane, weights in `quantum` (default: that of the channel)."""
        with self._lock:
            if projection.index not in self._known:
                self._known[projection.index] = self._select(projection)
        chosen = self._known[projection.index]
        positions, slots = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for population in projection.piece_target.tolist():
            for run in lane.runs_of.get(population, ()):
                first, stop = np.searchsorted(chosen.target, [run.gid0, run.gid0 + run.size])
                shift = int(lane.slot_start[run.kind][projection.channel]) - int(lane.group_start[run.kind])
                positions.append(np.arange(first, stop))
                slots.append(chosen.target[first:stop] - run.gid0 + run.local + shift)
        at = np.concatenate(positions)
        weight, delay = self._values(projection, chosen, at, quantum)
        return ListedOnLane(chosen.source[at], np.concatenate(slots).astype(np.int32), weight, delay)

    def _select(self, projection: Projection) -> _Selected:
        assert projection.listing is not None
        network = self._network
        targets = network.families[projection.target_family].populations
        sources = network.families[projection.source_family].populations
        target0, source0 = int(network.gid_starts[targets[0]]), int(network.gid_starts[sources[0]])
        onto = np.isin(self._population, projection.piece_target)
        wanted = [np.arange(n) + g - target0 for g, n in zip(self._gid0[onto], self._size[onto], strict=True)]
        asked = np.sort(np.concatenate([np.zeros(0, np.int64), *wanted]))
        words = self._words(projection, target0)
        n_sources = int(network.sizes[sources].sum())
        try:
            found = synapses_of(projection.rule, projection.listing, asked, words, n_sources)
        except InputError as error:
            where = f"{projection.key_path}.rule" + (f": {error.where}" if error.where else "")
            raise InputError(error.message, where=where, remedy=error.remedy) from error
        target, source, weight, delay = found.target, found.source, found.weight, found.delay
        first = np.flatnonzero(np.diff(target, prepend=-1))
        number = np.arange(target.size) - np.repeat(first, np.diff(np.append(first, target.size)))
        population = range_of(network.gid_starts, source + source0)
        _check_expected(projection, self._pieces_of(target + target0), population, network.sizes.size)
        candidate = self._offset[population] + source + source0 - network.gid_starts[population]
        return _Selected(
            target + target0,
            candidate.astype(np.int32),
            number.astype(np.uint32),
            weight,
            None if delay is None else delay.astype(np.uint16),
        )

    def _pieces_of(self, target: I64) -> I64:
        """Populations of targets."""
        return range_of(self._network.gid_starts, target)

    def _words(self, projection: Projection, target0: int) -> Words:
        def words(target: I64, number: I64, call: int) -> NDArray[np.uint32]:
            last = (PURPOSE_SOURCE << PURPOSE_SHIFT) | projection.index
            third = call << 2 | CALL_LISTED
            return np.asarray(philox_array(target + target0, number.astype(np.uint32), third, last, self._network.seed))

        return words

    def _values(
        self, projection: Projection, chosen: _Selected, at: I64, quantum: float | None
    ) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
        """Weights in quanta and delays in steps of the chosen synapses `at`."""
        network = self._network
        channel = network.families[projection.target_family].channels[projection.channel]
        unit = quantum or channel.quantum
        weights = np.zeros(0, np.int32)
        delays = np.zeros(0, np.uint16)
        listed_weight = chosen.weight if projection.lists_weights else None
        if listed_weight is None:
            weights = np.zeros(at.size, np.int32)
        if chosen.delay is None:
            delays = np.zeros(at.size, np.uint16)
        if weights.size or delays.size:
            own = np.zeros(at.size, np.int32)
            if projection.delay is None:
                own = self._tract_delays(projection, chosen.target[at], chosen.source[at])
            draws = draws_of(projection, unit, network.dt_ms, weights=weights.size > 0, delays=delays.size > 0)
            k0, k1 = seed_key(network.seed)
            draw_listed(chosen.target[at], chosen.number[at], own, projection.index, k0, k1, draws, weights, delays)
        if listed_weight is not None:
            weights = np.rint(listed_weight[at] / unit).astype(np.int32)
        return weights, delays if chosen.delay is None else chosen.delay[at]

    def _tract_delays(self, projection: Projection, target: I64, source: NDArray[np.int32]) -> NDArray[np.int32]:
        """The delay of each synapse's pair of populations."""
        n = self._network.sizes.size
        piece = np.repeat(np.arange(projection.piece_target.size), np.diff(projection.entry_start))
        pair = projection.piece_target[piece].astype(np.int64) * n + projection.entry_source
        order = np.argsort(pair)
        known = np.flatnonzero(self._offset >= 0)
        by_offset = known[np.argsort(self._offset[known])]
        source_population = by_offset[np.searchsorted(self._offset[by_offset], source, side="right") - 1]
        found = np.searchsorted(pair[order], self._pieces_of(target) * n + source_population)
        return projection.delay_steps[order[found]].astype(np.int32)


def _check_expected(projection: Projection, target: I64, source: I64, n: int) -> None:
    """InputError for synapses between populations of which none was expected: their spikes would not get there."""
    piece = np.repeat(projection.piece_target.astype(np.int64), np.diff(projection.entry_start))
    known = piece * n + projection.entry_source
    if not np.isin(target * n + source, known).all():
        raise InputError(
            f"the rule {projection.rule.kind} gives synapses between populations of which it expected none",
            where=projection.key_path,
            remedy="`expected` of its listing must be above 0 for every pair that may have some",
        )
