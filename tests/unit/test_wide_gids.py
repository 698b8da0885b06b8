"""Networks of more than 2^32 neurons: one rank of them built and stepped, driven by spikes that others would send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.helpers.lane_table import LaneTable
from tests.helpers.networks import network_of, synapses_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.backends.state import merge_states
from dtbsim.build.blocks import cut_blocks
from dtbsim.build.neuron_runs import neuron_runs
from dtbsim.build.rank import RankNetwork, build_rank, plan_rank
from dtbsim.errors import InputError
from dtbsim.exchange.wanted import addresses, runs_of
from dtbsim.kernels import layout as L
from dtbsim.kernels.packets import pack, unpack
from dtbsim.kernels.philox import keyed
from dtbsim.numerics.gids import as_gids, gid_bits, gid_dtype
from dtbsim.numerics.philox import HIGH, philox_array, seed_key
from dtbsim.record.spike_hash import SpikeHasher
from dtbsim.record.spike_order import sort_spikes
from dtbsim.spec import Network
from dtbsim.spec.simulated import check_on_gpu, check_simulated

WIDE = 2**32
PAD = WIDE - 100_000
"""Neurons before those that are looked at: the 200,000 of `far`, in the middle of which ids pass 2^32."""
TEXT = """
name: wide
seed: 12345
simulation: {dt_ms: 0.5, duration_ms: 300, block_size: 65536, threads: 2}
populations:
  pad: {model: iaf_psc_exp, size: %d}
  far: {model: iaf_psc_exp, size: 200000}
  A: {model: iaf_psc_exp, size: 800, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
  B: {model: iaf_psc_exp, size: 400, parameters: {E_L_mV: {distribution: normal, mean: -65, sd: 1}}}
projections:
  far: {source: far, target: A, rule: {kind: fixed_indegree, indegree: 50}, weight_pA: 90, delay_ms: 1.5}
  AA: {source: A, target: A, rule: {kind: pairwise_bernoulli, probability: 0.05}, weight_pA: 20, delay_ms: 1}
  AB:
    source: A
    target: B
    rule: {kind: fixed_outdegree, outdegree: 20}
    weight_pA: {distribution: uniform, low: 10, high: 50}
    delay_ms: 2
    procedural: true
  BA: {source: B, target: A, rule: {kind: fixed_total_number, total: 8000}, weight_pA: -40, delay_ms: 1}
  BB:
    source: B
    target: B
    rule: {kind: fixed_indegree, indegree: 10}
    weight_pA: 30
    delay_ms: 1
    synapse: {kind: stdp, weight_max: 100}
drives:
  background: {kind: poisson, target: [A, B], receptor: ex, rate_hz: 8000, weight_pA: 40}
  some: {kind: poisson, target: A, receptor: ex, rate_hz: 500, weight_pA: 40, fraction: 0.5}
  noise: {kind: white_noise, target: B, mean: 10, sigma_pA: 50}
record:
  spikes: {}
"""


@cache
def network(pad: int = PAD) -> Network:
    return network_of(TEXT % pad)


def own(net: Network) -> RankNetwork:
    """The rank of A and B, which is rank 1 of two."""
    table = cut_blocks(net)
    first = net.family_index("A")
    ranks = (table.population >= first).astype(np.int32)
    return build_rank(plan_rank(net, 1, 2, 2, ranks=ranks, table=table), 2)


@contextmanager
def stepped(built: RankNetwork) -> Iterator[CpuBackend]:
    backend = CpuBackend(built, None, 2)
    yield backend
    backend.close()


def sent(net: Network, start: int, stop: int, rate_hz: float = 20.0) -> Any:
    """Entries of spikes of `far` as its rank would send them, the same numbers of neurons whatever is before them."""
    draw = np.random.default_rng(start)
    far = net.populations[net.family_index("far")]
    n = draw.poisson(rate_hz * far.size * (stop - start) * net.dt_ms * 1e-3)
    neurons = draw.integers(0, far.size, n)
    return (draw.integers(start, stop, n) << net.gid_bits) | (far.gid0 + neurons)


def driven(net: Network, backend: CpuBackend, start: int, stop: int, every: int = 2) -> tuple[Any, Any]:
    """Spikes of A and B in the steps, with those of `far` two steps before them coming in at the ends of windows."""
    parts = []
    for at in range(start, stop, every):
        if at > start:
            backend._set_remote(sent(net, at - every, at))
        backend.advance(at, at + every)
        parts.append(backend.collect())
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))  # type: ignore[return-value]


@cache
def spikes(pad: int) -> tuple[Any, Any]:
    net = network(pad)
    with stepped(own(net)) as backend:
        return sort_spikes(*driven(net, backend, 0, 600))


# -- keys and numbers ---------------------------------------------------------------------------------------------


def test_upper_bits_of_a_gid_change_the_key() -> None:
    low, gids = np.arange(5), np.arange(5) + 3 * WIDE
    k1 = seed_key(77)[1]
    moved = 77 + (((int(k1) + 3 * HIGH) % WIDE - int(k1)) << 32)
    assert np.array_equal(philox_array(gids, 1, 2, 3, 77), philox_array(low, 1, 2, 3, moved))
    assert not np.array_equal(philox_array(gids, 1, 2, 3, 77)[0], philox_array(low, 1, 2, 3, 77)[0])
    assert (keyed(k1, 3), keyed(k1, 0)) == ((int(k1) + 3 * HIGH) % WIDE, k1)
    mixed = philox_array(np.array([1, WIDE + 1]), 1, 2, 3, 77)[0]
    assert mixed[0] == philox_array(low, 1, 2, 3, 77)[0][1]
    assert mixed[0] != mixed[1]


def test_ids_are_as_wide_as_a_network_needs() -> None:
    assert (gid_dtype(WIDE - 1), gid_dtype(WIDE)) == (np.uint32, np.int64)
    assert (gid_bits(10), gid_bits(WIDE), gid_bits(WIDE + 1), gid_bits(86_000_000_000)) == (32, 32, 33, 37)
    assert as_gids(np.array([WIDE - 2])).dtype == np.uint32
    assert as_gids(np.array([WIDE])).dtype == np.int64


# -- one rank -----------------------------------------------------------------------------------------------------


def test_gids_and_synapses_of_a_rank() -> None:
    net = network()
    built, narrow = own(net), own(network(10))
    a, b = (net.populations[net.family_index(name)] for name in "AB")
    gids = np.sort(np.concatenate([state.lane.gids for state in built.lanes]))
    assert gids.dtype == np.int64
    assert np.array_equal(gids, np.arange(a.gid0, b.gid0 + b.size))
    assert a.gid0 > WIDE
    found, other = synapses_of(built), synapses_of(narrow)
    far = found[found[:, 0] < a.gid0]
    assert len(far) == 50 * a.size
    assert far[:, 0].min() < WIDE < far[:, 0].max()
    assert abs((far[:, 0] < WIDE).mean() - 0.5) < 0.02
    assert set(found[:, 1].tolist()) <= set(gids.tolist())
    shift = PAD - 10
    assert (len(found) - len(other)) / len(other) == pytest.approx(0, abs=0.05)
    own_shifted = {tuple(row) for row in (other + np.array([shift, shift, 0, 0, 0])).tolist()}
    same = sum(tuple(row) in own_shifted for row in found.tolist())
    assert same < 0.2 * len(found), "others are drawn for other gids"


def test_a_rank_above_is_like_one_below() -> None:
    (steps, gids), (_, below_gids) = spikes(PAD), spikes(10)
    assert (gids.dtype, below_gids.dtype) == (np.int64, np.uint32)
    net = network()
    for name in "AB":
        here, there = (n.populations[n.family_index(name)] for n in (net, network(10)))
        mine = (gids >= here.gid0) & (gids < here.gid0 + here.size)
        others = (below_gids >= there.gid0) & (below_gids < there.gid0 + there.size)
        rate, other = (which.sum() / here.size / 0.3 for which in (mine, others))
        assert rate == pytest.approx(other, rel=0.1)
        assert rate > 3.0
        counts = np.bincount(gids[mine] - here.gid0, minlength=here.size)
        assert (counts > 0).mean() > 0.5
    assert gids.min() >= net.populations[net.family_index("A")].gid0
    assert steps.max() < 600
    assert not np.array_equal(np.unique(gids), np.unique(below_gids) + PAD - 10)


def test_spikes_of_others_matter() -> None:
    net = network()
    with stepped(own(net)) as backend:
        backend.advance(0, 200)
        silent = backend.collect()[0].size
    assert silent < 0.9 * (spikes(PAD)[0] < 200).sum()


def test_threads_and_where_a_chunk_ends_change_nothing() -> None:
    net = network()
    table = cut_blocks(net)
    ranks = (table.population >= net.family_index("A")).astype(np.int32)
    built = build_rank(plan_rank(net, 1, 2, 1, ranks=ranks, table=table), 1)
    backend = CpuBackend(built, None, 1)
    steps, gids = sort_spikes(*driven(net, backend, 0, 300))
    backend.close()
    expected = spikes(PAD)
    n = int((expected[0] < 300).sum())
    assert np.array_equal(steps, expected[0][:n])
    assert np.array_equal(gids, expected[1][:n])


def test_a_state_goes_on() -> None:
    net = network()
    built = own(net)
    with stepped(built) as backend:
        driven(net, backend, 0, 200)
        state = merge_states([backend.state()])
    assert state["neurons/A/gid"].dtype == state["spikes/gid"].dtype == np.int64
    with stepped(own(net)) as backend:
        backend.load(state)
        backend._set_remote(np.concatenate([sent(net, 196, 198), sent(net, 198, 200)]))  # some arrived before
        found = sort_spikes(*driven(net, backend, 200, 400))
    steps, gids = spikes(PAD)
    inside = (steps >= 200) & (steps < 400)
    assert np.array_equal(found[0], steps[inside])
    assert np.array_equal(found[1], gids[inside])


def test_runs_end_where_the_upper_bits_change() -> None:
    net = network()
    table = cut_blocks(net)
    ranks = (table.population != net.family_index("far")).astype(np.int32)
    plan = plan_rank(net, 0, 2, 1, ranks=ranks, table=table)
    runs = neuron_runs(net, plan.candidates, plan.lanes[0])
    assert runs.tolist() == [[0, PAD, -1], [100_000, WIDE, -1], [200_000, 0, -1]]
    nobody = replace(plan.lanes[0], table=plan.lanes[0].table[:0])
    assert neuron_runs(net, plan.candidates, nobody)[:, 1:].tolist() == [[0, -1]]


# -- between ranks ------------------------------------------------------------------------------------------------


def test_packets_hold_wide_ids() -> None:
    net = network()
    table = cut_blocks(net)
    first = net.family_index("A")
    blocks = plan_rank(net, 1, 2, 1, ranks=(table.population >= first).astype(np.int32), table=table).blocks
    rank, lane = np.zeros(L.RANK_FIELDS, np.int64), LaneTable()
    rank[L.N_LANES], rank[L.GID_MORE] = 1, net.gid_bits - 32
    gid0 = net.populations[first].gid0
    entries = [(step << net.gid_bits) | (gid0 + neuron) for step, neuron in ((0, 0), (7, 799), (1_000_000, 3))]
    lane.log(entries)
    wants = np.zeros(len(net.populations) + 1, np.int64)
    wants[first + 1 :] = 1
    to = addresses(runs_of(blocks, 1), wants, np.zeros(1, np.int32), None)
    at, send = np.array([0, 8]), np.zeros(8, np.uint64)
    nothing = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    lanes = lane.row[None, :].copy()
    sent_before = np.zeros(1, np.int64)
    assert pack(rank, lanes, sent_before, to.runs, to.first, to.wanted_by, to.bits, at, send, *nothing) == 0
    out = np.zeros(8, np.int64)
    assert unpack(at, send, out) == 3
    assert out[:3].tolist() == entries
    lane.close()


# -- order, hash, limits ------------------------------------------------------------------------------------------


def test_order_and_hash_of_wide_ids() -> None:
    steps, gids = np.array([5, 2, 5, 2]), np.array([3 * WIDE, WIDE + 9, 7, 9])
    assert sort_spikes(steps, gids)[1].tolist() == [9, WIDE + 9, 7, 3 * WIDE]
    late = np.array([2**31 - 1, 0])
    assert sort_spikes(late, np.array([2**37, 2**36]))[1].tolist() == [2**36, 2**37]

    def digest(steps: Any, gids: Any) -> str:
        hasher = SpikeHasher()
        hasher.update(np.array(steps, np.int64), gids)
        return hasher.hexdigest()

    narrow = np.array([7, 9])
    assert digest([1, 2], narrow.astype(np.uint32)) == digest([1, 2], narrow), "the width is no part of it"
    assert digest([1], np.array([WIDE + 7])) != digest([1], np.array([7]))
    assert digest([1], np.array([WIDE + 7])) != digest([2], np.array([7])), "no carry into the step"


def test_steps_end_where_a_word_does() -> None:
    with pytest.raises(InputError, match=r"so many can be simulated for 1,073,741,824 steps"):
        check_simulated(network_of(TEXT % PAD, "simulation.duration_ms=600000000"))
    with pytest.raises(InputError, match=r"neurons; on GPUs 4,294,967,295 can be simulated"):
        check_on_gpu(network())
    check_on_gpu(network(10))


# -- a human brain ------------------------------------------------------------------------------------------------

BRAIN = """
name: brain
seed: 8
atlas: schaefer400
simulation: {dt_ms: 0.5, duration_ms: 60, block_size: 20736}
populations:
  E: {model: iaf_psc_exp, size: 172000000, regions: all}
  I: {model: iaf_psc_exp, size: 43000000, regions: all}
projections:
  EE: {source: E, target: E, scope: same_region, rule: RULE, weight_pA: 60, delay_ms: 1}
  IE: {source: I, target: E, scope: same_region, rule: RULE, weight_pA: -60, delay_ms: 1}
drives:
  background: {kind: poisson, target: E, receptor: ex, rate_hz: 8000, weight_pA: 40}
"""


@pytest.mark.nightly
def test_one_rank_of_86_billion_neurons() -> None:
    """The last block of E in the last region, with spikes of all its region from others."""
    unbalanced = BRAIN.replace("weight_pA: -60", "weight_pA: -20")  # that rates tell what arrives
    net = network_of(unbalanced.replace("RULE", "{kind: fixed_indegree, indegree: 20}"))
    assert net.n_neurons == 86_000_000_000
    table = cut_blocks(net)
    last = net.families[net.family_index("E")].populations[-1]
    region = net.populations[int(last)]
    mine = np.flatnonzero(table.population == last)[-1]
    ranks = np.zeros(len(table), np.int32)
    ranks[mine] = 1
    plan = plan_rank(net, 1, 2, 2, ranks=ranks, table=table)
    first, n = int(table.gid0[mine]), int(table.n_neurons[mine])
    assert (first + n, first >> 32) == (region.gid0 + region.size, 16)
    fired = {}
    for rate_hz in (0.0, 40.0):
        built = build_rank(plan, 2)
        assert built.n_synapses == 40 * n
        heard = [gid for state in built.lanes for gid in heard_by(built, state.rows)]
        assert {gid >> 32 for gid in heard} <= {15, 16, 19, 20}
        with stepped(built) as backend:
            fired[rate_hz] = np.concatenate(list(driven_by(net, backend, np.array(heard), rate_hz)))
    assert all(first <= gids.min() <= gids.max() < first + n for gids in fired.values())
    assert abs(fired[40.0].size / fired[0.0].size - 1) > 0.05, "spikes of others arrive"


def heard_by(built: RankNetwork, rows: Any) -> list[int]:
    """Gids of every tenth source with a synapse here."""
    chosen = np.unique(rows.sources())[::10]
    return [int(built.candidates.gids(int(number), int(number) + 1)[0]) for number in chosen]


def driven_by(net: Network, backend: CpuBackend, heard: Any, rate_hz: float) -> Iterator[Any]:
    """Gids of the spikes of 60 ms, in which each tenth of those that are heard fires, ten times as often."""
    draw = np.random.default_rng(1)
    for at in range(0, 120, 2):
        chosen = draw.choice(heard, draw.poisson(10 * rate_hz * heard.size * 1e-3))
        backend._set_remote((max(at - 1, 0) << net.gid_bits) | chosen)
        backend.advance(at, at + 2)
        yield backend.collect()[1]
