"""Which rank has a synapse of which neuron: found out once, so that each spike goes to these ranks alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.blocks import Blocks
from dtbsim.exchange.links import Links
from dtbsim.kernels.packets import RUN_GID0, RUN_POPULATION, RUN_STOP, RUN_WORD0, RUN_WORDS
from dtbsim.mpi import Comm

I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]
WORTH_ASKING = 0.9
"""Where ranks have synapses of at least this share of the neurons of populations that project to them, all spikes are
sent: asking for each would cost more."""
_WORD = 64


@dataclass(frozen=True, eq=False)
class Runs:
    """Neurons of a rank: consecutive ids of one population, ascending; `gid0`, `size`, `population` int64[n]."""

    gid0: I64
    size: I64
    population: I64


def runs_of(blocks: Blocks, rank: int) -> Runs:
    """Those of the blocks of a rank, neighbouring blocks of a population as one."""
    mine = np.flatnonzero(blocks.rank == rank)
    mine = mine[np.argsort(blocks.gid0[mine], kind="stable")]
    gid0, size = blocks.gid0[mine].astype(np.int64), blocks.size[mine].astype(np.int64)
    population = blocks.population[mine].astype(np.int64)
    apart = (gid0[1:] != (gid0 + size)[:-1]) | (population[1:] != population[:-1])
    begins = np.flatnonzero(np.concatenate([[True], apart])) if mine.size else mine
    return Runs(gid0[begins], np.add.reduceat(size, begins) if mine.size else size, population[begins])


def ask_who_hears(
    comm: Comm, blocks: Blocks, links: Links, n_populations: int, heard: Callable[[I64, I64], list[Flags]]
) -> list[Flags]:
    """For each rank of `links.to`: which neurons of this rank's runs in populations that project to it it hears.

    `heard(gid0, size)` says of runs of other ranks' neurons which of them have a synapse here; collective.
    """
    mine, wants = runs_of(blocks, comm.rank), _populations_wanted(links, n_populations)
    letters = [np.zeros(0, np.uint64) for _ in range(comm.size)]
    for source, populations in zip(links.sources.tolist(), _populations_heard(comm, links, wants), strict=True):
        runs = runs_of(blocks, source)
        chosen = np.isin(runs.population, populations)
        flags = heard(runs.gid0[chosen], runs.size[chosen])
        letters[source] = _packed(np.concatenate([np.zeros(0, bool), *flags]))
    answers = comm.alltoallv(letters)
    found = []
    for k, rank in enumerate(links.to.tolist()):
        n = int(mine.size[np.isin(mine.population, wants[k])].sum())
        found.append(np.unpackbits(answers[rank].view(np.uint8), bitorder="little")[:n].astype(bool))
    return found


def _populations_wanted(links: Links, n_populations: int) -> list[I64]:
    """Populations of this rank that each rank of `links.to` needs."""
    population = np.repeat(np.arange(n_populations), np.diff(links.first))
    return [population[links.wanted_by == k] for k in range(links.to.size)]


def _populations_heard(comm: Comm, links: Links, wants: list[I64]) -> list[I64]:
    """Populations of each rank of `links.sources` that this rank needs, as these ranks know it."""
    letters = [np.zeros(0, np.uint64) for _ in range(comm.size)]
    for rank, populations in zip(links.to.tolist(), wants, strict=True):
        letters[rank] = populations.astype(np.uint64)
    answers = comm.alltoallv(letters)
    return [answers[rank].astype(np.int64) for rank in links.sources.tolist()]


def _packed(flags: Flags) -> NDArray[np.uint64]:
    padded = np.zeros(-(-flags.size // _WORD) * _WORD, bool)
    padded[: flags.size] = flags
    return np.packbits(padded, bitorder="little").view(np.uint64)


@dataclass(frozen=True, eq=False)
class Addresses:
    """Where spikes go, for the loop that packs them.

    `runs` int64[n, 5]: first id, the one after the last, population, first word of `bits`, words for each
    neuron. Spikes of population p go to messages `wanted_by[first[p]]` up to `wanted_by[first[p + 1]]`; with words,
    only to those whose bit is set, counted from the first one on.
    """

    runs: I64
    first: I64
    wanted_by: NDArray[np.int32]
    bits: NDArray[np.uint64]


def addresses(runs: Runs, first: I64, wanted_by: NDArray[np.int32], heard: list[Flags] | None) -> Addresses:
    """Of messages numbered by `wanted_by`; `heard` of each message as `ask_who_hears` gives it, None: not known."""
    table = np.zeros((runs.gid0.size, 5), np.int64)
    table[:, RUN_GID0], table[:, RUN_STOP] = runs.gid0, runs.gid0 + runs.size
    table[:, RUN_POPULATION] = runs.population
    if heard is None or not worth_asking(heard):
        return Addresses(table, first, wanted_by, np.zeros(0, np.uint64))
    at = [0] * len(heard)
    parts, words = [np.zeros(0, np.uint64)], 0
    for row in table:
        population, size = int(row[RUN_POPULATION]), int(row[RUN_STOP] - row[RUN_GID0])
        messages = wanted_by[first[population] : first[population + 1]].tolist()
        width = -(-len(messages) // _WORD)
        flags = np.zeros((size, width * _WORD), bool)
        for k, message in enumerate(messages):
            flags[:, k] = heard[message][at[message] : at[message] + size]
            at[message] += size
        row[RUN_WORD0], row[RUN_WORDS] = words, width
        parts.append(np.packbits(flags, axis=1, bitorder="little").view(np.uint64).ravel())
        words += size * width
    return Addresses(table, first, wanted_by, np.concatenate(parts))


def worth_asking(heard: list[Flags]) -> bool:
    """Whether enough spikes need not be sent."""
    total = sum(flags.size for flags in heard)
    return total > 0 and sum(int(flags.sum()) for flags in heard) < WORTH_ASKING * total
