"""Ranks with devices give the spikes of one rank without, whichever way the packets go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.device_ranks import rank_on_device, simulate_on_devices
from tests.helpers.fake_nccl import FakeCuda
from tests.helpers.networks import network_of, simulate
from tests.helpers.shim_device import GXX, ShimDevice

from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.exchange import DeviceExchange
from dtbsim.kernels import device_layout as X
from dtbsim.mpi import run_ranks
from dtbsim.spec import Network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")

NETWORK = """\
seed: 8
simulation: {dt_ms: 0.1, duration_ms: 20, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 160, initial: {V_m_mV: {distribution: uniform, low: -70, high: -50.5}}}
  I: {model: iaf_psc_exp, size: 48}
projections:
  EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 60, delay_ms: DELAY}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 20}, weight_pA: 60, delay_ms: DELAY}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 12}, weight_pA: -150, delay_ms: 1.7}
drives:
  background: {kind: poisson, target: [E, I], rate_hz: 9000, weight_pA: 60}
"""
CHUNKS = (1, 8, 57, 58, 120)
"""Ends of chunks that are no multiples of any window."""


def network_with(delay_ms: float) -> Network:
    return network_of(NETWORK.replace("DELAY", str(delay_ms)))


@pytest.fixture(scope="module")
def expected() -> Any:
    """Networks and their spikes on one rank, by delay."""
    made = {}
    for delay_ms in (0.1, 0.2, 1.3):
        network = network_with(delay_ms)
        made[delay_ms] = network, simulate(network)
        assert len(made[delay_ms][1]) > 200
    return made


@pytest.mark.parametrize("words", [512, 3], ids=["roomy", "overflow"])
@pytest.mark.parametrize("delay_ms", [0.1, 0.2, 1.3], ids=["window1", "window2", "window13"])
@pytest.mark.parametrize("n_ranks", [2, 3])
def test_by_way_of_the_hosts(
    expected: Any, n_ranks: int, delay_ms: float, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, spikes = expected[delay_ms]
    rounds = count_calls(monkeypatch, DeviceExchange, "second_round")
    found, _ = simulate_on_devices(network, n_ranks, words=words, chunks=CHUNKS)
    np.testing.assert_array_equal(found, spikes)
    assert (len(rounds) > 0) == (words == 3)
    assert len(rounds) < 6 * n_ranks, "messages that were too small have more room from then on"


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[int]:
    """One entry per call from now on."""
    calls: list[int] = []
    real = getattr(owner, name)

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return real(self, *arguments, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls


@pytest.mark.parametrize("words", [64, 3])
def test_small_buckets_lanes_and_the_order_of_threads(
    expected: Any, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spikes of others find a bucket too small; with too small packets, after a second round."""
    halts = []
    network, spikes = expected[1.3]
    real = DeviceExchange.pack

    def pack(self: DeviceExchange, rank_at: int, step: int) -> None:
        halts.append(step)
        real(self, rank_at, step)

    monkeypatch.setattr(DeviceExchange, "pack", pack)
    for backwards in (False, True):
        found, backends = simulate_on_devices(
            network,
            2,
            lambda rank: ShimDevice(backwards=backwards),  # noqa: B023
            first_bucket=1,
            threads=2,
            chunks=CHUNKS,
            words=words,
        )
        np.testing.assert_array_equal(found, spikes)
        for backend in backends:
            assert backend.tables.dynamic_bytes() > 8 * backend.ring * 2, "buckets have grown"
    assert len(halts) > len(set(halts))


@pytest.mark.parametrize("delay_ms", [0.1, 1.3])
def test_packets_in_device_memory_by_mpi(expected: Any, delay_ms: float) -> None:
    """Memory of this device is memory of the host, so any MPI can be handed it."""
    network, spikes = expected[delay_ms]
    found, _ = simulate_on_devices(network, 4, way="mpi", words=16, chunks=CHUNKS)
    np.testing.assert_array_equal(found, spikes)


@pytest.mark.parametrize("delay_ms", [0.1, 1.3])
def test_packets_by_nccl(expected: Any, delay_ms: float) -> None:
    network, spikes = expected[delay_ms]
    lines: dict[Any, Any] = {}
    cudas = [FakeCuda(lines) for _ in range(3)]

    def device(rank: int) -> ShimDevice:
        made = ShimDevice(identity=str(rank))
        made.cuda, made.stream = cudas[rank], cudas[rank].Stream(non_blocking=True)
        return made

    found, _ = simulate_on_devices(network, 3, device, way="nccl", words=16, chunks=CHUNKS)
    np.testing.assert_array_equal(found, spikes)
    for cuda in cudas:
        assert sum(call == ("groupStart",) for call in cuda.calls) > 20


@pytest.mark.parametrize("words", [512, 3])
def test_windows_with_more_spikes_than_a_log(expected: Any, words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host empties the log in the middle of a window."""
    monkeypatch.setattr("dtbsim.backends.cuda.log.ENTRIES", 1)
    takes = count_calls(monkeypatch, CudaBackend, "_take_log")
    network, spikes = expected[1.3]
    found, _ = simulate_on_devices(network, 2, words=words)
    np.testing.assert_array_equal(found, spikes)
    assert len(takes) > 20


@pytest.mark.parametrize("words", [512, 3])
@pytest.mark.parametrize(("delay_ms", "n_lanes"), [(0.1, 2), (1.3, 2), (1.3, 1)])
def test_the_persistent_plan(
    expected: Any, delay_ms: float, n_lanes: int, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with several launches in a window; the log of a single lane is in one piece, so nothing copies it."""
    monkeypatch.setattr("dtbsim.backends.cuda.persistent.LOG_STEPS", 4)
    rounds = count_calls(monkeypatch, DeviceExchange, "second_round")
    network, spikes = expected[delay_ms]
    found, backends = simulate_on_devices(network, 2, words=words, chunks=CHUNKS, threads=n_lanes, persistent=True)
    np.testing.assert_array_equal(found, spikes)
    assert {backend.plan for backend in backends} == {"persistent"}
    assert {len(backend.tables.states) for backend in backends} == {n_lanes}
    assert (len(rounds) > 0) == (words == 3)


@pytest.mark.parametrize("words", [512, 3])
def test_the_order_of_spikes_of_others_does_not_matter(
    expected: Any, words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arranged on the host, as where something needs an order: here the wrong one."""
    arranged = []

    def enter(self: Any) -> None:
        self._receive()
        if self.rank[X.R_HALT] == X.HALT_PACKETS:
            return
        arranged.append(self._exchange.arrange(self.rank, backwards_in_time))
        self._send()
        self._schedule_remote()

    monkeypatch.setattr(CudaBackend, "_enter", enter)
    network, spikes = expected[1.3]
    found, _ = simulate_on_devices(network, 2, words=words, chunks=CHUNKS)
    np.testing.assert_array_equal(found, spikes)
    assert sum(arranged) > 100


def backwards_in_time(entries: Any) -> Any:
    return np.sort(entries)[::-1]


def test_spikes_that_do_not_travel_show(expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparisons above can fail."""
    monkeypatch.setattr(DeviceExchange, "swap", lambda self, rank_at, left_over: False)
    network, spikes = expected[1.3]
    found, _ = simulate_on_devices(network, 2)
    assert not np.array_equal(found, spikes)


def test_an_error_of_one_rank_ends_the_others(expected: Any) -> None:
    network, _ = expected[1.3]

    def work(comm: Any) -> None:
        if comm.rank == 1:
            comm.barrier()
            raise ZeroDivisionError("planned")
        rank_on_device(comm, network, ShimDevice())

    with pytest.raises(ZeroDivisionError):
        run_ranks(2, work, timeout_s=20)
