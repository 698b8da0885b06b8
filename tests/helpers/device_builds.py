"""Networks built by the CUDA kernels on the host, compared with those that the CPU builds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from tests.helpers.networks import synapses_of
from tests.helpers.shim_device import ShimDevice, ShimKernels

from dtbsim.backends.cuda.build import build_rank_on_device
from dtbsim.backends.cuda.rows import DeviceRows
from dtbsim.build.rank import RankNetwork, plan_rank
from dtbsim.build.synapses import Rows
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

KINDS = (None, L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64)
DRAWN = ("{distribution: normal, mean: 100, sd: 20}", "{distribution: uniform, low: 0.1, high: 40}")
"""Weights and delays."""


class BlocksTogether(ShimDevice):
    """All blocks of a launch at once, changing places where their threads wait: they must not share what is theirs."""

    def compile(self, text: str) -> ShimKernels:
        """With the other way of starting."""
        kernels = super().compile(text)
        kernels.launch = kernels.launch_together  # type: ignore[method-assign]
        return kernels


def on_device(
    network: Network,
    threads: int = 1,
    kind: int | None = None,
    device: Any = None,
    *,
    rank: int = 0,
    n_ranks: int = 1,
    **options: Any,
) -> RankNetwork:
    """As `built_rank`, by the kernels."""
    plan = plan_rank(network, rank, n_ranks, threads, static_on_device=True)
    if kind is not None:
        plan.synapse_kind, plan.acc_bits = kind, 64 if kind == L.KIND_WIDE64 else 32
    return build_rank_on_device(plan, ShimDevice() if device is None else device, **options)


def fetched(built: RankNetwork) -> RankNetwork:
    """The same with static synapses on the host."""
    lanes = []
    for state in built.lanes:
        rows = state.rows
        assert isinstance(rows, DeviceRows)
        arrays = (rows.rows, rows.targets, rows.weights, rows.segment_rows, rows.segments)
        lanes.append(replace(state, rows=Rows(rows.kind, *(rows.device.download(array) for array in arrays))))
    return replace(built, lanes=lanes)


def check_same(built: RankNetwork, expected: RankNetwork) -> None:
    """The same tables, and the same synapses for each source and delay."""
    assert built.n_synapses == expected.n_synapses
    assert built.synapse_bytes == expected.synapse_bytes
    built = fetched(built)
    for mine, cpu in zip(built.lanes, expected.lanes, strict=True):
        assert mine.rows.kind == cpu.rows.kind
        for name in ("rows", "segment_rows", "segments"):
            np.testing.assert_array_equal(getattr(mine.rows, name), getattr(cpu.rows, name))
        for name in ("targets", "weights"):
            assert getattr(mine.rows, name).dtype == getattr(cpu.rows, name).dtype
        np.testing.assert_array_equal(mine.neurons.f32, cpu.neurons.f32)
        assert mine.acc.dtype == cpu.acc.dtype
    np.testing.assert_array_equal(synapses_of(built), synapses_of(expected))
