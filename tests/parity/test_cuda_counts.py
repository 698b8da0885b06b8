"""Spikes that the device counts per population and bin are those that the host counts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.parity.test_cuda_spikes import NETWORK

from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.mpi.fake import run_ranks
from dtbsim.record.counts import Activity

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
EDGES = [0, 3, 50, 53, 54, 311, 600]


@pytest.mark.parametrize("unit", [1, 7, 100])
@pytest.mark.parametrize("plan", [CudaBackend, PersistentBackend])
def test_counts_of_chunks(plan: Any, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a persistent plan with several launches per chunk, and with columns that some populations share."""
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.BLOCK_THREADS", 64)
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.LOG_STEPS", 40)
    network = network_of(NETWORK)
    backend = plan(built_rank(network, threads=3), None, ShimDevice())
    backend.compile()
    backend.count_spikes(unit)
    groups = np.array([1, -1, 0, 1])

    def work(comm: Any) -> None:
        on_host, on_device = (Activity(comm, network.gid_starts, unit) for _ in range(2))
        grouped, grouped_on_device = (Activity(comm, network.gid_starts, unit, groups) for _ in range(2))
        total = 0
        for start, stop in itertools.pairwise(EDGES):
            backend.advance(start, stop)
            steps, gids = backend.collect()
            counted = backend.counts()
            assert counted is not None
            assert counted.sum() == steps.size
            expected = on_host.add(start, stop, steps, gids)
            np.testing.assert_array_equal(on_device.add(start, stop, steps, gids, counted.copy()), expected)
            np.testing.assert_array_equal(
                grouped_on_device.add(start, stop, steps, gids, counted), grouped.add(start, stop, steps, gids)
            )
            total += int(expected.sum())
        assert total > 1500

    run_ranks(1, work)


def test_nobody_counts_unless_asked() -> None:
    backend = CudaBackend(built_rank(network_of(NETWORK)), None, ShimDevice())
    assert backend.counts() is None
