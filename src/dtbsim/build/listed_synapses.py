"""The synapses of one projection as a list, some blocks of targets at a time, by the loops that build a rank's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks, cut_blocks
from dtbsim.build.candidates import number_candidates
from dtbsim.build.dynamic import initial_sizes
from dtbsim.build.kinds import Kind, find_kinds
from dtbsim.build.lanes import lane_of_blocks
from dtbsim.build.synapses import LaneBuilder
from dtbsim.kernels import layout as L
from dtbsim.spec.network import Network, Projection

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SynapseList:
    """Synapses by target, source and delay: gids [n], quanta int32[n], delay in steps int32[n]."""

    source: NDArray[np.uint32]
    target: NDArray[np.uint32]
    quanta: NDArray[np.int32]
    delay: NDArray[np.int32]


class SynapseLister:
    """Lists the synapses of a network, projection by projection; any rank can list any of them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._kinds: list[Kind] = find_kinds(network)
        table = cut_blocks(network)
        population = table.population.astype(np.int64)
        self._blocks = Blocks(table.gid0, table.n_neurons, population, np.zeros(len(table), np.int32))

    def chunks(self, projection: Projection, about: int, targets: I64 | None = None) -> Iterator[SynapseList]:
        """All synapses onto the populations `targets` (None: all), about so many at a time.

        A chunk has whole blocks of targets, so it is larger where one block has more synapses. There is at least one
        chunk, which may be empty.
        """
        pieces = np.unique(projection.piece_target.astype(np.int64))
        wanted = pieces if targets is None else np.intersect1d(pieces, targets)
        chosen = np.flatnonzero(np.isin(self._blocks.population, wanted))
        share = np.cumsum(self._expected(projection)[self._blocks.population[chosen]] * self._blocks.size[chosen])
        part = np.floor_divide(np.concatenate([[0.0], share[:-1]]), about)
        if chosen.size == 0:
            none = np.zeros(0, np.uint32), np.zeros(0, np.int32)
            yield SynapseList(none[0], none[0], none[1], none[1])
            return
        for blocks in np.split(chosen, np.flatnonzero(np.diff(part)) + 1):
            yield self._list(projection, blocks)

    def _expected(self, projection: Projection) -> NDArray[np.float64]:
        """Expected synapses per neuron of every population."""
        network, entries = self._network, self._network.entries
        mine = entries.projection == projection.index
        synapses = np.bincount(entries.target[mine], entries.synapses[mine], network.sizes.size)
        return np.asarray(synapses / network.sizes)

    def _list(self, projection: Projection, chosen: I64) -> SynapseList:
        network = self._network
        lane = lane_of_blocks(network, self._kinds, self._blocks, chosen)
        onto = np.isin(projection.piece_target, self._blocks.population[chosen])
        entry = np.repeat(onto, np.diff(projection.entry_start))
        blocks = self._blocks
        part = Blocks(blocks.gid0[chosen], blocks.size[chosen], blocks.population[chosen], blocks.rank[chosen])
        populations = projection.entry_source[entry].astype(np.int64)
        candidates = number_candidates(network, populations, part, 0, "a block of targets")
        sources = candidates.of(network, projection)
        quantum = quantum_of(network, projection)
        rows = LaneBuilder(network, lane, candidates, L.KIND_WIDE32, (projection,), quantum, sources).build()
        kind = lane.runs[0].kind
        shift = int(lane.group_start[kind]) - int(lane.slot_start[kind][projection.channel])
        target = lane.gids[rows.targets.astype(np.int64) + shift]
        delay = np.repeat(rows.segments >> np.uint32(16), rows.segments & np.uint32(0xFFFF)).astype(np.int32)
        source = np.repeat(candidates.gids(sources.start, sources.stop), np.diff(rows.rows))
        order = np.argsort(target, kind="stable")  # rows are in the order of source and delay
        weights = _begun(network, projection, rows.weights.astype(np.int32))
        return SynapseList(source[order], target[order], weights[order], delay[order])


def quantum_of(network: Network, projection: Projection) -> float:
    """The unit of the weights of a projection: of plastic ones a fraction of that of the input."""
    quantum = _input_quantum(network, projection)
    dynamics = projection.dynamics
    return quantum if dynamics is None else float(quantum / 2 ** dynamics.shift(quantum))


def _input_quantum(network: Network, projection: Projection) -> float:
    return network.families[projection.target_family].channels[projection.channel].quantum


def _begun(network: Network, projection: Projection, weights: NDArray[np.int32]) -> NDArray[np.int32]:
    """Weights as they begin: plastic ones within their bound."""
    dynamics = projection.dynamics
    if dynamics is None or not dynamics.plastic:
        return weights
    bound = dynamics.largest(_input_quantum(network, projection))
    return np.int32(dynamics.sign) * initial_sizes(weights, bound)
