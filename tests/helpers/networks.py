"""Networks from YAML: compiled, built for any number of ranks and threads, their synapses listed, and run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.backends.cpu import CpuBackend
from dtbsim.build.dynamic import DynamicRows
from dtbsim.build.rank import RankNetwork, build_rank, plan_rank
from dtbsim.build.sparse_rows import SparseRows
from dtbsim.config import load_config_text
from dtbsim.exchange.board import SharedBoard
from dtbsim.exchange.open import open_exchange
from dtbsim.exchange.plan import plan_exchange
from dtbsim.kernels import layout as L
from dtbsim.mpi.fake import FakeComm, run_ranks
from dtbsim.spec import Network, compile_network

SOURCE, TARGET, CHANNEL, WEIGHT, DELAY = range(5)
"""Columns of a list of synapses: gids, input channel of the target, weight in quanta, delay in steps."""


def network_of(text: str, *overrides: str, base_dir: Path | None = None) -> Network:
    """The compiled network of a configuration text."""
    return compile_network(load_config_text(text, overrides=overrides), base_dir)


def built_rank(
    network: Network, rank: int = 0, n_ranks: int = 1, threads: int = 1, kind: int | None = None
) -> RankNetwork:
    """One rank's part; `kind` asks for another synapse format than the planned one."""
    plan = plan_rank(network, rank, n_ranks, threads)
    if kind is not None:
        plan.synapse_kind = kind
        plan.acc_bits = 64 if kind == L.KIND_WIDE64 else 32
    return build_rank(plan, threads)


def synapses_of(built: RankNetwork) -> Any:
    """All synapses of a rank, int64[n, 5], sorted."""
    parts = [np.zeros((0, 5), np.int64)]
    sources = built.candidates.gids().astype(np.int64)
    for state in built.lanes:
        rows = state.rows
        if not rows.targets.size:
            continue
        if rows.kind == L.KIND_PACKED:
            slots, weights = rows.targets & np.uint32(0xFFFF), rows.targets.view(np.int32) >> 16
        else:
            slots, weights = rows.targets, rows.weights
        if isinstance(rows, SparseRows):
            source, delay = sources[rows.sources()], rows.all_delays()
        else:
            source = np.repeat(sources, np.diff(rows.rows))
            delay = np.repeat(rows.segments >> np.uint32(16), rows.segments & np.uint32(0xFFFF))
        target, channel = _owners_of_slots(state.lane)
        columns = [source, target[slots], channel[slots], weights.astype(np.int64), delay.astype(np.int64)]
        parts.append(np.stack(columns, axis=1))
    return sorted_rows(np.concatenate(parts))


def dynamic_synapses_of(built: RankNetwork) -> list[tuple[DynamicRows, Any]]:
    """Dynamic projections of a rank: one part of each (of any lane), and all synapses, weights in its fine quanta."""
    found: dict[int, tuple[DynamicRows, list[Any]]] = {}
    for state in built.lanes:
        target, channel = _owners_of_slots(state.lane)
        for part in state.dynamic:
            rows = part.rows
            slots, weights = rows.targets, rows.weights
            if rows.kind == L.KIND_PACKED:
                slots, weights = rows.targets & np.uint32(0xFFFF), rows.targets.view(np.int32) >> 16
            gids = built.candidates.gids()[part.numbers].astype(np.int64)
            delay = np.repeat(rows.segments >> np.uint32(16), rows.segments & np.uint32(0xFFFF))
            columns = [np.repeat(gids, np.diff(rows.rows)), target[slots], channel[slots], weights, delay]
            table = np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)
            found.setdefault(part.projection.index, (part, []))[1].append(table)
    return [(part, sorted_rows(np.concatenate(tables))) for part, tables in found.values()]


def _owners_of_slots(lane: Any) -> tuple[Any, Any]:
    """Gid and channel of every input slot, -1 for padding."""
    gid, channel = np.full(lane.n_slots, -1, np.int64), np.full(lane.n_slots, -1, np.int64)
    for kind, starts in enumerate(lane.slot_start):
        local = slice(int(lane.group_start[kind]), int(lane.group_start[kind] + lane.group_size[kind]))
        for c, start in enumerate(starts.tolist()):
            gid[start : start + lane.group_size[kind]] = lane.gids[local]
            channel[start : start + lane.group_size[kind]] = c
    return gid, channel


def sorted_rows(table: Any) -> Any:
    """Rows in lexicographic order."""
    return table[np.lexsort(table.T[::-1])]


def all_synapses(network: Network, n_ranks: int = 1, threads: int = 1) -> Any:
    """Synapses of all ranks together."""
    ranks = [synapses_of(built_rank(network, rank, n_ranks, threads)) for rank in range(n_ranks)]
    return sorted_rows(np.concatenate(ranks))


def population(network: Network, name: str) -> slice:
    """Gid range of a population."""
    found = next(item for item in network.populations if item.name == name)
    return slice(found.gid0, found.gid0 + found.size)


def between(network: Network, synapses: Any, source: str, target: str) -> Any:
    """The synapses from one population to another."""
    a, b = population(network, source), population(network, target)
    s, t = synapses[:, SOURCE], synapses[:, TARGET]
    return synapses[(a.start <= s) & (s < a.stop) & (b.start <= t) & (t < b.stop)]


def spikes_of(backend: CpuBackend) -> Any:
    """int64[n, 2] (step, gid), sorted: what the backend has logged since the last call."""
    steps, gids = backend.collect()
    return sorted_rows(np.stack([steps, gids.astype(np.int64)], axis=1))


def simulate(
    network: Network,
    threads: int = 1,
    kind: int | None = None,
    chunks: Sequence[int] = (),
    built: RankNetwork | None = None,
) -> Any:
    """Spikes of a run in one process; `chunks` are steps at which it pauses and collects."""
    built = built_rank(network, threads=threads, kind=kind) if built is None else built
    backend = CpuBackend(built, None, threads)
    try:
        return _advance(backend, network.n_steps, chunks)
    finally:
        backend.close()


def _advance(backend: CpuBackend, n_steps: int, chunks: Sequence[int]) -> Any:
    parts, edges = [], [0, *chunks, n_steps]
    for start, stop in itertools.pairwise(edges):
        backend.advance(start, stop)
        parts.append(spikes_of(backend))
    return sorted_rows(np.concatenate(parts))


def simulate_ranks(
    network: Network,
    n_ranks: int,
    threads: int = 1,
    words: int = 64,
    board: bool = False,
    capacity: int | None = None,
    chunks: Sequence[int] = (),
    nodes: int | None = None,
) -> Any:
    """Spikes of a run on ranks that are threads, by messages with room for `words` at first, or over the board.

    `nodes`: over the leaders of so many nodes.
    """

    def work(comm: FakeComm) -> Any:
        built = built_rank(network, comm.rank, n_ranks, threads)
        plan = plan_exchange(network, built.blocks, n_ranks)
        exchange: Any
        if board:
            exchange = SharedBoard(comm, plan, network.n_neurons)
            if capacity is not None:
                exchange.capacity = capacity
        else:
            exchange = open_exchange("packets" if nodes is None else "two_level", comm, built, plan, words)
        backend = CpuBackend(built, exchange, threads)
        try:
            return _advance(backend, network.n_steps, chunks)
        finally:
            backend.close()

    return sorted_rows(np.concatenate(run_ranks(n_ranks, work, node_count=nodes or 1)))
