"""States with a window are sampled in the chunks that touch it, with the values of all others, on every backend."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import GXX, ShimDevice
from tests.parity.test_cuda_spikes import NETWORK

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.persistent import PersistentBackend

EDGES = [0, 40, 55, 160, 161, 230, 300]
WINDOW = 50, 161
TOUCHED = range(40, 161)


def sampled(make: Any, network: Any) -> list[tuple[Any, Any]]:
    """Steps and values of every record, of all chunks."""
    backend = make(built_rank(network))
    backend.compile()
    parts: list[list[Any]] = [[] for _ in network.samples]
    for start, stop in itertools.pairwise(EDGES):
        backend.advance(start, stop)
        backend.collect()
        for k, found in enumerate(parts):
            found.append(backend.sampler.take(k))
    backend.close()
    return [tuple(np.concatenate(arrays) for arrays in zip(*found, strict=True)) for found in parts]  # type: ignore[misc]


@pytest.mark.parametrize("plan", [None, CudaBackend, PersistentBackend])
def test_only_chunks_that_touch_the_window_bring_samples(plan: Any) -> None:
    if plan is not None and GXX is None:
        pytest.skip("g++ is not installed")
    make = (
        (lambda built: CpuBackend(built, None, 1)) if plan is None else (lambda built: plan(built, None, ShimDevice()))
    )
    network = network_of(NETWORK)
    whole = sampled(lambda built: CpuBackend(built, None, 1), network)
    first, *others = network.samples
    windowed = replace(network, samples=(replace(first, start=WINDOW[0], stop=WINDOW[1]), *others))
    found = sampled(make, windowed)
    inside = np.isin(whole[0][0], TOUCHED)
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(found[0][0], whole[0][0][inside])
    np.testing.assert_array_equal(found[0][1], whole[0][1][inside])
    for mine, expected in zip(found[1:], whole[1:], strict=True):
        np.testing.assert_array_equal(mine[0], expected[0])
        np.testing.assert_array_equal(mine[1], expected[1])
