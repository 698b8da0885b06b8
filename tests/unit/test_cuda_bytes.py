"""Memory of networks of procedural synapses on one GPU, up to a billion neurons."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import ShimDevice

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.bytes import device_bytes, host_bytes
from dtbsim.build.rank import build_rank, plan_rank
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

TEXT = """\
simulation: {dt_ms: 1.0, duration_ms: 10}
populations: {A: {model: iaf_psc_delta, size: SIZE, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}}
projections:
  P:
    source: A
    target: A
    rule: {kind: fixed_outdegree, outdegree: 1000}
    weight_mV: 0.1
    delay_ms: {distribution: uniform, low: 1, high: 2}
    procedural: true
drives: {bg: {kind: poisson, target: A, rate_hz: 8000, weight_mV: 0.1}}
"""


def network(size: int) -> Network:
    return network_of(TEXT.replace("SIZE", str(size)))


def test_the_plan_for_a_cpu_has_all_neurons() -> None:
    """States and inputs by model, and nothing per source where nothing is stored."""
    size = 500_000
    plan = plan_rank(network(size), 0, 1, 1)
    build_rank(plan, 1)  # compiled beforehand
    tracemalloc.start()
    built = build_rank(plan, 1)
    backend = CpuBackend(built, None, 1)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    backend.close()
    assert 0.98 * kept < plan.memory.tables < 1.1 * kept
    assert plan.memory.synapses == plan.memory.building == 0


class Counting(ShimDevice):
    """Counts the bytes that are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.n_bytes = 0
        self.xp: Any = SimpleNamespace(zeros=self._zeros)

    def _zeros(self, shape: Any, dtype: Any) -> Any:
        array = np.zeros(shape, dtype)
        self.n_bytes += array.nbytes
        return array

    def upload(self, array: Any) -> Any:
        self.n_bytes += array.nbytes
        return super().upload(array)


@pytest.mark.parametrize(("kind", "ordered_splits"), [(None, 5), (L.KIND_WIDE64, 5), (None, 2)])
def test_the_sums_are_what_is_allocated(monkeypatch: pytest.MonkeyPatch, kind: int | None, ordered_splits: int) -> None:
    size = 4_000_000
    monkeypatch.setattr("dtbsim.backends.cuda.procedural.ORDERED_SPLITS", ordered_splits)
    built = built_rank(network(size), kind=kind)
    device = Counting()
    CudaBackend(built, None, device)
    owned = np.array([size])
    planned = device_bytes(built.network, owned, kind == L.KIND_WIDE64)
    assert (planned["batches"] > 0) == (ordered_splits == 2)
    assert sum(planned.values()) == pytest.approx(device.n_bytes, rel=0.01)
    state = built.lanes[0]
    arrays = (state.neurons.f32, state.neurons.i32)
    assert "gids" not in vars(state.lane), "ids of one run are not listed"
    assert sum(host_bytes(built.network, owned).values()) == sum(array.nbytes for array in arrays)
    assert state.rows.n_bytes < 100, "no rows where nothing is stored"


def test_a_billion_neurons_fit_one_gpu() -> None:
    size = 10**9
    billion = network(size)
    owned = np.array([size])
    on_device, on_host = device_bytes(billion, owned), host_bytes(billion, owned)
    for name, table in (("GPU", on_device), ("host", on_host)):
        parts = ", ".join(f"{key} {value / 1e9:.2f}" for key, value in table.items())
        print(f"{name}: {sum(table.values()) / 1e9:.1f} GB: {parts}")
    assert sum(on_device.values()) < 50e9
    assert sum(on_host.values()) < 25e9
    assert on_device["batches"] == 2**19 * (8 + 2 * 1024)
