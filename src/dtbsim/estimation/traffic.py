"""What goes between ranks: neighbours, messages and bytes, by the rules of the exchanges themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from dtbsim.backends.cuda.exchange import FIRST_WORDS
from dtbsim.build.blocks import Blocks
from dtbsim.exchange.links import Links, find_links, owners_of
from dtbsim.exchange.neighbours import ticks_between
from dtbsim.exchange.plan import MOST_STEPS, shortest_window
from dtbsim.exchange.room import enough
from dtbsim.exchange.wanted import WORTH_ASKING
from dtbsim.spec.network import MAX_DELAY_STEPS, Network

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
WORD_BYTES = 8


@dataclass(frozen=True)
class Traffic:
    """Of one rank. `windows_per_s`: exchanges per biological second; messages and bytes sent, spikes sent (counted
    once for each rank that they go to) and received, per second; `to`, `sources`: ranks.

    `ticks` int64[n]: how many windows pass between two messages to each of the ranks that this one sends to.
    `passed_per_s`: words that a leader passes on for its node.
    """

    to: int
    sources: int
    ticks: I64
    windows_per_s: float
    messages_per_s: float
    bytes_per_s: float
    spikes_sent_per_s: float
    spikes_received_per_s: float
    buffer_bytes: int
    passed_per_s: float = 0.0


class TrafficModel:
    """Traffic of any rank of a network whose neurons fire at `rates`, float64[n_populations] in Hz."""

    def __init__(self, network: Network, blocks: Blocks, n_ranks: int, rates: F64) -> None:
        n, entries = len(network.populations), network.entries
        self._network, self._blocks, self.n_ranks, self._rates = network, blocks, n_ranks, rates
        self._sizes = network.sizes.astype(np.float64)
        self._owners = owners_of(blocks, n)
        held = csr_array((blocks.size.astype(np.float64), (blocks.population, blocks.rank)), shape=(n, n_ranks))
        held.sum_duplicates()
        self._held = csr_array(held.multiply(1 / self._sizes[:, None]))
        """Which share of each population every rank has."""
        self._of_rank = csc_array(self._held)
        synapses = entries.synapses / self._sizes[entries.source]
        self._synapses = csr_array((synapses, (entries.source, entries.target)), shape=(n, n))
        """Of a neuron of each population onto each population."""
        self._procedural = any(p.procedural for p in network.projections)
        self.shortest = shortest_window(network, blocks, n_ranks)
        """Shortest delay between two ranks in steps; MAX_DELAY_STEPS: no spike ever travels."""

    @property
    def silent(self) -> bool:
        """Whether no spike ever travels."""
        return self.shortest >= MAX_DELAY_STEPS

    def own(self, rank: int) -> tuple[I64, F64]:
        """Populations of a rank, and its neurons of each."""
        part = slice(self._of_rank.indptr[rank], self._of_rank.indptr[rank + 1])
        populations = self._of_rank.indices[part].astype(np.int64)
        return populations, np.asarray(self._of_rank.data[part]) * self._sizes[populations]

    def spikes_per_s(self, rank: int) -> float:
        """Of the neurons of a rank."""
        populations, neurons = self.own(rank)
        return float(self._rates[populations] @ neurons)

    def by_messages(self, rank: int, node_of: I64 | None = None) -> Traffic:
        """As `NeighbourExchange` sends; with `node_of`, int64[n_ranks], over leaders, of which this rank is one."""
        links = find_links(self._network, self._blocks, rank, self._owners)
        window = max(1, min(self.shortest, MOST_STEPS) // 2)
        ticks = ticks_between(links.to_delay, window)
        per_s = self._windows_per_s(window)
        spikes, bits = self._sent(rank, links)
        often = per_s / np.maximum(ticks, 1)
        words = enough(np.ceil(spikes / np.maximum(often, 1e-9)).astype(np.int64))
        received = self._received(rank)
        back = len(links.sources) * (float(words.mean()) if links.to.size else 0.0)
        messages, passed = float(often.sum()), 0.0
        if node_of is not None:
            messages, passed = self._led(rank, links, often, spikes, node_of)
        return Traffic(
            to=links.to.size,
            sources=links.sources.size,
            ticks=ticks,
            windows_per_s=per_s,
            messages_per_s=messages,
            bytes_per_s=float(WORD_BYTES * (words * often).sum()),
            spikes_sent_per_s=float(spikes.sum()),
            spikes_received_per_s=received,
            buffer_bytes=int(WORD_BYTES * (2 * words.sum() + back + bits)),
            passed_per_s=passed,
        )

    def _led(self, rank: int, links: Links, often: F64, spikes: F64, node_of: I64) -> tuple[float, float]:
        """(messages, words passed on) per second of a leader; the other ranks of its node send as much as it does."""
        far = node_of[links.to] != node_of[rank]
        members = int((node_of == node_of[rank]).sum())
        messages = float(often[~far].sum())
        for rate in np.unique(often[far]).tolist():
            nodes = np.unique(node_of[links.to[far & (often == rate)]]).size
            messages += rate * (nodes + members - 1)
        return messages, 2.0 * members * float((spikes + often)[far].sum())

    def by_shared_memory(self, rank: int, capacity: int) -> Traffic:
        """As `SharedBoard`: each rank reads the spikes of all others; `capacity` spikes of a rank fit."""
        window = min(self.shortest, MOST_STEPS)
        others = self._all_spikes_per_s - self.spikes_per_s(rank)
        return Traffic(
            to=self.n_ranks - 1,
            sources=self.n_ranks - 1,
            ticks=np.ones(self.n_ranks - 1, np.int64),
            windows_per_s=self._windows_per_s(window),
            messages_per_s=0.0,
            bytes_per_s=WORD_BYTES * self.spikes_per_s(rank),
            spikes_sent_per_s=self.spikes_per_s(rank),
            spikes_received_per_s=others,
            buffer_bytes=2 * WORD_BYTES * capacity,
        )

    def by_gpu(self, rank: int) -> Traffic:
        """As `DeviceExchange` sends: to each rank that may hear a population all of its spikes, in every window."""
        links = find_links(self._network, self._blocks, rank, self._owners)
        per_s = self._windows_per_s(max(1, self.shortest // 2))
        populations, neurons = self.own(rank)
        counts = np.diff(links.first)[populations]
        spikes = np.bincount(links.wanted_by, np.repeat(self._rates[populations] * neurons, counts), links.to.size)
        needed = enough(np.ceil(spikes / per_s).astype(np.int64))
        words = np.where(spikes / per_s + 1 > FIRST_WORDS, needed, FIRST_WORDS)
        back = len(links.sources) * (float(words.mean()) if links.to.size else 0.0)
        return Traffic(
            to=links.to.size,
            sources=links.sources.size,
            ticks=np.ones(links.to.size, np.int64),
            windows_per_s=per_s,
            messages_per_s=per_s * links.to.size,
            bytes_per_s=float(per_s * WORD_BYTES * words.sum()),
            spikes_sent_per_s=float(spikes.sum()),
            spikes_received_per_s=self._received(rank),
            buffer_bytes=int(WORD_BYTES * (2 * words.sum() + 4 * back)),
        )

    @property
    def _all_spikes_per_s(self) -> float:
        return float(self._rates @ self._sizes)

    def _windows_per_s(self, window: int) -> float:
        return 1000.0 / (window * self._network.dt_ms)

    def _sent(self, rank: int, links: Links) -> tuple[F64, int]:
        """Spikes per second to each rank of `links.to`, and the words that say where those of a neuron go."""
        populations, neurons = self.own(rank)
        if not links.to.size:
            return np.zeros(0), 0
        counts = np.diff(links.first)[populations]
        of = np.repeat(np.arange(populations.size), counts)
        to = links.wanted_by.astype(np.int64)
        some = self.chances(rank, links)
        if float(some @ neurons[of]) >= WORTH_ASKING * float(neurons[of].sum()):
            some = np.ones(some.size)
        spikes = np.bincount(to, self._rates[populations[of]] * neurons[of] * some, links.to.size)
        words = -(-counts // 64) @ neurons if (some < 1).any() else 0
        return np.asarray(spikes), int(words)

    def chances(self, rank: int, links: Links) -> F64:
        """float64[links.wanted_by.size]: the probability that a neuron of the population has a synapse on the rank."""
        populations = np.repeat(np.arange(links.first.size - 1), np.diff(links.first))
        mine, of = np.unique(populations, return_inverse=True)
        each = csr_array(self._synapses[mine] @ self._held)[:, links.to].toarray()
        return self._some(each[of, links.wanted_by.astype(np.int64)])

    def _received(self, rank: int) -> float:
        """Spikes of other ranks per second that have a synapse here."""
        mine = self._of_rank[:, [rank]].toarray()[:, 0]
        each = np.asarray(self._synapses @ mine)
        here = np.flatnonzero(each)
        neurons = self._sizes[here] * (1 - mine[here])
        return float((self._rates[here] * neurons) @ self._some(each[here]))

    def _some(self, synapses: F64) -> F64:
        """The probability that a neuron with so many expected synapses has one; the heads of modulators count."""
        if self._procedural:
            return np.ones(synapses.size)
        return np.where(synapses > 0, -np.expm1(-synapses), 1.0)
