"""Lanes whose synapses the CUDA kernels have built: rows without order, spikes, sums, what comes from the host."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.device_builds import DRAWN, KINDS, check_same, on_device
from tests.helpers.networks import (
    built_rank,
    dynamic_synapses_of,
    network_of,
    simulate,
    sorted_rows,
    spikes_of,
)
from tests.helpers.shim_device import GXX, ShimDevice
from tests.helpers.zoo import zoo

from dtbsim.backends.cuda import persistent
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.rows import NO_SYNAPSE, DeviceRows
from dtbsim.build.rank import plan_rank
from dtbsim.build.synapses import LaneBuilder
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import layout as L

with_gxx = pytest.mark.skipif(GXX is None, reason="g++ is not installed")


SPREAD = """\
simulation: {{dt_ms: 0.1, duration_ms: 1, block_size: 16}}
populations: {{A: {{model: iaf_psc_exp, size: 60}}}}
projections:
  P: {{source: A, target: A, rule: {{kind: fixed_indegree, indegree: 30}}, weight_pA: {weight}, delay_ms: {delay}}}
"""


def listed(rows: DeviceRows) -> Any:
    """int64[n, 4]: source, delay, target word, weight of rows without segments, sorted."""
    n = rows.rows.size - 1
    counts = np.diff(rows.rows)
    places = np.arange(rows.n_synapses)
    if rows.stride:
        assert rows.targets.size == rows.delays.size == n * rows.stride
        assert (rows.targets == NO_SYNAPSE).sum() == n * rows.stride - rows.n_synapses
        places += np.repeat(np.arange(n) * rows.stride - rows.rows[:-1], counts)
    columns = [np.repeat(np.arange(n), counts), rows.delays[places], rows.targets[places]]
    columns.append(rows.weights[places] if rows.weights.size else rows.targets[places])
    return sorted_rows(np.stack([np.asarray(c, np.int64) for c in columns], axis=1))


@with_gxx
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delay", ["3", DRAWN[1]])
def test_rows_without_order_hold_their_delays(kind: int | None, delay: str) -> None:
    network = network_of(SPREAD.format(weight=DRAWN[0], delay=delay))
    built, expected = on_device(network, kind=kind, in_order=False), built_rank(network, kind=kind)
    mine, cpu = built.lanes[0].rows, expected.lanes[0].rows
    assert isinstance(mine, DeviceRows)
    assert mine.delays.dtype == (np.uint8 if delay == "3" else np.uint16)
    assert (mine.segment_rows.size, mine.segments.size) == (0, 0)
    np.testing.assert_array_equal(mine.rows, cpu.rows)
    delays = np.repeat(cpu.segments >> np.uint32(16), cpu.segments & np.uint32(0xFFFF))
    reference = DeviceRows(
        **{field.name: getattr(cpu, field.name) for field in fields(cpu)},
        device=mine.device,
        kernels=mine.kernels,
        total=cpu.n_synapses,
        delays=delays,
    )
    np.testing.assert_array_equal(listed(mine), listed(reference))
    filled_up = on_device(network, kind=kind, in_order=False, stride_of=lambda *_: 64).lanes[0].rows
    assert isinstance(filled_up, DeviceRows)
    assert (filled_up.n_synapses, filled_up.stride) == (60 * 30, 64 if kind is None else 0)
    np.testing.assert_array_equal(listed(filled_up), listed(reference))
    sums, expected_sums = np.zeros((2, built.lanes[0].lane.n_slots), np.int64)
    filled_up.add_magnitudes(sums)
    cpu.add_magnitudes(expected_sums)
    np.testing.assert_array_equal(sums, expected_sums)
    np.testing.assert_array_equal(listed(filled_up.widened()), listed(reference.widened()))
    assert mine.n_bytes == cpu.n_bytes + mine.delays.nbytes - cpu.segment_rows.nbytes - cpu.segments.nbytes


@with_gxx
def test_spikes_of_rows_without_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistent, "BLOCK_THREADS", 64)
    network = network_of(RUNNING, "simulation.duration_ms=8")
    expected = simulate(network)
    for stride_of in (None, persistent.stride_of):
        built = on_device(network, threads=2, in_order=False, stride_of=stride_of)
        backend = PersistentBackend(built, None, ShimDevice())
        backend.compile()
        backend.advance(0, network.n_steps)
        np.testing.assert_array_equal(spikes_of(backend), expected)
        backend.close()
        assert (backend.tables.table[:, X.X_STRIDE] > 0).all() == (stride_of is not None)
    with pytest.raises(AssertionError, match="in_order=False"):
        PersistentBackend(on_device(network), None, ShimDevice())


# -- what else a lane has ---------------------------------------------------------------------------------------------

RUNNING = """\
simulation: {dt_ms: 0.1, duration_ms: 30, block_size: 32}
seed: 4
populations:
  E: {model: iaf_psc_exp, size: 200, initial: {V_m_mV: {distribution: uniform, low: -70, high: -51}}}
  I: {model: iaf_psc_alpha, size: 70, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 20}
    weight_pA: {distribution: normal, mean: 80, sd: 15}
    delay_ms: {distribution: uniform, low: 0.1, high: 3}
  EI: {source: E, target: I, rule: {kind: pairwise_bernoulli, probability: 0.1}, weight_pA: 120, delay_ms: 1}
  IE: {source: I, target: E, rule: {kind: fixed_total_number, total: 2000}, weight_pA: -200, delay_ms: 0.7}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 9000, weight_pA: 60}
"""


@with_gxx
@pytest.mark.parametrize("kind", KINDS)
def test_spikes(kind: int | None) -> None:
    network = network_of(RUNNING)
    expected = simulate(network)
    assert len(expected) > 200
    for threads, backwards in ((1, False), (2, True)):
        device = ShimDevice(backwards=backwards)
        backend = CudaBackend(on_device(network, threads, kind, device), None, device)
        backend.compile()
        backend.advance(0, network.n_steps)
        np.testing.assert_array_equal(spikes_of(backend), expected)
        assert backend.events() > 1000
        backend.close()


RANGE = """\
simulation: {duration_ms: 1}
populations: {A: {model: izhikevich, size: 16}}
projections:
  big: {source: A, target: A, rule: {kind: fixed_total_number, total: 1984}, weight_mV: 1.0, delay_ms: 1}
  small: {source: A, target: A, rule: {kind: one_to_one}, weight_mV: -0.001, delay_ms: 1}
drives: {bg: {kind: poisson, target: A, rate_hz: 10, weight_mV: 0.001}}
"""


@with_gxx
def test_sums_beyond_32_bits_widen_the_rows() -> None:
    network = network_of(RANGE)
    assert plan_rank(network, 0, 1, 1).acc_bits == 32
    built, expected = on_device(network), built_rank(network)
    assert built.lanes[0].rows.kind == L.KIND_WIDE64
    check_same(built, expected)


@with_gxx
@pytest.mark.parametrize("kind", [L.KIND_PACKED, L.KIND_WIDE16, L.KIND_WIDE32])
def test_magnitudes_and_widening_of_every_format(tmp_path: Path, kind: int) -> None:
    network = zoo(tmp_path)
    mine, cpu = on_device(network, kind=kind).lanes[0], built_rank(network, kind=kind).lanes[0]
    sums, expected = np.full(cpu.lane.n_slots, 5), np.full(cpu.lane.n_slots, 5)
    mine.rows.add_magnitudes(sums)
    cpu.rows.add_magnitudes(expected)
    np.testing.assert_array_equal(sums, expected)
    wide = mine.rows.widened()
    assert isinstance(wide, DeviceRows)
    wide.add_magnitudes(sums)
    np.testing.assert_array_equal(sums, 2 * expected - 5)
    assert (wide.kind, wide.weights.dtype, wide.targets.max() < cpu.lane.n_slots) == (L.KIND_WIDE64, np.int32, True)


DYNAMIC = RUNNING.replace(
    "drives:",
    """\
  plastic:
    source: E
    target: I
    rule: {kind: fixed_indegree, indegree: 9}
    weight_pA: 50
    delay_ms: 1
    synapse: {kind: stdp, weight_max: 100}
drives:""",
)


@with_gxx
def test_synapses_that_change_come_from_the_host() -> None:
    network = network_of(DYNAMIC)
    built, expected = on_device(network, threads=2), built_rank(network, threads=2)
    check_same(built, expected)
    for (_, mine), (_, cpu) in zip(dynamic_synapses_of(built), dynamic_synapses_of(expected), strict=True):
        np.testing.assert_array_equal(mine, cpu)
        assert len(cpu) == 70 * 9
    assert not isinstance(built.lanes[0].dynamic[0].rows, DeviceRows)


@with_gxx
def test_the_host_builds_no_static_synapses(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(builder: LaneBuilder) -> None:
        raise AssertionError("static synapses were built on the host")

    monkeypatch.setattr(LaneBuilder, "build", build)
    assert on_device(network_of(RUNNING)).n_synapses > 6000


@with_gxx
def test_a_network_without_synapses_and_progress() -> None:
    network = network_of("populations: {A: {model: izhikevich, size: 1300}}\nsimulation: {duration_ms: 1}\n")
    seen: list[tuple[int, int]] = []
    built = on_device(network, threads=2, progress=lambda done, of: seen.append((done, of)))
    check_same(built, built_rank(network, threads=2))
    assert (built.n_synapses, seen) == (0, sorted(seen))
    assert set(seen) == {(0, 2), (1, 2), (2, 2)}
