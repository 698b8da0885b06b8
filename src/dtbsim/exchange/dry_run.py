"""Dry run: one rank of many that are not there. What it sends is counted, what it would receive is drawn.

Spikes of the other ranks' neurons that have synapses here are drawn at given rates from the seed, the step and nothing
else; they come in messages of the same form and room as real ones, so that the rank does what it would do in a run.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.build.heard import sources_heard
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.interface import NO_SPIKES
from dtbsim.exchange.links import Links
from dtbsim.exchange.neighbours import NeighbourExchange
from dtbsim.exchange.plan import ExchangePlan
from dtbsim.exchange.wanted import Flags, Runs, runs_of
from dtbsim.kernels.bundles import fill
from dtbsim.kernels.layout import STEPPED
from dtbsim.mpi.channel import Channel, Messages, PointToPoint
from dtbsim.mpi.comm import SerialComm

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
_HEARD = 1 << 32
"""Second word of the generator's key for what others hear; else it is the tag of an exchange."""


class OtherRanks:
    """The neurons of other ranks that a rank hears, which fire at `rates_hz`, float64[n_populations]."""

    def __init__(self, built: RankNetwork, ranks: I64, rates_hz: F64, stream: int) -> None:
        """`ranks` int64[n]: those of the others that send, ascending; `stream`: another one has other spikes."""
        network, blocks = built.network, built.blocks
        chosen = np.isin(blocks.rank, ranks) & (built.candidates.offset[blocks.population] >= 0)
        order = np.flatnonzero(chosen)[np.argsort(blocks.rank[chosen], kind="stable")]
        self._key, self._gid_bits = [network.seed, stream], network.gid_bits
        self._rank = blocks.rank[order].astype(np.int64)
        self._gid0, size = blocks.gid0[order].astype(np.int64), blocks.size[order].astype(np.int64)
        self._size = size
        number = built.candidates.numbers(self._gid0)
        self._byte0 = np.concatenate([[0], np.cumsum((size + 7) // 8)]).astype(np.int64)
        parts = [
            np.packbits(sources_heard(built, at, at + n)) for at, n in zip(number.tolist(), size.tolist(), strict=True)
        ]
        self._heard = np.concatenate([np.zeros(0, np.uint8), *parts])
        """A bit for every neuron: whether it has a synapse here."""
        per_step = rates_hz[blocks.population[order]] * size * network.dt_ms * 1e-3
        self._up_to = np.cumsum(per_step)

    def spikes(self, start: int, stop: int) -> tuple[I64, I64]:
        """(ranks int64[n] ascending, entries of logs) of the steps `start` to `stop` (exclusive)."""
        if not self._up_to.size or self._up_to[-1] == 0:
            return NO_SPIKES, NO_SPIKES
        parts = [(NO_SPIKES, NO_SPIKES), *(self._of_step(step) for step in range(start, stop))]
        run, entries = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.argsort(run, kind="stable")
        return self._rank[run[order]], entries[order]

    def _of_step(self, step: int) -> tuple[I64, I64]:
        rng = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, step]))
        total = float(self._up_to[-1])
        n = int(rng.poisson(total))
        run = np.minimum(np.searchsorted(self._up_to, rng.random(n) * total, side="right"), self._size.size - 1)
        at = (rng.random(n) * self._size[run]).astype(np.int64)
        heard = self._heard[self._byte0[run] + (at >> 3)] >> (7 - (at & 7)).astype(np.uint8) & 1
        run, at = run[heard == 1], at[heard == 1]
        return run, np.int64(step) << self._gid_bits | (self._gid0[run] + at)


class DryComm(SerialComm):
    """The communicator of rank `rank` of `size`, of which no other is there: what all would agree on is what it says.

    `step` is how far the rank has got. `messages` and `words` count what it has sent, int64[size] by rank, `received`
    the spikes that came; `drawing_s` is the time that these took to draw, which no real run spends.
    """

    is_root = True

    def __init__(self, rank: int, size: int) -> None:
        super().__init__()
        self.rank, self.size = rank, size
        self.step = 0
        self.messages, self.words = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.received = 0
        self.drawing_s = 0.0
        self.posted: dict[int, int] = defaultdict(int)
        """How far the rank had got when it last exchanged under a tag."""
        self.beyond: dict[int, deque[U64]] = defaultdict(deque)
        """What had no room in the messages of others, by rank."""
        self._fires: tuple[RankNetwork, F64] | None = None
        self._others: dict[int, OtherRanks] = {}
        self._tags = 0

    def fire(self, built: RankNetwork, rates_hz: F64) -> None:
        """Let the neurons of the other ranks fire at `rates_hz`, float64[n_populations], from now on."""
        self._fires = built, rates_hz

    def new_tag(self) -> int:
        """Return the next number."""
        self._tags += 1
        return self._tags

    def channel(self, tag: int, out: Messages, into: Messages) -> Channel:
        """Return an exchange with others that fire as `fire` says, or never."""
        if self._fires is not None and tag not in self._others:
            self._others[tag] = OtherRanks(self._fires[0], np.array(into.ranks, np.int64), self._fires[1], tag)
        return DryMessages(self, tag, out, into, self._others.get(tag))

    def point_to_point(self, tag: int) -> PointToPoint:
        """Return messages to nobody."""
        return DryPointToPoint(self)


class DryMessages:
    """Messages that go nowhere, and such as might come."""

    def __init__(self, comm: DryComm, tag: int, out: Messages, into: Messages, others: OtherRanks | None) -> None:
        self._comm, self._tag, self._out, self._into, self._others = comm, tag, out, into, others
        self._to, self._sources = np.array(out.ranks, np.int64), np.array(into.ranks, np.int64)
        self._from = self._until = 0

    def post(self) -> None:
        """Count what is sent."""
        self._from = self._comm.posted[self._tag]
        self._until = self._comm.posted[self._tag] = self._comm.step
        self._comm.messages[self._to] += 1
        self._comm.words[self._to] += np.diff(self._out.at)

    def ready(self) -> bool:
        """Return True."""
        return True

    def complete(self) -> None:
        """Draw what others have sent since they sent last."""
        if self._others is None:
            self._into.buffer[:] = 0
            return
        begun_s = time.perf_counter()
        ranks, entries = self._others.spikes(self._from, self._until)
        at = np.searchsorted(ranks, np.append(self._sources, self._comm.size)).astype(np.int64)
        words = entries.view(np.uint64)
        if fill(self._into.at, self._into.buffer, at, words):
            room = np.diff(self._into.at) - 1
            for k in np.flatnonzero(np.diff(at) > room).tolist():
                self._comm.beyond[int(self._sources[k])].append(words[at[k] + room[k] : at[k + 1]])
        self._comm.received += entries.size
        self._comm.drawing_s += time.perf_counter() - begun_s

    def close(self) -> None:
        """Nothing is held."""


class DryPointToPoint:
    """Single messages that go nowhere, and such as might come."""

    def __init__(self, comm: DryComm) -> None:
        self._comm = comm

    def send(self, rank: int, words: U64) -> None:
        """Count it."""
        self._comm.messages[rank] += 1
        self._comm.words[rank] += words.size

    def receive(self, sizes: Sequence[tuple[int, int]]) -> list[U64]:
        """Return what had no room."""
        return [self._comm.beyond[rank].popleft() for rank, _ in sizes]


class DryExchange(NeighbourExchange):
    """The exchange of one rank with others that are not there; `windows` counts ticks, `seconds` the host's time."""

    def __init__(
        self, comm: DryComm, plan: ExchangePlan, links: Links, runs: Runs, n_lanes: int, heard: list[Flags] | None
    ) -> None:
        super().__init__(comm, plan, links, runs, n_lanes, heard)
        self._dry = comm
        self.windows, self.seconds = 0, 0.0

    def tick(self, rank: I64, lanes: I64, *, late: bool, ask: bool, last: bool) -> I64:
        """As in a run; the time is taken."""
        self._dry.step = int(rank[STEPPED])
        drawing_s, begun_s = self._dry.drawing_s, time.perf_counter()
        entries = super().tick(rank, lanes, late=late, ask=ask, last=last)
        self.seconds += time.perf_counter() - begun_s - (self._dry.drawing_s - drawing_s)
        self.windows += 1
        return entries


def drawn_heard(blocks: Blocks, rank: int, links: Links, chances: F64, seed: int) -> list[Flags]:
    """For each rank of `links.to`: which neurons of this rank it hears, as `wanted.ask_who_hears` would find out.

    `chances` float64[links.wanted_by.size]: the probability that a neuron of the population has a synapse on the rank.
    """
    mine = runs_of(blocks, rank)
    rng = np.random.Generator(np.random.Philox(key=[seed, _HEARD]))
    population = np.repeat(np.arange(links.first.size - 1), np.diff(links.first))
    found = []
    for k in range(links.to.size):
        here = np.flatnonzero(links.wanted_by == k)
        chance = np.full(links.first.size - 1, -1.0)
        chance[population[here]] = chances[here]
        of_run = chance[mine.population]
        each = np.repeat(of_run[of_run >= 0], mine.size[of_run >= 0])
        found.append(rng.random(each.size) < each)
    return found
