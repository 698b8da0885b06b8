"""The network is the same for any number of ranks and threads, any partitioner, and any synapse format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import SOURCE, TARGET, WEIGHT, all_synapses, built_rank, network_of, synapses_of
from tests.helpers.zoo import zoo

from dtbsim.build.kinds import find_kinds
from dtbsim.build.rank import build_rank, plan_rank
from dtbsim.errors import InputError
from dtbsim.kernels import layout as L
from dtbsim.spec import Network

PARTITIONERS = ("contiguous", "greedy", "ordered")


def neurons_of(network: Network, n_ranks: int, threads: int) -> dict[int, dict[str, Any]]:
    """Initial states and per-neuron constants of every neuron by gid, and who owns it must be one lane only."""
    found: dict[int, dict[str, Any]] = {}
    for rank in range(n_ranks):
        built = built_rank(network, rank, n_ranks, threads)
        for state in built.lanes:
            for group in state.neurons.groups:
                arrays = {**group.state_offset, **{f"{name} (constant)": at for name, at in group.array_offset.items()}}
                for k in range(group.size):
                    gid = int(state.lane.gids[group.start + k])
                    assert gid not in found
                    found[gid] = {"kind": group.kind}
                    for name, at in arrays.items():
                        integer = (
                            name in group.state_offset and built.kinds[group.kind].model.state(name).dtype == "i32"
                        )
                        found[gid][name] = float((state.neurons.i32 if integer else state.neurons.f32)[at + k])
    return found


@pytest.mark.parametrize("partitioner", PARTITIONERS)
def test_synapses_do_not_depend_on_ranks_threads_and_partitioner(tmp_path: Path, partitioner: str) -> None:
    reference = all_synapses(zoo(tmp_path))
    assert len(reference) > 15_000
    network = zoo(tmp_path, f"simulation.partitioner={partitioner}")
    for n_ranks in (1, 2, 3):
        for threads in (1, 2):
            assert np.array_equal(all_synapses(network, n_ranks, threads), reference), (n_ranks, threads)


def test_another_seed_or_block_size_gives_other_synapses(tmp_path: Path) -> None:
    reference = all_synapses(zoo(tmp_path))
    other = all_synapses(zoo(tmp_path, "seed=13"))
    assert not np.array_equal(other, reference)
    assert not np.array_equal(all_synapses(zoo(tmp_path, "seed=4294967308")), reference), "the upper 32 bits count"
    assert not np.array_equal(all_synapses(zoo(tmp_path, "simulation.block_size=32")), reference)


def test_neurons_do_not_depend_on_ranks_threads_and_partitioner(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    reference = neurons_of(network, 1, 1)
    assert sorted(reference) == list(range(network.n_neurons))
    assert len({values["V_m_mV"] for values in reference.values()}) > 250
    assert len({values.get("P22 (constant)") for values in reference.values()}) > 200
    for partitioner in PARTITIONERS:
        network = zoo(tmp_path, f"simulation.partitioner={partitioner}")
        for n_ranks, threads in ((1, 2), (2, 1), (3, 2)):
            assert neurons_of(network, n_ranks, threads) == reference


def test_neuron_values_follow_their_parameters(tmp_path: Path) -> None:
    """Region maps by region, drawn parameters within bounds, drawn initial potentials relative to E_L."""
    network = zoo(tmp_path)
    neurons = neurons_of(network, 2, 1)
    gradient = 300 + 120 * (np.array([2.0, 4.0, 6.0, 10.0, 3.0]) - 2) / 8
    for region in range(5):
        current = {neurons[gid]["I_e_pA (constant)"] for gid in range(50 * region, 50 * region + 50)}
        assert current == {float(np.float32(gradient[region]))}
    tau = -0.1 / np.log([neurons[gid]["P22 (constant)"] for gid in range(250)])
    assert tau.min() > 4.99
    assert abs(tau.mean() - 12.0) < 4 * 3 / np.sqrt(250)
    potential = np.array([neurons[gid]["V_m_mV"] for gid in range(250)])
    assert 0 <= potential.min() < 0.5
    assert 13.5 < potential.max() <= 14
    assert abs(np.corrcoef(tau, potential)[0, 1]) < 0.25


def test_families_that_differ_in_no_constant_share_a_kind() -> None:
    text = (
        "simulation: {{duration_ms: 1}}\npopulations:\n"
        "  A: {{model: iaf_psc_exp, size: 5}}\n  B: {{model: iaf_psc_exp, size: 5{}}}\n"
    )

    def families(more: str) -> list[list[int]]:
        return [kind.families for kind in find_kinds(network_of(text.format(more)))]

    assert families("") == [[0, 1]]
    assert families(", initial: {V_m_mV: -60}") == [[0, 1]], "initial states are per neuron"
    assert families(", parameters: {C_m_pF: 250}") == [[0, 1]]
    assert families(", parameters: {C_m_pF: 251}") == [[0], [1]]
    assert families(", parameters: {tau_syn_ex_ms: 3}") == [[0], [1]]
    assert families(", parameters: {I_e_pA: {distribution: uniform, low: 0, high: 1}}") == [[0], [1]]


def test_every_rank_owns_whole_blocks(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    gids = []
    for rank in range(3):
        plan = plan_rank(network, rank, 3, 2)
        for lane in plan.lanes:
            gids += lane.gids.tolist()
            for run in lane.runs:
                start = run.gid0 - network.populations[run.population].gid0
                assert start % 16 == 0
                assert run.size == min(16, network.populations[run.population].size - start)
                assert (lane.gids[run.local : run.local + run.size] == np.arange(run.gid0, run.gid0 + run.size)).all()
    assert sorted(gids) == list(range(network.n_neurons))


def test_more_ranks_than_blocks_are_an_error(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    blocks = 5 * 4 + 5 * 2 + 3 + 3
    assert len(plan_rank(network, 0, blocks, 1).lanes) == 1
    with pytest.raises(InputError, match=f"{blocks + 1} ranks, but the network has only {blocks} block"):
        plan_rank(network, 0, blocks + 1, 1)


def test_a_thread_has_no_lane_without_blocks() -> None:
    network = network_of(
        "simulation: {duration_ms: 1, block_size: 16}\npopulations: {A: {model: iaf_psc_exp, size: 40}}\n"
    )
    built = built_rank(network, threads=8)
    assert [state.lane.n_local for state in built.lanes] == [16, 16, 8]


def test_progress_counts_finished_lanes(tmp_path: Path) -> None:
    plan, seen = plan_rank(zoo(tmp_path), 0, 1, 2), []
    build_rank(plan, 2, lambda done, of: seen.append((done, of)))
    assert seen == sorted(seen)
    assert set(seen) == {(0, 2), (1, 2), (2, 2)}


def test_filling_the_neurons_of_a_huge_lane_is_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watchdog hears of every part, long before the only lane is finished."""
    monkeypatch.setattr("dtbsim.build.neurons.MOST_AT_ONCE", 64)
    text = "simulation: {duration_ms: 1, block_size: 32}\npopulations: {A: {model: izhikevich, size: 640}}\n"
    seen: list[tuple[int, int]] = []
    built = build_rank(plan_rank(network_of(text), 0, 1, 1, 1), 1, lambda done, of: seen.append((done, of)))
    assert len(built.lanes) == 1
    assert seen == [(0, 1)] * 10 + [(1, 1)]


# -- formats ----------------------------------------------------------------------------------------------------------

FORMATS = {L.KIND_PACKED: 4, L.KIND_WIDE16: 6, L.KIND_WIDE32: 8, L.KIND_WIDE64: 8}


def test_all_formats_hold_the_same_synapses(tmp_path: Path) -> None:
    network = zoo(tmp_path)
    reference = synapses_of(built_rank(network))
    assert reference[:, WEIGHT].min() < -5000
    for kind, n_bytes in FORMATS.items():
        built = built_rank(network, threads=2, kind=kind)
        assert np.array_equal(synapses_of(built), reference)
        for state in built.lanes:
            assert state.rows.kind == kind
            assert state.rows.targets.nbytes + state.rows.weights.nbytes == n_bytes * state.rows.n_synapses
            assert state.acc.dtype == (np.int64 if kind == L.KIND_WIDE64 else np.int32)


@pytest.mark.parametrize("kind", [L.KIND_PACKED, L.KIND_WIDE16, L.KIND_WIDE32])
def test_widening_keeps_every_synapse(tmp_path: Path, kind: int) -> None:
    built = built_rank(zoo(tmp_path), kind=kind)
    reference = synapses_of(built)
    built.lanes[0].rows = built.lanes[0].rows.widened()
    assert built.lanes[0].rows.kind == L.KIND_WIDE64
    assert built.lanes[0].rows.weights.dtype == np.int32
    assert np.array_equal(synapses_of(built), reference)


RANGE = """\
simulation: {{duration_ms: 1}}
populations: {{A: {{model: izhikevich, size: {size}}}}}
projections:
  big: {{source: A, target: A, rule: {{kind: fixed_indegree, indegree: {indegree}}}, weight_mV: {big}, delay_ms: 1}}
  small: {{source: A, target: A, rule: {{kind: one_to_one}}, weight_mV: 0.001, delay_ms: 1}}
drives: {{bg: {{kind: poisson, target: A, rate_hz: 10, weight_mV: {drive}}}}}
"""


def planned(size: int, indegree: int, big: float, drive: float = 0.001) -> Any:
    network = network_of(RANGE.format(size=size, indegree=indegree, big=big, drive=drive))
    return network, plan_rank(network, 0, 1, 1)


def test_the_format_follows_the_range_of_weights() -> None:
    cases = [
        ((100, 10, 0.1), L.KIND_PACKED, 32),  # the smallest weight has 128 quanta and more
        ((100, 10, 1.0), L.KIND_WIDE32, 32),
        ((100, 120, 1.0), L.KIND_WIDE32, 32),
        ((100, 129, 1.0), L.KIND_WIDE64, 64),
    ]
    for given, kind, bits in cases:
        network, plan = planned(*given)
        assert (plan.synapse_kind, plan.acc_bits) == (kind, bits), given
        weights = synapses_of(build_rank(plan, 1))[:, WEIGHT]
        quantum = network.families[0].channels[0].quantum
        assert np.abs(np.unique(weights) * quantum - np.array([0.001, given[2]])).max() <= quantum / 2
        assert weights.min() >= 128


def test_sums_that_only_the_built_network_shows_widen_it() -> None:
    """In-degrees alone would fit 32 bits; with the drive they might not."""
    _, plan = planned(100, 100, 1.0, drive=1.0)
    assert plan.acc_bits == 32
    built = build_rank(plan, 1)
    state = built.lanes[0]
    assert (state.rows.kind, state.acc.dtype) == (L.KIND_WIDE64, np.int64)
    _, plan = planned(100, 100, 1.0)
    assert build_rank(plan, 1).lanes[0].rows.kind == L.KIND_WIDE32


def test_the_widest_neuron_decides_not_the_mean() -> None:
    """All synapses on a few neurons: expected sums fit, those of single neurons do not."""
    text = RANGE.format(size=16, indegree=1, big=1.0, drive=0.001)
    text = text.replace("{kind: fixed_indegree, indegree: 1}", "{kind: fixed_total_number, total: 1984}")
    network = network_of(text)
    plan = plan_rank(network, 0, 1, 1)
    assert plan.acc_bits == 32, "124 synapses per neuron are expected"
    built = build_rank(plan, 1)
    sums = np.bincount(synapses_of(built)[:, TARGET], synapses_of(built)[:, WEIGHT])
    assert sums.max() > 2**31
    assert built.lanes[0].rows.kind == L.KIND_WIDE64


LARGE = """\
simulation: {{duration_ms: 1, block_size: {block_size}}}
populations: {{A: {{model: izhikevich, size: 140000}}}}
projections: {{P: {{source: A, target: A, rule: {{kind: one_to_one}}, weight_mV: 3, delay_ms: 1}}}}
"""


def test_lanes_beyond_16_bit_slots_use_6_bytes() -> None:
    plan = plan_rank(network_of(LARGE.format(block_size=65_536)), 0, 1, 1)
    assert [lane.n_slots for lane in plan.lanes] == [140_000]
    assert plan.synapse_kind == L.KIND_WIDE16
    synapses = synapses_of(build_rank(plan, 1))
    assert (synapses[:, SOURCE] == np.arange(140_000)).all()
    assert (synapses[:, TARGET] == np.arange(140_000)).all()


@pytest.mark.parametrize(("indegree", "lanes"), [(1, 1), (30, 3)])
def test_several_lanes_of_a_thread_keep_slots_in_16_bits(indegree: int, lanes: int) -> None:
    """Where the bytes that synapses save are more than those of finding them in more lanes."""
    rule = f"{{kind: fixed_indegree, indegree: {indegree}}}"
    plan = plan_rank(network_of(LARGE.format(block_size=16_384).replace("{kind: one_to_one}", rule)), 0, 1, 1)
    assert len(plan.lanes) == lanes
    assert (plan.synapse_kind == L.KIND_PACKED) == (lanes == 3)
    assert (max(lane.n_slots for lane in plan.lanes) <= 65_536) == (lanes == 3)
    found = synapses_of(build_rank(plan, 1))
    assert (np.bincount(found[:, TARGET], minlength=140_000) == indegree).all()


@pytest.mark.parametrize(
    ("constant", "limit", "message", "remedy"),
    [
        ("candidates.MOST_SOURCES", 99, "rank 0 hears 100 neurons; a rank can number 99", "use fewer neurons"),
        (
            "lanes.MOST_SLOTS",
            111,
            "a lane would have 112 inputs (neurons times receptor channels); at most 111 can be",
            "use more ranks",
        ),
    ],
)
def test_what_32_bits_number_is_limited(
    monkeypatch: pytest.MonkeyPatch, constant: str, limit: int, message: str, remedy: str
) -> None:
    network = network_of(
        "simulation: {duration_ms: 1}\npopulations: {A: {model: iaf_psc_exp, size: 100}}\nprojections:\n"
        "  P: {source: A, target: A, rule: {kind: all_to_all}, receptor: ex, weight_pA: 1, delay_ms: 1}\n"
    )
    monkeypatch.setattr(f"dtbsim.build.{constant}", limit + 1)
    plan_rank(network, 0, 1, 1)
    monkeypatch.setattr(f"dtbsim.build.{constant}", limit)
    with pytest.raises(InputError) as caught:
        plan_rank(network, 0, 1, 1)
    assert (caught.value.where, caught.value.message) == ("populations", message)
    assert caught.value.remedy is not None
    assert caught.value.remedy.startswith(remedy)
