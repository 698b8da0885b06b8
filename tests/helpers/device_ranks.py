"""Networks on ranks with devices of the host."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tests.helpers.networks import built_rank, sorted_rows, spikes_of
from tests.helpers.shim_device import ShimDevice

from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.exchange import DeviceExchange
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.transports import Choice, Way
from dtbsim.exchange.links import find_links
from dtbsim.exchange.plan import plan_exchange
from dtbsim.mpi import Comm
from dtbsim.mpi.fake import run_ranks
from dtbsim.spec import Network


def rank_on_device(
    comm: Comm,
    network: Network,
    device: ShimDevice,
    way: Way = "packets",
    words: int = 512,
    chunks: Sequence[int] = (),
    first_bucket: int | None = None,
    threads: int = 1,
    *,
    persistent: bool = False,
) -> tuple[Any, CudaBackend]:
    """Spikes of this rank, and the backend, closed."""
    built = built_rank(network, comm.rank, comm.size, threads)
    plan = plan_exchange(network, built.blocks, comm.size)
    exchange = DeviceExchange(
        device,
        comm,
        plan,
        network.gid_starts,
        find_links(network, built.blocks, comm.rank),
        Choice(way, "a test says so"),
        words,
    )
    if persistent:
        backend: CudaBackend = PersistentBackend(built, exchange, device)
    else:
        backend = CudaBackend(built, exchange, device, first_bucket)
    if comm.is_root:  # the others find what it has compiled
        backend.compile()
    comm.barrier()
    backend.compile()
    parts = []
    for start, stop in itertools.pairwise([0, *chunks, network.n_steps]):
        backend.advance(start, stop)
        parts.append(spikes_of(backend))
    backend.close()
    return sorted_rows(np.concatenate(parts)), backend


def simulate_on_devices(
    network: Network, n_ranks: int, device: Callable[[int], ShimDevice] = lambda rank: ShimDevice(), **how: Any
) -> tuple[Any, list[CudaBackend]]:
    """Spikes of a run on ranks that are threads of this process, and their backends."""
    results = run_ranks(n_ranks, lambda comm: rank_on_device(comm, network, device(comm.rank), **how))
    assert min(len(spikes) for spikes, _ in results) > 0, "every rank has a share"
    return sorted_rows(np.concatenate([spikes for spikes, _ in results])), [backend for _, backend in results]
