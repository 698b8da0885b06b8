"""Ranks that are processes, each with a device of the host, give the spikes of one process."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from tests.helpers.device_ranks import rank_on_device
from tests.helpers.networks import network_of, simulate, sorted_rows
from tests.helpers.shim_device import GXX, ShimDevice

from dtbsim.backends.cuda.transports import Choice, Way, choose_way
from dtbsim.mpi import Comm, world_comm

pytestmark = [
    pytest.mark.mpi(min_size=2),
    pytest.mark.timeout(200),
    pytest.mark.skipif(GXX is None, reason="g++ is not installed"),
]

NETWORK = """\
seed: 8
simulation: {dt_ms: 0.1, duration_ms: 15, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 128, initial: {V_m_mV: {distribution: uniform, low: -70, high: -50.5}}}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 60, delay_ms: DELAY}
drives:
  background: {kind: poisson, target: E, rate_hz: 9000, weight_pA: 60}
"""


@pytest.fixture(scope="module")
def comm() -> Iterator[Comm]:
    found = world_comm()
    yield found
    found.close()


@pytest.mark.parametrize("words", [512, 3], ids=["roomy", "overflow"])
@pytest.mark.parametrize("delay_ms", [0.1, 1.3], ids=["window1", "window13"])
@pytest.mark.parametrize("way", ["packets", "mpi"])
def test_spikes_between_devices_are_those_of_one_process(comm: Comm, way: Way, delay_ms: float, words: int) -> None:
    network = network_of(NETWORK.replace("DELAY", str(delay_ms)))
    expected = simulate(network)
    assert len(expected) > 150
    spikes, backend = rank_on_device(comm, network, ShimDevice(), way, words, chunks=(1, 8, 57, 58))
    assert len(spikes) > 0
    assert backend.stage_seconds()["exchange"] > 0
    np.testing.assert_array_equal(sorted_rows(np.concatenate(comm.allgather(spikes))), expected)


def test_what_this_library_says_of_gpu_memory(comm: Comm) -> None:
    takes, why = comm.takes_gpu_memory()
    assert comm.allgather((takes, why)) == [(takes, why)] * comm.size
    assert "cuda" in why or "nothing says" in why
    choice = choose_way("auto", ShimDevice(identity=str(comm.rank)), comm)
    refused = f"not NCCL: this device has none (rank 0); not MPI from GPU to GPU: {why} (rank 0)"
    assert choice == (Choice("mpi", choice.reason) if takes else Choice("packets", refused))
