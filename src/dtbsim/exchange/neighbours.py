"""Exchange by messages between ranks that have synapses in common, as often as their delays demand.

A tick is half of the shortest delay between any two ranks, so that what is sent at one tick travels until the next. Two
ranks with longer delays between them exchange every 2, 4, 8 ... ticks: neighbouring regions often, distant ones rarely.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.heard import sources_heard
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.interface import NO_SPIKES
from dtbsim.exchange.links import Links, find_links
from dtbsim.exchange.mailbox import Mailbox
from dtbsim.exchange.plan import MOST_STEPS, ExchangePlan
from dtbsim.exchange.room import counts_of
from dtbsim.exchange.transport import DirectTransport, Transport
from dtbsim.exchange.wanted import Flags, Runs, addresses, ask_who_hears, runs_of
from dtbsim.kernels import layout as L
from dtbsim.kernels.packets import pack, unpack
from dtbsim.mpi import Comm

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
FIRST_WORDS = 64
"""Words of a message at first."""
_NOTHING: U64 = np.zeros(0, np.uint64)


class NeighbourExchange:
    """Moves the spikes between ranks; `window` is the number of steps of a tick. See `interface.Exchange`."""

    inside = False

    def __init__(
        self,
        comm: Comm,
        plan: ExchangePlan,
        links: Links,
        runs: Runs,
        n_lanes: int,
        heard: list[Flags] | None = None,
        words: int = FIRST_WORDS,
        transport: Transport | None = None,
    ) -> None:
        """`runs`: the neurons of this rank; `heard`: of those in populations that project to it, which each rank of
        `links.to` has synapses of (`exchange.wanted`; None: send it the spikes of all); `transport`: default direct."""
        self._comm = comm
        self.window = window_of(plan.window)
        transport = DirectTransport(comm) if transport is None else transport
        to = _keys(ticks_between(links.to_delay, self.window), transport.ways(links.to))
        sources = _keys(ticks_between(links.sources_delay, self.window), transport.ways(links.sources))
        keys = sorted(comm_union(comm, [*to.tolist(), *sources.tolist()]))
        self._groups = []
        for key in keys:
            ticks, way = divmod(key, _WAYS)
            mine, theirs = to == key, sources == key
            mailbox = transport.mailbox(way, links.to[mine].tolist(), links.sources[theirs].tolist(), words)
            self._groups.append(_Group(mailbox, links, mine, theirs, runs, n_lanes, heard, ticks))
        self._tick = 0
        self._asked = False
        self.late = False

    @property
    def neighbours(self) -> tuple[int, int]:
        """How many ranks this one sends to, and how many it receives from."""
        return sum(group.n_to for group in self._groups), sum(group.n_sources for group in self._groups)

    def attach(self, rank: I64) -> None:
        """Nothing to enter: the compiled steps know of no other rank."""

    def compile(self) -> None:
        """Pack and unpack nothing, by all ways."""
        for group in self._groups:
            group.compile()

    def tick(self, rank: I64, lanes: I64, *, late: bool, ask: bool, last: bool) -> I64:
        """Exchange what is due; what has arrived."""
        for group in self._groups:
            group.progress()
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
        return _joined(arrived)

    def _answer(self) -> bool:
        if not self._asked:
            return False
        self._asked = False
        return self._comm.answer_max() > 0.0

    def complete(self) -> I64:
        """What is under way, once it has arrived."""
        return _joined([group.receive() for group in self._groups])

    def collected(self) -> None:
        """Whatever is logged from now on has not been sent."""
        for group in self._groups:
            group.sent[:] = 0

    def close(self) -> None:
        """Close the mailboxes."""
        for group in self._groups:
            group.close()


def neighbour_exchange(
    comm: Comm, built: RankNetwork, plan: ExchangePlan, words: int = FIRST_WORDS, transport: Transport | None = None
) -> NeighbourExchange:
    """The exchange of a rank that has been built, with ranks that have synapses of its neurons; collective.

    `words` is the room that messages have at first; `transport`: default direct.
    """
    links = find_links(built.network, built.blocks, comm.rank)

    def heard(gid0: I64, size: I64) -> list[Flags]:
        first = built.candidates.numbers(gid0)
        return [sources_heard(built, int(at), int(at + n)) for at, n in zip(first, size, strict=True)]

    known = ask_who_hears(comm, built.blocks, links, len(built.network.populations), heard)
    runs = runs_of(built.blocks, comm.rank)
    return NeighbourExchange(comm, plan, links, runs, len(built.lanes), known, words, transport)


_WAYS = 16
"""More than any transport has."""


def _keys(ticks: I64, ways: I64) -> I64:
    """One number for ranks whose messages are in one mailbox; in the order in which these are exchanged."""
    return ticks * _WAYS + ways


def _joined(parts: list[I64]) -> I64:
    some = [part for part in parts if part.size]
    if not some:
        return NO_SPIKES
    return some[0] if len(some) == 1 else np.concatenate(some)


def window_of(shortest: int) -> int:
    """Steps of a tick where `shortest` is the shortest delay between any two ranks, in steps."""
    return max(1, min(shortest, MOST_STEPS) // 2)


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
    """Links of this rank that exchange at the same ticks, by the same way."""

    def __init__(
        self,
        mailbox: Mailbox,
        links: Links,
        to: NDArray[np.bool_],
        sources: NDArray[np.bool_],
        runs: Runs,
        n_lanes: int,
        heard: list[Flags] | None,
        ticks: int,
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
        self._mailbox = mailbox
        self._under_way = False

    def compile(self) -> None:
        """Pack and unpack nothing."""
        rank, lanes = np.zeros(L.RANK_FIELDS, np.int64), np.zeros((1, L.LANE_FIELDS), np.int64)
        to, at = self._addresses, np.zeros(1, np.int64)
        pack(rank, lanes, self.sent, to.runs, to.first, to.wanted_by, to.bits, at, _NOTHING, NO_SPIKES, _NOTHING)
        unpack(at, _NOTHING, NO_SPIKES)
        self._mailbox.compile()

    def send(self, rank: I64, lanes: I64) -> None:
        """Start sending everything that was logged since the last time."""
        mailbox, to = self._mailbox, self._addresses
        arguments = rank, lanes, self.sent, to.runs, to.first, to.wanted_by, to.bits, mailbox.send_at, mailbox.send
        beyond = pack(*arguments, NO_SPIKES, _NOTHING) if self.n_to else 0
        rest: list[tuple[int, U64]] = []
        if beyond:
            over = np.maximum(counts_of(mailbox.send, mailbox.send_at) + 1 - np.diff(mailbox.send_at), 0)
            rest_at = np.concatenate([[0], np.cumsum(over)]).astype(np.int64)
            words = np.empty(int(beyond), np.uint64)
            pack(*arguments, rest_at, words)
            rest = [(int(k), words[rest_at[k] : rest_at[k + 1]]) for k in np.flatnonzero(over)]
        self.sent[:] = lanes[:, L.LOG_COUNT]
        mailbox.post(rest)
        self._under_way = True

    def progress(self) -> None:
        """Pass on what others wait for."""
        if self._under_way:
            self._mailbox.progress()

    def receive(self) -> I64:
        """What was sent here last, once it has arrived."""
        if not self._under_way:
            return NO_SPIKES
        self._under_way = False
        mailbox = self._mailbox
        rest = mailbox.complete()
        entries = NO_SPIKES
        if mailbox.recv.size:
            out = np.empty(mailbox.recv.size, np.int64)
            entries = out[: unpack(mailbox.recv_at, mailbox.recv, out)]
        if rest:
            entries = np.concatenate([entries, *(part.view(np.int64) for part in rest)])
        mailbox.tidy()
        return entries

    def close(self) -> None:
        """Close the mailbox; what is still under way stays with the communicator until that is closed."""
        if not self._under_way:
            self._mailbox.close()
