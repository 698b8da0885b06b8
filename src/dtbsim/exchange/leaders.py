"""Exchange on two levels: the ranks of a node hand what goes to other nodes to one of them, the leader.

Leaders exchange one message for each pair of nodes and hand out what has come. Inside a node messages go straight; the
MPI library moves them through shared memory. Nobody waits for anything that was not posted at an earlier tick: a leader
passes on at its next tick what members have posted at the last one, and takes part in no barrier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import ASSUMED_RATE_HZ, Blocks
from dtbsim.exchange.links import find_links
from dtbsim.exchange.mailbox import DirectMailbox, Mailbox
from dtbsim.exchange.neighbours import ticks_between, window_of
from dtbsim.exchange.plan import shortest_window
from dtbsim.exchange.room import Room, counts_of
from dtbsim.exchange.transport import DIRECT
from dtbsim.kernels.bundles import count_bundles, deal_bundles, fill, write_bundles
from dtbsim.kernels.packets import unpack
from dtbsim.mpi import Comm
from dtbsim.spec.network import Network

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

OVER_LEADERS = 1
FROM_NEIGHBOURS = 64
"""Ranks of other nodes that a rank sends to (mean), from which on leaders pay: messages cost hosts and adapters about
1 us each, passing on costs some tens of us."""
FROM_RANKS_PER_NODE = 4
"""On average: with fewer, there is little to put together."""
MOST_SPIKES = 16
"""Of a message between two ranks (mean): each word passes through two leaders, at 3 to 5 ns for each."""
_NOTHING: U64 = np.zeros(0, np.uint64)
_NO_RANKS: I64 = np.zeros(0, np.int64)
_ZERO: I64 = np.zeros(1, np.int64)


class Nodes:
    """Which rank is on which node; collective."""

    def __init__(self, comm: Comm) -> None:
        self.of: I64 = np.array(comm.allgather(comm.node_index), np.int64)
        """int64[n_ranks]."""
        self.leader: I64 = np.unique(self.of, return_index=True)[1].astype(np.int64)
        """int64[n_nodes]: the first rank of each."""

    def leaders(self, ranks: I64) -> list[int]:
        """The leaders of the nodes of these ranks, ascending."""
        return sorted(self.leader[np.unique(self.of[ranks])].tolist())


def leaders_pay(comm: Comm, network: Network, blocks: Blocks) -> bool:
    """Whether ranks have so many neighbours on other nodes, and so few spikes for each, that leaders should exchange
    for them; collective. Neurons are taken to fire at ASSUMED_RATE_HZ, and to be heard by all that may hear them."""
    if not nodes_allow(comm.size, comm.node_count):
        return False
    mine = far_messages(network, blocks, comm.rank, Nodes(comm).of, shortest_window(network, blocks, comm.size))
    messages, spikes = comm.allreduce_sum(np.array(mine, np.int64)).tolist()
    return many_and_short(messages, spikes, comm.size)


def nodes_allow(n_ranks: int, n_nodes: int) -> bool:
    """Whether nodes have ranks enough."""
    return n_nodes > 1 and n_ranks >= FROM_RANKS_PER_NODE * n_nodes


def many_and_short(messages: int, spikes: int, n_ranks: int) -> bool:
    """Whether leaders pay, if `n_ranks` send so many messages to other nodes with so many spikes in all of them."""
    return messages >= FROM_NEIGHBOURS * n_ranks and spikes <= MOST_SPIKES * messages


def far_messages(network: Network, blocks: Blocks, rank: int, node_of: I64, shortest: int) -> tuple[int, int]:
    """(messages of a rank to ranks of other nodes, spikes in all of them): of one exchange with each.

    `node_of` int64[n_ranks]; `shortest`: the shortest delay in steps between any two ranks.
    """
    links = find_links(network, blocks, rank)
    far = node_of[links.to] != node_of[rank]
    mine = blocks.rank == rank
    neurons = np.bincount(blocks.population[mine], blocks.size[mine], len(network.populations))
    population = np.repeat(np.arange(neurons.size), np.diff(links.first))
    heard = np.bincount(links.wanted_by, neurons[population], links.to.size)
    window = window_of(shortest)
    steps = window * np.maximum(ticks_between(links.to_delay, window), 1)
    spikes = float((heard * steps)[far].sum()) * network.dt_ms * 1e-3 * ASSUMED_RATE_HZ
    return int(far.sum()), round(spikes)


class LeaderTransport:
    """Straight to the ranks of this node, by way of leaders to all others; collective."""

    def __init__(self, comm: Comm) -> None:
        self._comm, self._nodes = comm, Nodes(comm)

    def ways(self, ranks: I64) -> I64:
        """Two ways."""
        return np.where(self._nodes.of[ranks] == self._comm.node_index, DIRECT, OVER_LEADERS)

    def mailbox(self, way: int, to: list[int], sources: list[int], words: int) -> Mailbox:
        """A direct one, or that of a leader or of a member of its node."""
        if way == DIRECT:
            return DirectMailbox(self._comm, to, sources, words)
        if self._nodes.leader[self._comm.node_index] == self._comm.rank:
            return LeaderMailbox(self._comm, self._nodes, to, sources, words)
        return MemberMailbox(self._comm, self._nodes, to, sources, words)


class _FarMailbox:
    """Messages to and from ranks of other nodes: what leaders and members have in common. See `mailbox.Mailbox`.

    Three mailboxes take part: from members `up` to their leader, `across` between leaders, `down` from leaders to
    their members. All ranks make all three, where they have no part in them with nobody.
    """

    _up: DirectMailbox
    _across: DirectMailbox
    _down: DirectMailbox

    def __init__(self, to: Sequence[int], words: int) -> None:
        self._to: I64 = np.array(to, np.int64)
        self._room = Room(len(to), words)
        self._lay_out()

    def _lay_out(self) -> None:
        self.send_at = self._room.at
        self.send: U64 = np.zeros(int(self.send_at[-1]), np.uint64)

    @property
    def recv(self) -> U64:
        """What the leader has handed out."""
        return self._down.recv

    @property
    def recv_at(self) -> I64:
        """Where its message begins and ends."""
        return self._down.recv_at

    def compile(self) -> None:
        """Pass on no bundles."""
        self._up.compile()
        write_bundles(_ZERO, _NOTHING, _NO_RANKS, _ZERO, _NOTHING, _NOTHING)
        _dealt(_NOTHING, _NO_RANKS, 0, 1)
        fill(_ZERO, _NOTHING, _ZERO, _NOTHING)

    def _written(self, rest: Sequence[tuple[int, U64]]) -> U64:
        """Bundles of everything that is in `send`, and of the rest."""
        sizes = np.zeros(self._to.size, np.int64)
        for k, words in rest:
            sizes[k] = words.size
        beyond = np.concatenate([_NOTHING, *(words for _, words in sorted(rest, key=lambda item: item[0]))])
        out = np.empty(self.send.size + beyond.size, np.uint64)
        return out[: write_bundles(self.send_at, self.send, self._to, _starts(sizes), beyond, out)]

    def tidy(self) -> None:
        """Adapt the room of all messages."""
        if self._room.adapt(self.send, self.send_at):
            self._lay_out()
        for mailbox in (self._up, self._across, self._down):
            mailbox.tidy()

    def close(self) -> None:
        """Close all mailboxes."""
        for mailbox in (self._up, self._across, self._down):
            mailbox.close()


class MemberMailbox(_FarMailbox):
    """That of a rank that has a leader: one message to it, one from it."""

    def __init__(self, comm: Comm, nodes: Nodes, to: Sequence[int], sources: Sequence[int], words: int) -> None:
        super().__init__(to, words)
        leader = int(nodes.leader[comm.node_index])
        _tell_leader(comm, leader, to, sources)
        self._up = DirectMailbox(comm, [leader] if to else [], [], words)
        self._across = DirectMailbox(comm, [], [], words)
        self._down = DirectMailbox(comm, [], [leader] if sources else [], words)

    def post(self, rest: Sequence[tuple[int, U64]] = ()) -> None:
        """Hand bundles to the leader."""
        if self._up.to:
            bundles = self._written(rest)
            _post(self._up, _starts([bundles.size]), bundles)
        self._down.post()

    def progress(self) -> None:
        """Nobody waits for a member to pass anything on."""

    def complete(self) -> list[U64]:
        """Wait for the message of the leader."""
        self._up.complete()
        return self._down.complete()


class LeaderMailbox(_FarMailbox):
    """That of a leader, which passes on what members send, and what other leaders send to them.

    `recv` stays empty: what has come for this rank itself is what `complete` returns.
    """

    def __init__(self, comm: Comm, nodes: Nodes, to: Sequence[int], sources: Sequence[int], words: int) -> None:
        super().__init__(to, words)
        told = _tell_leader(comm, comm.rank, to, sources)
        members = [rank for rank in told if rank != comm.rank]
        senders = [rank for rank in members if told[rank][0].size]
        receivers = [rank for rank in members if told[rank][1].size]
        out, into = (nodes.leaders(np.concatenate([one[k] for one in told.values()])) for k in (0, 1))
        self._up = DirectMailbox(comm, [], senders, words)
        self._across = DirectMailbox(comm, out, into, words)
        self._down = DirectMailbox(comm, receivers, [], words)
        place_of_node: I64 = np.full(nodes.leader.size, -1, np.int64)
        place_of_node[nodes.of[out]] = np.arange(len(out))
        self._node_place: I64 = place_of_node[nodes.of]
        """int64[n_ranks]: which of the messages across a bundle for the rank is in."""
        self._rank_place: I64 = np.full(comm.size, -1, np.int64)
        """int64[n_ranks]: which of the messages down the entries for a rank of this node are; this rank's come last."""
        self._rank_place[receivers] = np.arange(len(receivers))
        self._rank_place[comm.rank] = len(receivers)
        self._mine = self._own = _NOTHING
        self._to_pass: list[Callable[[], None]] = []

    def post(self, rest: Sequence[tuple[int, U64]] = ()) -> None:
        """Keep the own bundles until those of members are there."""
        self._mine = self._written(rest)
        self._up.post()
        self._to_pass = [self._pass_across, self._pass_down]

    def progress(self) -> None:
        """Pass on what has arrived."""
        while self._to_pass and self._awaited.ready():
            self._to_pass.pop(0)()

    @property
    def _awaited(self) -> DirectMailbox:
        return self._up if len(self._to_pass) == 2 else self._across

    def complete(self) -> list[U64]:
        """Pass everything on, and return what is for this rank."""
        while self._to_pass:
            self._to_pass.pop(0)()
        self._down.complete()
        return [self._own] if self._own.size else []

    def _pass_across(self) -> None:
        """From members to other leaders."""
        bundles = np.concatenate([self._mine, _content(self._up)])
        _post(self._across, *_dealt(bundles, self._node_place, len(self._across.to), 1))

    def _pass_down(self) -> None:
        """From other leaders to members, and to this rank."""
        at, entries = _dealt(_content(self._across), self._rank_place, len(self._down.to) + 1, 0)
        self._own = entries[at[-2] :]
        _post(self._down, at[:-1], entries)


def _tell_leader(comm: Comm, leader: int, to: Sequence[int], sources: Sequence[int]) -> dict[int, tuple[I64, I64]]:
    """On a leader: to whom each rank of its node sends, and from whom it receives; collective."""
    told = [_NOTHING for _ in range(comm.size)]
    told[leader] = np.array([len(to), *to, *sources], np.uint64)
    found = {}
    for rank, words in enumerate(comm.alltoallv(told)):
        if words.size:
            n = int(words[0])
            found[rank] = words[1 : n + 1].astype(np.int64), words[n + 1 :].astype(np.int64)
    return found


def _starts(sizes: Sequence[int] | I64) -> I64:
    """Where parts of these sizes begin, one after another, and where the last one ends."""
    return np.concatenate([_ZERO, np.cumsum(sizes, dtype=np.int64)])


def _content(mailbox: DirectMailbox) -> U64:
    """All words that come, once they have, those of each message together."""
    rest = dict(mailbox.finish())
    if not rest:
        out = np.empty(mailbox.recv.size, np.int64)
        return out[: unpack(mailbox.recv_at, mailbox.recv, out)].view(np.uint64)
    counts, at = counts_of(mailbox.recv, mailbox.recv_at), mailbox.recv_at
    parts = []
    for k in range(len(mailbox.sources)):
        parts.append(mailbox.recv[at[k] + 1 : min(at[k] + 1 + counts[k], at[k + 1])])
        parts += [rest[k]] if k in rest else []
    return np.concatenate(parts)


def _dealt(bundles: U64, place: I64, n: int, header: int) -> tuple[I64, U64]:
    """(where each part begins, all parts): of `n` places, `place[rank]` for each rank; with the headers of bundles (1)
    or the entries alone (0)."""
    sizes = np.zeros(n, np.int64)
    count_bundles(bundles, place, header, sizes)
    at = _starts(sizes)
    out = np.empty(int(at[-1]), np.uint64)
    deal_bundles(bundles, place, header, at[:-1].copy(), out)
    return at, out


def _post(mailbox: DirectMailbox, at: I64, words: U64) -> None:
    """Post part k, words[at[k] : at[k + 1]], to the k-th rank, however long it is."""
    rest = []
    if fill(mailbox.send_at, mailbox.send, at, words):
        room = np.diff(mailbox.send_at) - 1
        rest = [(int(k), words[at[k] + room[k] : at[k + 1]]) for k in np.flatnonzero(np.diff(at) > room)]
    mailbox.post(rest)
