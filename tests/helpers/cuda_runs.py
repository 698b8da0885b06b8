"""Runs of a network on the CPU and on the shim device: spikes, and recorded weights at every pause."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.helpers.networks import built_rank, sorted_rows, spikes_of
from tests.helpers.shim_device import LIMITS, ShimDevice

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.exchange import DeviceExchange
from dtbsim.backends.cuda.transports import Choice
from dtbsim.build.rank import RankNetwork
from dtbsim.exchange.links import find_links
from dtbsim.exchange.plan import plan_exchange
from dtbsim.intervene.scaling import SCALING
from dtbsim.mpi.fake import FakeComm, run_ranks
from dtbsim.spec import Network

SMALL = replace(LIMITS, multiprocessors=1)
"""Eight blocks at a time: enough to show what depends on their order."""


@dataclass(frozen=True, eq=False)
class Run:
    """`spikes` int64[n, 2] (step, gid), `weights` [pause, record] of float64[n, 4] (source, target, delay, weight)."""

    backend: Any
    spikes: Any
    weights: list[list[Any]]
    events: int

    def changes(self, record: int = 0) -> Any:
        """Of every weight from the first pause to the last."""
        return self.weights[-1][record][:, 3] - self.weights[0][record][:, 3]


def run_to_end(backend: Any, network: Network, pauses: Sequence[int] = ()) -> Run:
    """Advance from pause to pause, scaling weights where that is configured."""
    backend.compile()
    scaled = [
        SCALING.plan(network, asked.name, asked.options).open(backend, 1)
        for asked in network.controllers
        if asked.kind == "synaptic_scaling"
    ]
    parts, weights = [], []
    for start, stop in itertools.pairwise([0, *pauses, network.n_steps]):
        backend.advance(start, stop)
        parts.append(spikes_of(backend))
        weights.append([_weights(record, stop) for record in backend.weights])
        for scaling in scaled:
            scaling.follow(stop, parts[-1][:, 1].astype(np.uint32))
    events = backend.events()
    backend.close()
    return Run(backend, sorted_rows(np.concatenate(parts)), weights, events)


def _weights(record: Any, step: int) -> Any:
    return sorted_rows(np.stack([record.source, record.target, record.delay, record.now(step)], axis=1))


def on_cpu(network: Network, pauses: Sequence[int] = (), threads: int = 1) -> Run:
    """One rank."""
    return run_to_end(CpuBackend(built_rank(network, threads=threads), None, threads), network, pauses)


def on_shim(
    built: RankNetwork, pauses: Sequence[int] = (), first_bucket: int | None = None, *, backwards: bool = False
) -> Run:
    """One rank with all lanes of `built`."""
    backend = CudaBackend(built, None, ShimDevice(SMALL, backwards=backwards), first_bucket)
    return run_to_end(backend, built.network, pauses)


def on_shim_ranks(
    network: Network,
    n_ranks: int,
    pauses: Sequence[int] = (),
    first_bucket: int | None = None,
    *,
    words: int = 512,
    backwards: bool = False,
) -> list[Run]:
    """Ranks that are threads of this process, each with a device of its own."""

    def work(comm: FakeComm) -> Run:
        built, device = built_rank(network, comm.rank, n_ranks), ShimDevice(SMALL, backwards=backwards)
        plan, way = plan_exchange(network, built.blocks, n_ranks), Choice("packets", "a test says so")
        links = find_links(network, built.blocks, comm.rank)
        exchange = DeviceExchange(device, comm, plan, network.gid_starts, links, way, words)
        return run_to_end(CudaBackend(built, exchange, device, first_bucket), network, pauses)

    return run_ranks(n_ranks, work)


def together(runs: Sequence[Run]) -> Run:
    """What the ranks give as one."""
    spikes = sorted_rows(np.concatenate([run.spikes for run in runs]))
    weights = [
        [sorted_rows(np.concatenate(parts)) for parts in zip(*at_pause, strict=True)]
        for at_pause in zip(*(run.weights for run in runs), strict=True)
    ]
    return Run(None, spikes, weights, sum(run.events for run in runs))


def assert_same(found: Run, expected: Run) -> None:
    """The same spikes, events and weights, bit for bit."""
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    assert found.events == expected.events
    assert len(found.weights) == len(expected.weights)
    for at_pause, wanted in zip(found.weights, expected.weights, strict=True):
        for weights, others in zip(at_pause, wanted, strict=True):
            np.testing.assert_array_equal(weights, others)
