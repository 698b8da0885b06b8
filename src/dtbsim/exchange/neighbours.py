"""Exchange by messages between ranks that have synapses in common, as often as their delays demand.

A tick is half of the shortest delay between any two ranks, so that what is sent at one tick travels until the next. Two
ranks with longer delays between them exchange every 2, 4, 8 ... ticks: neighbouring regions often, distant ones rarely.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.heard import sources_heard
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.links import Links, find_links
from dtbsim.exchange.plan import MOST_STEPS, ExchangePlan
from dtbsim.exchange.wanted import Flags, Runs, addresses, ask_who_hears, runs_of
from dtbsim.kernels import layout as L
from dtbsim.kernels.packets import pack, unpack
from dtbsim.mpi import Comm
from dtbsim.mpi.mail import counts_of

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
FIRST_WORDS = 64
"""Words of a message at first."""
ASKED_PER_CHUNK = 32
"""How often ranks agree in a chunk whether time is up."""
_NONE: I64 = np.zeros(0, np.int64)
_NOTHING: U64 = np.zeros(0, np.uint64)


class NeighbourExchange:
    """Moves the spikes between ranks; `window` is the number of steps of a tick."""

    def __init__(
        self,
        comm: Comm,
        plan: ExchangePlan,
        links: Links,
        runs: Runs,
        n_lanes: int,
        heard: list[Flags] | None = None,
        words: int = FIRST_WORDS,
    ) -> None:
        """`runs`: the neurons of this rank; `heard`: of those in populations that project to it, which each rank of
        `links.to` has synapses of (`exchange.wanted`; None: send it the spikes of all)."""
        self._comm = comm
        self.window = max(1, min(plan.window, MOST_STEPS) // 2)
        to, sources = (ticks_between(delay, self.window) for delay in (links.to_delay, links.sources_delay))
        self._ticks_in_use = sorted({int(ticks) for ticks in comm_union(comm, [*to, *sources])})
        self._groups = [
            _Group(comm, links, to == ticks, sources == ticks, runs, n_lanes, heard, ticks, words)
            for ticks in self._ticks_in_use
        ]
        self._tick = 0
        self._asked = False
        self.late = False
        """Whether a rank was past its deadline when last asked: all ranks have heard it."""

    @property
    def neighbours(self) -> tuple[int, int]:
        """How many ranks this one sends to, and how many it receives from."""
        return sum(group.n_to for group in self._groups), sum(group.n_sources for group in self._groups)

    def tick(self, rank: I64, lanes: I64, *, late: bool, ask: bool, last: bool) -> I64:
        """Exchange what is due; entries (step << 32 | gid) of other ranks that have arrived.

        `late`: this rank is past its deadline. `ask`: find out until the next tick whether any rank is. `last`: the
        logs will be cleared. `ask` and `last` are the same on all ranks.
        """
        self.late = self._answer()
        everything = last or self.late
        self._tick += 1
        arrived = []
        for group in self._groups:
            if group.ticks == 0:
                group.send(rank, lanes)
                arrived.append(group.receive())
            elif everything or self._tick % group.ticks == 0:
                arrived.append(group.receive())
                group.send(rank, lanes)
        if ask and not everything:
            self._comm.ask_max(float(late))
            self._asked = True
        return np.concatenate([_NONE, *arrived])

    def _answer(self) -> bool:
        if not self._asked:
            return False
        self._asked = False
        return self._comm.answer_max() > 0.0

    def receive(self) -> I64:
        """Take in everything that is under way, after a last tick; collective."""
        return np.concatenate([_NONE, *(group.receive() for group in self._groups)])

    def collected(self) -> None:
        """The logs have been cleared."""
        for group in self._groups:
            group.sent[:] = 0


def neighbour_exchange(
    comm: Comm, built: RankNetwork, plan: ExchangePlan, words: int = FIRST_WORDS
) -> NeighbourExchange:
    """The exchange of a rank that has been built, with ranks that have synapses of its neurons; collective.

    `words` is the room that messages have at first.
    """
    links = find_links(built.network, built.blocks, comm.rank)

    def heard(gid0: I64, size: I64) -> list[Flags]:
        first = built.candidates.numbers(gid0)
        return [sources_heard(built, int(at), int(at + n)) for at, n in zip(first, size, strict=True)]

    known = ask_who_hears(comm, built.blocks, links, len(built.network.populations), heard)
    runs = runs_of(built.blocks, comm.rank)
    return NeighbourExchange(comm, plan, links, runs, len(built.lanes), known, words)


def ticks_between(delays: I64, window: int) -> I64:
    """Ticks of `window` steps between two exchanges of links with such delays, a power of two.

    0: within the tick, as delays are of one step.
    """
    most = delays // (2 * window)
    return np.where(most == 0, 0, 2 ** np.floor(np.log2(np.maximum(most, 1))).astype(np.int64))


def comm_union(comm: Comm, values: list[int]) -> set[int]:
    """The values of all ranks."""
    return set().union(*comm.allgather(sorted({int(value) for value in values})))


class _Group:
    """Links of this rank that exchange at the same ticks."""

    def __init__(
        self,
        comm: Comm,
        links: Links,
        to: NDArray[np.bool_],
        sources: NDArray[np.bool_],
        runs: Runs,
        n_lanes: int,
        heard: list[Flags] | None,
        ticks: int,
        words: int,
    ) -> None:
        self.ticks = ticks
        self.n_to, self.n_sources = int(to.sum()), int(sources.sum())
        self.sent = np.zeros(n_lanes, np.int64)
        """Entries of each lane's log that were sent."""
        here = to[links.wanted_by]
        counts = np.concatenate([[0], np.cumsum(here)])
        wanted_by = (np.cumsum(to) - 1)[links.wanted_by[here]].astype(np.int32)
        known = None if heard is None else [heard[k] for k in np.flatnonzero(to)]
        self._addresses = addresses(runs, counts[links.first].astype(np.int64), wanted_by, known)
        self._mail = comm.mail(links.to[to].tolist(), links.sources[sources].tolist(), words)
        self._under_way = False

    def send(self, rank: I64, lanes: I64) -> None:
        """Start sending everything that was logged since the last time."""
        mail, to = self._mail, self._addresses
        arguments = rank, lanes, self.sent, to.runs, to.first, to.wanted_by, to.bits, mail.send_at, mail.send
        beyond = pack(*arguments, _NONE, _NOTHING) if self.n_to else 0
        rest: list[tuple[int, U64]] = []
        if beyond:
            over = np.maximum(counts_of(mail.send, mail.send_at) + 1 - np.diff(mail.send_at), 0)
            rest_at = np.concatenate([[0], np.cumsum(over)]).astype(np.int64)
            words = np.empty(int(beyond), np.uint64)
            pack(*arguments, rest_at, words)
            rest = [(int(k), words[rest_at[k] : rest_at[k + 1]]) for k in np.flatnonzero(over)]
        self.sent[:] = lanes[:, L.LOG_COUNT]
        mail.start(rest)
        self._under_way = True

    def receive(self) -> I64:
        """What was sent here last, once it has arrived."""
        if not self._under_way:
            return _NONE
        self._under_way = False
        mail = self._mail
        rest = mail.wait()
        out = np.empty(mail.recv.size, np.int64)
        n = unpack(mail.recv_at, mail.recv, out)
        entries = np.concatenate([out[:n], *(part.view(np.int64) for part in rest)])
        mail.tidy()
        return entries
