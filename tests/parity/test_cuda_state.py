"""The state of a run moves between the CPU and both plans of a GPU, and the run goes on bit for bit."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.changing_synapses import dynamic_text
from tests.helpers.continued import assert_same_state
from tests.helpers.drive_zoo import drive_zoo
from tests.helpers.networks import built_rank, network_of, sorted_rows, spikes_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.zoo import zoo
from tests.unit.test_procedural import recurrent

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.build.rank import build_rank
from dtbsim.errors import InputError
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


def stretch(kind: str, network: Network, steps: tuple[int, ...], state: Any = None) -> tuple[Any, Any, int, Any]:
    """Spikes, samples, events and the state at the end of the steps, in chunks, from a state."""
    backend = backend_of(kind, network)
    try:
        if state is not None:
            backend.load(state)
        else:
            backend.compile()
        spikes, samples = [], []
        for start, stop in itertools.pairwise(steps):
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


@pytest.mark.parametrize(("first", "second"), [("cpu", "general"), ("general", "cpu")])
def test_procedural_projections(first: str, second: str) -> None:
    check(recurrent(True, True, "simulation.duration_ms=40"), first, second, 203)


def test_synapses_that_change_are_refused() -> None:
    network = network_of(dynamic_text("additive"))
    state = stretch("cpu", network, (0, 5))[3]
    backend = backend_of("general", network)
    for call in (backend.state, lambda: backend.load(state)):
        with pytest.raises(InputError, match="cannot be taken from a GPU, nor loaded there"):
            call()
    backend.close()
