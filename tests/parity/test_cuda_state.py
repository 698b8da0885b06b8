"""The state of a run moves between the CPU and both plans of a GPU, and the run goes on bit for bit."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.changing_synapses import dynamic_text, reward_text
from tests.helpers.continued import assert_same_state
from tests.helpers.drive_zoo import OTHERWISE, drive_zoo
from tests.helpers.networks import built_rank, network_of, sorted_rows, spikes_of
from tests.helpers.several_spikes import several_spikes
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.zoo import zoo
from tests.unit.test_procedural import recurrent

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.exchange import DeviceExchange
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.backends.cuda.transports import Choice
from dtbsim.backends.state import merge_states
from dtbsim.build.rank import build_rank
from dtbsim.exchange.links import find_links
from dtbsim.exchange.plan import plan_exchange
from dtbsim.mpi.fake import FakeComm, run_ranks
from dtbsim.spec import Network

pytestmark = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
SAMPLED = "record.states=[{population: E, variables: [V_m_mV], neurons: 9, interval_ms: 0.4}]"


def backend_of(kind: str, network: Network) -> Any:
    if kind == "cpu":
        return CpuBackend(built_rank(network, threads=2), None, 2)
    device = ShimDevice()
    built = build_rank(choose_plan(network, 0, 1, device.limits, kind).layout, 2)
    if kind == "persistent":
        return PersistentBackend(built, None, device)
    return CudaBackend(built, None, device, 8)


def stretch(
    kind: str, network: Network, steps: tuple[int, ...], state: Any = None, drives: Any = None, seeds: Any = None
) -> tuple[Any, Any, int, Any]:
    """Spikes, samples, events and the state at the end of the steps, in chunks, from a state.

    `drives` and `seeds` of noise are those that are set, by the step before which.
    """
    backend = backend_of(kind, network)
    try:
        if state is not None:
            backend.load(state)
        else:
            backend.compile()
        spikes, samples = [], []
        for start, stop in itertools.pairwise(steps):
            if drives is not None and start in drives:
                backend.set_drives(drives[start])
            if seeds is not None and start in seeds:
                backend.set_noise_seed(seeds[start])
            backend.advance(start, stop)
            spikes.append(spikes_of(backend))
            samples += [backend.sampler.take(k)[1] for k in range(len(backend.sampler.records))]
        return sorted_rows(np.concatenate(spikes)), samples, backend.events(), backend.state()
    finally:
        backend.close()


def check(network: Network, first: str, second: str, step: int) -> None:
    n = network.n_steps
    expected = stretch("cpu", network, (0, step, n))
    begun = stretch(first, network, (0, step))
    ended = stretch(second, network, (step, n), begun[3])
    assert len(expected[0]) > 200
    assert np.array_equal(sorted_rows(np.concatenate([begun[0], ended[0]])), expected[0])
    for found, wanted in zip(begun[1] + ended[1], expected[1], strict=True):
        assert found.tobytes() == wanted.tobytes()
    assert ended[2] == expected[2], "synaptic events"
    assert_same_state(ended[3], expected[3])


@pytest.mark.parametrize(
    ("first", "second"),
    [("cpu", "general"), ("general", "cpu"), ("cpu", "persistent"), ("persistent", "general")],
)
def test_all_rules(tmp_path: Path, first: str, second: str) -> None:
    check(zoo(tmp_path, SAMPLED, "simulation.duration_ms=40"), first, second, 133)


@pytest.mark.parametrize(("first", "second"), [("cpu", "general"), ("general", "cpu"), ("persistent", "persistent")])
def test_drives_with_memory(tmp_path: Path, first: str, second: str) -> None:
    check(drive_zoo(tmp_path, "simulation.duration_ms=30"), first, second, 157)


@pytest.mark.parametrize(
    "kind", ["general", *(pytest.param(kind, marks=pytest.mark.nightly) for kind in ("persistent", "cpu"))]
)
def test_noise_from_another_seed(tmp_path: Path, kind: str) -> None:
    """In the middle of a block of draws; a backend that goes on from the state there draws the same."""
    network = drive_zoo(tmp_path, "simulation.duration_ms=30")
    n, seeds = network.n_steps, {133: 2**40 + 5}
    expected = stretch("cpu", network, (0, 133, n), seeds=seeds)
    before = stretch("cpu", network, (0, 133))
    assert not np.array_equal(expected[0], stretch("cpu", network, (0, n))[0])
    ended = stretch(kind, network, (133, n), before[3], seeds=seeds)
    assert np.array_equal(sorted_rows(np.concatenate([before[0], ended[0]])), expected[0])
    assert_same_state(ended[3], expected[3])
    if kind != "cpu":
        assert np.array_equal(stretch(kind, network, (0, 133, n), seeds=seeds)[0], expected[0])


@pytest.mark.parametrize(("first", "second"), [("cpu", "persistent"), ("general", "cpu")])
def test_drives_set_during_the_run(tmp_path: Path, first: str, second: str) -> None:
    """What was set on one kind of machine holds on the other."""
    network = drive_zoo(tmp_path, "simulation.duration_ms=30")
    others = drive_zoo(tmp_path, "simulation.duration_ms=30", *OTHERWISE).drives
    n = network.n_steps
    expected = stretch("cpu", network, (0, 90, 157, n), drives={90: others})
    begun = stretch(first, network, (0, 90, 157), drives={90: others})
    ended = stretch(second, network, (157, n), begun[3])
    assert len(expected[0]) > 200
    assert not np.array_equal(expected[0], stretch("cpu", network, (0, n))[0])
    assert np.array_equal(sorted_rows(np.concatenate([begun[0], ended[0]])), expected[0])
    assert_same_state(ended[3], expected[3])


@pytest.mark.parametrize(("first", "second"), [("cpu", "general"), ("general", "cpu")])
def test_procedural_projections(first: str, second: str) -> None:
    check(recurrent(True, True, "simulation.duration_ms=40"), first, second, 203)


@pytest.mark.parametrize(
    ("first", "second"),
    [("cpu", "general"), ("general", "cpu"), pytest.param("general", "general", marks=pytest.mark.nightly)],
)
@pytest.mark.parametrize(
    "name", ["depression and facilitation", "multiplicative", "frozen for a while", "triplets", "calcium", "tag"]
)
def test_synapses_that_change(name: str, first: str, second: str) -> None:
    check(network_of(dynamic_text(name), "simulation.duration_ms=150"), first, second, 333)


@pytest.mark.parametrize(("first", "second"), [("cpu", "general"), ("general", "cpu")])
@pytest.mark.parametrize("name", ["fast updates", "frozen"])
def test_dopamine(name: str, first: str, second: str) -> None:
    check(network_of(reward_text(name), "simulation.duration_ms=150"), first, second, 333)


@pytest.mark.parametrize(("first", "second"), [("cpu", "general"), ("general", "cpu")])
@pytest.mark.parametrize("synapse", ["depressing", "pair", "triplet", "reward"])
def test_several_spikes_in_a_step(synapse: str, first: str, second: str) -> None:
    check(several_spikes(synapse, "drawn", "simulation.duration_ms=70"), first, second, 421)


def test_ranks_with_a_gpu_each(tmp_path: Path) -> None:
    """A state of one CPU goes on on two ranks of GPUs, and theirs on one CPU."""
    network = zoo(tmp_path, "simulation.duration_ms=40")
    n = network.n_steps
    expected = stretch("cpu", network, (0, 133, 251, n))
    begun = stretch("cpu", network, (0, 133))

    def work(comm: FakeComm) -> Any:
        device = ShimDevice()
        built = built_rank(network, comm.rank, comm.size)
        plan, way = plan_exchange(network, built.blocks, comm.size), Choice("packets", "a test says so")
        links = find_links(network, built.blocks, comm.rank)
        backend = CudaBackend(built, DeviceExchange(device, comm, plan, network.gid_starts, links, way, 64), device, 8)
        backend.load(begun[3])
        backend.advance(133, 251)
        found = spikes_of(backend), backend.events(), backend.state()
        backend.close()
        return found

    spikes, _, states = zip(*run_ranks(2, work, timeout_s=250), strict=True)
    ended = stretch("cpu", network, (251, n), merge_states(states))
    assert np.array_equal(sorted_rows(np.concatenate([begun[0], *spikes, ended[0]])), expected[0])
    assert ended[2] == expected[2], "synaptic events"
    assert_same_state(ended[3], expected[3])
