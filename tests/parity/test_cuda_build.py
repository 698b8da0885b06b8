"""Synapses built by the CUDA kernels, run on the host, are those that the CPU builds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers import nvrtc
from tests.helpers.networks import (
    DELAY,
    WEIGHT,
    built_rank,
    dynamic_synapses_of,
    network_of,
    simulate,
    sorted_rows,
    spikes_of,
    synapses_of,
)
from tests.helpers.shim_device import GXX, LIMITS, ShimDevice, ShimKernels
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo

from dtbsim.backends.cuda import build, persistent, wiring
from dtbsim.backends.cuda.backend import CudaBackend
from dtbsim.backends.cuda.build import build_rank_on_device, build_text
from dtbsim.backends.cuda.persistent import PersistentBackend
from dtbsim.backends.cuda.rows import DeviceRows
from dtbsim.build import pairs
from dtbsim.build.rank import RankNetwork, plan_rank
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

with_gxx = pytest.mark.skipif(GXX is None, reason="g++ is not installed")
KINDS = (None, L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64)


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
    device: ShimDevice | None = None,
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


def check_same(built: RankNetwork, expected: RankNetwork) -> None:
    """The same tables, and the same synapses for each source and delay."""
    assert built.n_synapses == expected.n_synapses
    assert built.synapse_bytes == expected.synapse_bytes
    for mine, cpu in zip(built.lanes, expected.lanes, strict=True):
        assert isinstance(mine.rows, DeviceRows)
        assert mine.rows.kind == cpu.rows.kind
        for name in ("rows", "segment_rows", "segments"):
            np.testing.assert_array_equal(getattr(mine.rows, name), getattr(cpu.rows, name))
        for name in ("targets", "weights"):
            assert getattr(mine.rows, name).dtype == getattr(cpu.rows, name).dtype
        np.testing.assert_array_equal(mine.neurons.f32, cpu.neurons.f32)
        assert mine.acc.dtype == cpu.acc.dtype
    np.testing.assert_array_equal(synapses_of(built), synapses_of(expected))


SOME = """\
simulation: {dt_ms: 0.1, duration_ms: 20, block_size: 16}
seed: 3
populations:
  A: {model: iaf_psc_exp, size: 60}
  B: {model: iaf_psc_exp, size: 45}
  C: {model: iaf_psc_exp, size: 60, parameters: {tau_syn_ex_ms: 1.5}}
projections:
  P: {source: A, target: TARGET, rule: RULE, weight_pA: WEIGHT, delay_ms: DELAY}
"""
RULES = {
    "in-degree": "{kind: fixed_indegree, indegree: 30}",
    "in-degree beyond one chunk": "{kind: fixed_indegree, indegree: 700}",
    "in-degree without autapses": "{kind: fixed_indegree, indegree: 30, autapses: false}",
    "distinct": "{kind: fixed_indegree, indegree: 25, multapses: false}",
    "all of them": "{kind: fixed_indegree, indegree: 59, multapses: false, autapses: false}",
    "total": "{kind: fixed_total_number, total: 5000}",
    "total without autapses": "{kind: fixed_total_number, total: 777, autapses: false}",
    "nothing": "{kind: fixed_total_number, total: 0}",
    "rare": "{kind: pairwise_bernoulli, probability: 0.02}",
    "half": "{kind: pairwise_bernoulli, probability: 0.5}",
    "half without autapses": "{kind: pairwise_bernoulli, probability: 0.5, autapses: false}",
    "most": "{kind: pairwise_bernoulli, probability: 0.9, autapses: false}",
    "certain": "{kind: pairwise_bernoulli, probability: 1.0}",
    "all": "{kind: all_to_all}",
    "all without autapses": "{kind: all_to_all, autapses: false}",
    "out-degree": "{kind: fixed_outdegree, outdegree: 150}",
    "out-degree without autapses": "{kind: fixed_outdegree, outdegree: 31, autapses: false}",
    "one": "{kind: one_to_one}",
}
DRAWN = ("{distribution: normal, mean: 100, sd: 20}", "{distribution: uniform, low: 0.1, high: 40}")


def connected(rule: str, target: str, weight: str = "100", delay: str = "1.5") -> Network:
    text = SOME.replace("TARGET", target).replace("RULE", RULES[rule])
    return network_of(text.replace("WEIGHT", weight).replace("DELAY", delay))


@with_gxx
@pytest.mark.parametrize("rule", RULES)
def test_every_rule(rule: str) -> None:
    for target, (weight, delay) in itertools.product(("A", "C"), (("100", "1.5"), DRAWN)):
        network = connected(rule, target, weight, delay)
        expected = built_rank(network)
        check_same(on_device(network), expected)
        check_same(on_device(network, device=ShimDevice(backwards=True)), expected)
        assert expected.n_synapses > 20 or rule == "nothing"


@with_gxx
@pytest.mark.parametrize("kind", KINDS)
def test_formats_lanes_and_ranks(tmp_path: Path, kind: int | None) -> None:
    """Every rule and several regions together; pools of several entries with tract delays."""
    network = zoo(tmp_path)
    for threads, backwards in ((1, False), (2, True)):
        built = on_device(network, threads, kind, ShimDevice(backwards=backwards))
        check_same(built, built_rank(network, threads=threads, kind=kind))
        few = BlocksTogether(replace(LIMITS, multiprocessors=1), backwards=backwards)
        check_same(on_device(network, threads, kind, few), built_rank(network, threads=threads, kind=kind))
        assert len(built.lanes) == threads
    for rank in range(3):
        mine = on_device(network, 2, kind, rank=rank, n_ranks=3)
        check_same(mine, built_rank(network, rank, 3, 2, kind))
        assert mine.n_synapses > 1000


REGIONS = """\
simulation: {{dt_ms: 0.1, duration_ms: 20, block_size: 16}}
atlas: small.npz
populations: {{A: {{model: iaf_psc_exp, size: 90, regions: all}}}}
projections:
  P:
    source: A
    target: A
    scope: {scope}
    rule: {rule}
    weight_pA: {{distribution: normal, mean: 60, sd: 10}}
    delay_ms: {delay}
"""
REGION_RULES = (
    "{kind: fixed_indegree, indegree: 40}",
    "{kind: fixed_indegree, indegree: 40, multapses: false}",
    "{kind: fixed_total_number, total: 900}",
    "{kind: pairwise_bernoulli, probability: 0.2}",
    "{kind: pairwise_bernoulli, probability: 0.9}",
    "{kind: fixed_outdegree, outdegree: 20}",
)


@with_gxx
@pytest.mark.parametrize("rule", REGION_RULES)
@pytest.mark.parametrize(
    ("scope", "delay"),
    [
        ("connectome", "{tract_velocity_m_per_s: 3}"),
        ("connectome\n    connectome_scales: weight", "{tract_velocity_m_per_s: 3}"),
        ("all", "{distribution: exponential, mean: 1, low: 0.5}"),
    ],
)
def test_pools_of_regions_with_factors_and_tract_delays(tmp_path: Path, rule: str, scope: str, delay: str) -> None:
    save_small_atlas(tmp_path)
    network = network_of(REGIONS.format(scope=scope, rule=rule, delay=delay), base_dir=tmp_path)
    expected = built_rank(network, threads=2)
    check_same(on_device(network, threads=2), expected)
    assert len(np.unique(synapses_of(expected)[:, DELAY])) > 5
    assert np.ptp(synapses_of(expected)[:, WEIGHT]) > 100


@with_gxx
def test_marks_are_wiped_for_the_next_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """One warp does all targets: pools with far more and with fewer words than attempts."""
    monkeypatch.setattr(wiring, "WORK_BYTES", 1)
    text = SOME.replace("A: {model: iaf_psc_exp, size: 60}", "A: {model: iaf_psc_exp, size: 9000}")
    text = text.replace("WEIGHT", DRAWN[0]).replace("DELAY", DRAWN[1]).replace("TARGET", "B")
    for rule in (
        "{kind: fixed_indegree, indegree: 20, multapses: false}",
        "{kind: fixed_indegree, indegree: 600, multapses: false}",
        "{kind: pairwise_bernoulli, probability: 0.002}",
        "{kind: pairwise_bernoulli, probability: 0.05}",
        "{kind: pairwise_bernoulli, probability: 0.999}",
        "{kind: fixed_outdegree, outdegree: 2}",
    ):
        network = network_of(text.replace("RULE", rule))
        check_same(on_device(network), built_rank(network))


@with_gxx
@pytest.mark.parametrize("part", [4, 16])
def test_out_degrees_onto_populations_in_parts(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    plain = pairs.splits_of
    monkeypatch.setattr(pairs, "splits_of", lambda size: plain(size, part))
    for rule in ("out-degree", "out-degree without autapses"):
        network = connected(rule, "A", *DRAWN)
        for rank in range(2):
            check_same(on_device(network, rank=rank, n_ranks=2), built_rank(network, rank, 2))


# -- rows that do not fit ---------------------------------------------------------------------------------------------

LONG = """\
simulation: {{dt_ms: 0.1, duration_ms: 1, max_delay_ms: 6000, block_size: 1024}}
populations: {{A: {{model: iaf_psc_exp, size: 3}}, B: {{model: iaf_psc_exp, size: 1000}}}}
projections:
  P: {{source: A, target: B, rule: {{kind: fixed_indegree, indegree: 230}}, weight_pA: {weight}, delay_ms: {delay}}}
"""


@with_gxx
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delay", ["1.5", DRAWN[1], "{distribution: uniform, low: 0.1, high: 5000}"])
def test_rows_beyond_shared_memory_and_beyond_the_largest_segment(delay: str, kind: int | None) -> None:
    """Rows of 77,000 synapses; delays beyond uint8, and so many that the histogram is not in shared memory."""
    network = network_of(LONG.format(weight=DRAWN[0], delay=delay))
    expected = built_rank(network, kind=kind)
    check_same(on_device(network, kind=kind, device=BlocksTogether()), expected)
    rows = expected.lanes[0].rows
    assert np.diff(rows.rows).min() > 65_535
    assert (rows.segments & 0xFFFF).max() == 65_535 or delay != "1.5"
    assert build.HISTOGRAM_BYTES < 4 * 50_000


@with_gxx
@pytest.mark.parametrize("threads", [32, 1024])
@pytest.mark.parametrize("shared_bytes", [256 + 4 * 402 + 80, 8 << 10])
def test_short_and_long_rows_side_by_side(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, threads: int, shared_bytes: int
) -> None:
    """Some rows fit the shared memory of a block, others do not; blocks of a warp and of 32."""
    monkeypatch.setattr(build, "THREADS", threads)
    network = zoo(tmp_path)
    device = ShimDevice(replace(LIMITS, shared_bytes=shared_bytes, multiprocessors=1))
    for kind in (L.KIND_PACKED, L.KIND_WIDE32):
        check_same(on_device(network, kind=kind, device=device), built_rank(network, kind=kind))


# -- without order ----------------------------------------------------------------------------------------------------


def listed(rows: DeviceRows) -> Any:
    """int64[n, 4]: source, delay, target word, weight of rows without segments, sorted."""
    n = rows.rows.size - 1
    columns = [np.repeat(np.arange(n), np.diff(rows.rows)), rows.delays, rows.targets]
    columns.append(rows.weights if rows.weights.size else rows.targets)
    return sorted_rows(np.stack([np.asarray(c, np.int64) for c in columns], axis=1))


@with_gxx
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delay", ["3", DRAWN[1]])
def test_rows_without_order_hold_their_delays(kind: int | None, delay: str) -> None:
    network = connected("in-degree", "A", DRAWN[0], delay)
    built, expected = on_device(network, kind=kind, in_order=False), built_rank(network, kind=kind)
    mine, cpu = built.lanes[0].rows, expected.lanes[0].rows
    assert isinstance(mine, DeviceRows)
    assert mine.delays.dtype == (np.uint8 if delay == "3" else np.uint16)
    assert (mine.segment_rows.size, mine.segments.size) == (0, 0)
    np.testing.assert_array_equal(mine.rows, cpu.rows)
    delays = np.repeat(cpu.segments >> np.uint32(16), cpu.segments & np.uint32(0xFFFF))
    reference = DeviceRows(
        cpu.kind, cpu.rows, cpu.targets, cpu.weights, cpu.segment_rows, cpu.segments, mine.device, mine.kernels, delays
    )
    np.testing.assert_array_equal(listed(mine), listed(reference))
    assert mine.n_bytes == cpu.n_bytes + mine.delays.nbytes - cpu.segment_rows.nbytes - cpu.segments.nbytes


@with_gxx
def test_spikes_of_rows_without_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistent, "BLOCK_THREADS", 64)
    network = network_of(RUNNING, "simulation.duration_ms=8")
    expected = simulate(network)
    built = on_device(network, threads=2, in_order=False)
    backend = PersistentBackend(built, None, ShimDevice())
    backend.compile()
    backend.advance(0, network.n_steps)
    np.testing.assert_array_equal(spikes_of(backend), expected)
    backend.close()
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
def test_a_network_without_synapses_and_progress() -> None:
    network = network_of("populations: {A: {model: izhikevich, size: 1300}}\nsimulation: {duration_ms: 1}\n")
    seen: list[tuple[int, int]] = []
    built = on_device(network, threads=2, progress=lambda done, of: seen.append((done, of)))
    check_same(built, built_rank(network, threads=2))
    assert (built.n_synapses, seen) == (0, [(1, 2), (2, 2)])


@pytest.mark.skipif(nvrtc.library() is None, reason=f"the wheel {nvrtc.PACKAGE} is not installed")
@pytest.mark.parametrize("architecture", [70, 90])
def test_the_text_compiles_for_gpus(architecture: int) -> None:
    found = nvrtc.compiled(build_text(), architecture)
    assert found.works, found.log
    assert found.cubin_bytes > 0
