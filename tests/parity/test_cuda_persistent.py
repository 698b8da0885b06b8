"""The persistent plan, run on the host with all of its blocks at once, gives the spikes of the CPU backend."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import built_rank, network_of, simulate, sorted_rows, spikes_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.parity.test_cuda_spikes import NETWORK

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.device import Limits
from dtbsim.backends.cuda.persistent import PersistentBackend, stride_of
from dtbsim.kernels import device_layout as X
from dtbsim.spec import Network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")


@pytest.fixture(autouse=True)
def _few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.BLOCK_THREADS", 64)


def on_device(
    network: Network, blocks: int, chunks: Sequence[int] = (), shared_bytes: int = 200_000, *, backwards: bool = False
) -> tuple[Any, PersistentBackend]:
    """Spikes and the backend, after the run."""
    device = ShimDevice(Limits(blocks, shared_bytes, 50 << 20, 1 << 32), backwards=backwards)
    backend = PersistentBackend(built_rank(network, threads=blocks), None, device)
    backend.compile()
    parts = []
    for start, stop in itertools.pairwise([0, *chunks, network.n_steps]):
        backend.advance(start, stop)
        parts.append(spikes_of(backend))
    return sorted_rows(np.concatenate(parts)), backend


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("blocks", [1, 5])
def test_blocks_and_chunks(blocks: int, backwards: bool) -> None:
    network = network_of(NETWORK)
    spikes, backend = on_device(network, blocks, (1, 8, 77, 400), backwards=backwards)
    np.testing.assert_array_equal(spikes, simulate(network))
    assert len(backend.tables.states) == blocks
    assert backend.tables.table[0, X.X_RING_SHARED] == 1


@pytest.mark.parametrize("shared_bytes", [3_000, 12_000])
def test_what_does_not_fit_shared_memory_stays_in_global_memory(shared_bytes: int) -> None:
    network = network_of(NETWORK)
    spikes, backend = on_device(network, 3, shared_bytes=shared_bytes)
    np.testing.assert_array_equal(spikes, simulate(network))
    assert backend.tables.table[0, X.X_RING_SHARED] == 0
    assert backend.tables.table[0, X.X_ARENAS_SHARED] == int(shared_bytes > 10_000)


def test_events_samples_and_full_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.LOG_STEPS", 7)
    network = network_of(NETWORK)
    cpu = CpuBackend(built_rank(network), None, 1)
    cpu.advance(0, network.n_steps)
    _, backend = on_device(network, 4)
    assert backend.events() == cpu.events()
    for record in range(2):
        for mine, expected in zip(backend.sampler.take(record), cpu.sampler.take(record), strict=True):
            np.testing.assert_array_equal(mine, expected)
    cpu.close()


def test_every_kind_of_drive(tmp_path: Path) -> None:
    network = drive_zoo(tmp_path)
    spikes, _ = on_device(network, 4, (13, 100))
    np.testing.assert_array_equal(spikes, simulate(network))


def test_long_delays() -> None:
    network = network_of(NETWORK, "projections.EZ.delay_ms=40")
    spikes, backend = on_device(network, 2)
    np.testing.assert_array_equal(spikes, simulate(network))
    assert backend.ring == 512


def test_rows_of_one_length_and_rows_behind_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(NETWORK, "projections.EE.rule.indegree=60")
    expected = simulate(network)
    strides = []
    for padding in (0, 8, 1000):
        monkeypatch.setattr("dtbsim.backends.cuda.persistent.MOST_PADDING", padding)
        spikes, backend = on_device(network, 2)
        np.testing.assert_array_equal(spikes, expected)
        strides.append(int(backend.tables.table[0, X.X_STRIDE]))
    assert strides == [0, 64, 64]
    monkeypatch.undo()
    assert stride_of(30, 10, 39) == 0
    assert [stride_of(longest, 10, 300) for longest in (31, 32, 33)] == [32, 32, 64]


@pytest.mark.parametrize("start", [2**19 - 5, 2**20 - 5])
def test_tags_of_steps_begin_anew(start: int) -> None:
    network = network_of(NETWORK)
    stop = start + 60
    cpu = CpuBackend(built_rank(network), None, 1)
    cpu.advance(start, stop)
    expected = spikes_of(cpu)
    cpu.close()
    backend = PersistentBackend(built_rank(network, threads=3), None, ShimDevice())
    backend.compile()
    for at in range(start, stop, 12):
        backend.advance(at, at + 12)
    np.testing.assert_array_equal(spikes_of(backend), expected)
    assert len(expected) > 20
