"""Synapses built by the CUDA kernels, run on the host, are those that the CPU builds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.helpers.device_builds import DRAWN, KINDS, BlocksTogether, check_same, on_device
from tests.helpers.networks import (
    DELAY,
    TARGET,
    WEIGHT,
    built_rank,
    network_of,
    synapses_of,
)
from tests.helpers.shim_device import GXX, LIMITS, ShimDevice
from tests.helpers.small_atlas import save_small_atlas
from tests.helpers.zoo import zoo

from dtbsim.backends.cuda import build, projection_tasks
from dtbsim.build import pairs
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

with_gxx = pytest.mark.skipif(GXX is None, reason="g++ is not installed")


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
    "listed": f"{{kind: explicit, edges: {{source: {[7 * k % 60 for k in range(300)]}, "
    f"target: {[11 * k % 45 for k in range(300)]}}}}}",
}


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
        (
            "connectome",
            "{tract_velocity_m_per_s: 3, relative_spread: {distribution: normal, mean: 1, sd: 0.6}}",
        ),
        ("connectome", "{tract_velocity_m_per_s: 3, spread: {distribution: normal, mean: 0, sd: 3}}"),
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
@pytest.mark.parametrize("multapses", ["true", "false"])
def test_in_degrees_of_neurons(multapses: str) -> None:
    """Neighbours with the same number and with others, some without any."""
    listed = [0, 0, 7, 7, 7, 1, 30, 0, *range(37)]
    rule = f"{{kind: fixed_indegree, indegree: {listed}, multapses: {multapses}}}"
    text = SOME.replace("TARGET", "B").replace("RULE", rule).replace("WEIGHT", DRAWN[0]).replace("DELAY", DRAWN[1])
    network = network_of(text)
    expected = built_rank(network, threads=2)
    check_same(on_device(network, threads=2), expected)
    targets = synapses_of(expected)[:, TARGET] - 60
    assert np.bincount(targets, minlength=45).tolist() == listed


@with_gxx
def test_marks_are_wiped_for_the_next_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """One warp does all targets: pools with far more and with fewer words than attempts."""
    monkeypatch.setattr(projection_tasks, "WORK_BYTES", 1)
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
def test_short_and_long_rows_side_by_side(tmp_path: Path, threads: int, shared_bytes: int) -> None:
    """Some rows fit the shared memory of a block, others do not; blocks of a warp and of 32."""
    network = zoo(tmp_path)
    device = ShimDevice(replace(LIMITS, shared_bytes=shared_bytes, multiprocessors=1, threads=threads))
    for kind in (L.KIND_PACKED, L.KIND_WIDE32):
        check_same(on_device(network, kind=kind, device=device), built_rank(network, kind=kind))
