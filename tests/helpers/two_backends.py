"""The same network on the CPU and on a device: spikes and sampled states must be equal bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from tests.helpers.networks import built_rank, sorted_rows, spikes_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.plan import choose_plan
from dtbsim.build.rank import build_rank
from dtbsim.spec import Network


def stepped(backend: Any, n_steps: int, chunks: Sequence[int] = ()) -> tuple[Any, list[Any], int]:
    """Spikes, samples per chunk and record, and synaptic events of a backend, which is closed."""
    backend.compile()
    spikes, samples = [], []
    try:
        for start, stop in itertools.pairwise([0, *chunks, n_steps]):
            backend.advance(start, stop)
            spikes.append(spikes_of(backend))
            samples += [backend.sampler.take(k) for k in range(len(backend.sampler.records))]
        backend.check_finite(0, n_steps)
        return sorted_rows(np.concatenate(spikes)), samples, backend.events()
    finally:
        backend.close()


def on_cpu(network: Network, kind: int | None = None, chunks: Sequence[int] = ()) -> tuple[Any, list[Any], int]:
    """In one thread."""
    return stepped(CpuBackend(built_rank(network, kind=kind), None, 1), network.n_steps, chunks)


def on_gpu(network: Network, device: Device, plan: Any, chunks: Sequence[int] = ()) -> tuple[Any, list[Any], int]:
    """By a plan: persistent, general or auto."""
    chosen = choose_plan(network, 0, 1, device.limits, plan)
    built = build_rank(chosen.layout, 2)
    backend = (PersistentBackend if chosen.name == "persistent" else CudaBackend)(built, None, device)
    return stepped(backend, network.n_steps, chunks)


def assert_same(found: tuple[Any, list[Any], int], expected: tuple[Any, list[Any], int]) -> None:
    """Everything is equal."""
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[2] == expected[2], "synaptic events"
    for (steps, values), (expected_steps, expected_values) in zip(found[1], expected[1], strict=True):
        np.testing.assert_array_equal(steps, expected_steps)
        np.testing.assert_array_equal(values.view(np.uint32), expected_values.view(np.uint32))
