"""Rows of used sources alone hold the same plastic synapses: equal weights, equal spikes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.changing_synapses import DYNAMIC_SYNAPSES, REWARD_SYNAPSES, dynamic_text, reward_text
from tests.helpers.cuda_runs import Run, assert_same, on_cpu, on_shim
from tests.helpers.networks import built_rank, network_of
from tests.helpers.shim_device import GXX

from dtbsim.backends.cpu import CpuBackend
from dtbsim.build import sparse_rows
from dtbsim.build.dynamic_memory import HISTORY_BYTES, TARGET_BYTES
from dtbsim.build.heard import sources_heard
from dtbsim.build.rank import build_rank, plan_rank
from dtbsim.spec import Network

NAMES = [*DYNAMIC_SYNAPSES, *(f"dopamine, {name}" for name in REWARD_SYNAPSES)]
FEW = ["depression and facilitation", "triplets", "calcium", "dopamine, fast updates"]
PAUSES = (13, 200, 611)
RECORD = "record: {weights: [{projection: EE, neurons: 34, interval_ms: 10}]}\n"


def network(name: str) -> Network:
    kind, _, rule = name.partition(", ")
    text = reward_text(rule) if kind == "dopamine" else dynamic_text(name)
    static = name in ("depression and facilitation", "saturation")
    return network_of(text + ("" if static else RECORD), "simulation.duration_ms=200")


@cache
def expected_of(name: str) -> Run:
    return on_cpu(network(name), PAUSES)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of sources are never too small, and synapses per source never too many."""
    monkeypatch.setattr(sparse_rows, "SMALL_BYTES", 0)
    monkeypatch.setattr(sparse_rows, "DENSE_FROM", 10**9)


@pytest.mark.parametrize("name", by_day(NAMES, FEW))
def test_spikes_and_weights_on_the_cpu(name: str, request: pytest.FixtureRequest) -> None:
    expected = expected_of(name)
    request.getfixturevalue("used")
    built = built_rank(network(name), threads=3)
    parts = [part for state in built.lanes for part in state.dynamic]
    assert all(part.used is not None for part in parts)
    assert any(part.n_sources < part.n_heard for part in parts), "some sources have no synapse on a lane"
    assert_same(on_cpu(network(name), PAUSES, threads=3), expected)


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.parametrize("name", FEW)
def test_spikes_and_weights_on_the_device(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = expected_of(name)
    request.getfixturevalue("used")
    monkeypatch.setattr("dtbsim.build.rank.sparse_shift", lambda *_: 0)  # static rows of GPUs are apart
    assert_same(on_shim(built_rank(network(name), threads=3), PAUSES, 2), expected)


def test_the_same_rows(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Also where segments are at their longest, and what is heard, and the largest input."""
    monkeypatch.setattr("dtbsim.kernels.rows.MAX_SEGMENT", 65_535)
    dense = built_rank(network("triplets"), threads=2)
    request.getfixturevalue("used")
    compact = built_rank(network("triplets"), threads=2)
    for one, other in zip(dense.lanes, compact.lanes, strict=True):
        assert one.largest == other.largest
        for part, found in zip(one.dynamic, other.dynamic, strict=True):
            rows = part.rows.rows
            has = np.diff(rows) > 0
            assert np.array_equal(found.numbers, part.numbers[has])
            assert np.array_equal(found.rows.rows[:-1], rows[:-1][has])
            assert np.array_equal(np.diff(found.rows.segment_rows), np.diff(part.rows.segment_rows)[has])
            for name in ("targets", "weights", "segments"):
                assert np.array_equal(getattr(found.rows, name), getattr(part.rows, name)), name
    n = dense.candidates.size
    for first, stop in ((0, n), (3, n - 2), (n, n)):
        assert np.array_equal(sources_heard(compact, first, stop), sources_heard(dense, first, stop))


BIG = """\
simulation: {dt_ms: 0.5, duration_ms: 1, block_size: 1250}
populations: {A: {model: iaf_psc_exp, size: SIZE}}
projections:
  P: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 100}, weight_pA: 3, delay_ms: 1.5, synapse: SYNAPSE}
"""
SYNAPSES = {
    "stdp": "{kind: stdp, weight_max: 10, learning_rate: 0.01, alpha: 1.1, tau_plus_ms: 20, tau_minus_ms: 20}",
    "short-term": "{kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100, tau_fac_ms: 0}",
}


def bytes_per_synapse(synapse: str, n_ranks: int) -> tuple[float, float]:
    """Allocated and planned, of rank 0 of so many with 10,000 neurons each, on the CPU, before the first spike."""
    text = BIG.replace("SIZE", str(10_000 * n_ranks)).replace("SYNAPSE", SYNAPSES[synapse])
    plan = plan_rank(network_of(text), 0, n_ranks, 1)
    built = build_rank(plan, 1)
    backend = CpuBackend(built, None, 1)
    (tables,) = backend.tables.dynamic
    (part,) = tables.parts
    sources = sum(array.nbytes for state in tables._sources for array in state)
    targets = HISTORY_BYTES * part.dynamics.history_words + TARGET_BYTES if part.dynamics.plastic else 0
    allocated = built.total_bytes + sources + targets * built.n_neurons
    backend.close()
    return allocated / built.n_synapses, (plan.memory.synapses + plan.memory.tables) / built.n_synapses


@pytest.mark.parametrize("synapse", list(SYNAPSES))
def test_memory_follows_what_a_rank_owns(synapse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sparse_rows, "SMALL_BYTES", 1 << 19)  # as of ranks that are ten times as large
    found = {n_ranks: bytes_per_synapse(synapse, n_ranks) for n_ranks in (1, 10, 100, 400)}
    for allocated, planned in found.values():
        assert planned == pytest.approx(allocated, rel=0.1)
    alone = found[1][0]
    assert found[10][0] < alone + 3, "at ten synapses of a source its state and row hardly count"
    assert found[400][0] < alone + 32, "at one synapse of a source they do, and no more comes with more ranks"
