"""Rows of many sources each hold the synapses that rows of one source hold, and transmit the same spikes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.lane_table import LaneTable
from tests.helpers.networks import all_synapses, built_rank, network_of, simulate, simulate_ranks, synapses_of
from tests.helpers.several_spikes import several_spikes
from tests.helpers.zoo import zoo

from dtbsim.backends.memory import HostMemory
from dtbsim.build import sparse_rows
from dtbsim.build.rank import plan_rank
from dtbsim.build.sparse_rows import SparseRows, sparse_bytes, sparse_shift
from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import take_due
from dtbsim.kernels.row_writer import RowWriter
from dtbsim.kernels.sparse_rows import schedule_sparse, sort_sparse

KINDS = (L.KIND_PACKED, L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64)


@pytest.fixture
def sparse(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make all static rows sparse, with about so many synapses in each."""

    def force(in_a_row: int) -> None:
        monkeypatch.setattr(sparse_rows, "SMALL_BYTES", 0)
        monkeypatch.setattr(sparse_rows, "DENSE_FROM", 10**9)
        monkeypatch.setattr(sparse_rows, "IN_A_ROW", in_a_row)

    return force


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("zoo")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    return simulate(zoo(folder))


@pytest.fixture(scope="module")
def synapses(folder: Path) -> Any:
    return all_synapses(zoo(folder))


# -- whole networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_a_row", [1, 300, 10**6])
@pytest.mark.parametrize("n_ranks", [1, 3])
def test_the_same_synapses(folder: Path, synapses: Any, sparse: Any, in_a_row: int, n_ranks: int) -> None:
    """Rows of two sources up to rows of 256; every rule, delays of one and of two bytes."""
    sparse(in_a_row)
    parts = []
    for rank in range(n_ranks):
        built = built_rank(zoo(folder), rank, n_ranks, 2)
        assert all(isinstance(state.rows, SparseRows) for state in built.lanes)
        parts.append(synapses_of(built))
    found = np.concatenate(parts)
    assert np.array_equal(found[np.lexsort(found.T[::-1])], synapses[np.lexsort(synapses.T[::-1])])


@pytest.mark.parametrize(("n_ranks", "threads"), [(1, 1), (1, 3), (3, 1)])
def test_the_same_spikes(folder: Path, reference: Any, sparse: Any, n_ranks: int, threads: int) -> None:
    sparse(40)
    network = zoo(folder)
    found = simulate(network, threads) if n_ranks == 1 else simulate_ranks(network, n_ranks)
    assert np.array_equal(found, reference)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_spikes_in_every_format(folder: Path, reference: Any, sparse: Any, kind: int) -> None:
    sparse(40)
    assert np.array_equal(simulate(zoo(folder), kind=kind), reference)


SAME_DELAY = """\
simulation: {dt_ms: 0.1, duration_ms: 30, block_size: 16}
populations:
  A: {model: iaf_psc_exp, size: 300, initial: {V_m_mV: {distribution: uniform, low: -70, high: -50}}}
projections:
  P:
    source: A
    target: A
    rule: {kind: fixed_indegree, indegree: 7}
    weight_pA: {distribution: normal, mean: 90, sd: 9}
    delay_ms: DELAY
drives: {dc: {kind: dc, target: A, amplitude: 500}}
"""


@pytest.mark.parametrize(
    ("delay", "n_bytes"), [("1.5", 0), ("{distribution: uniform, low: 0.5, high: 9}", 1), ("40.0", 0),
                           ("{distribution: uniform, low: 0.5, high: 40}", 2)],
)  # fmt: skip
def test_delays_take_what_they_must(sparse: Any, delay: str, n_bytes: int) -> None:
    network = network_of(SAME_DELAY.replace("DELAY", delay))
    plain, expected = simulate(network), all_synapses(network)
    sparse(40)
    built = built_rank(network)
    rows = built.lanes[0].rows
    assert isinstance(rows, SparseRows)
    assert rows.delays.nbytes == n_bytes * rows.n_synapses
    assert np.array_equal(synapses_of(built), expected)
    assert np.array_equal(simulate(network), plain)
    assert len(plain) > 300


def test_the_largest_input_is_the_same(sparse: Any) -> None:
    """Also where neurons spike several times in a step."""
    network = several_spikes("static")
    dense = built_rank(network).lanes[0].largest
    sparse(10)
    assert built_rank(network).lanes[0].largest == dense > 0


# -- when, and what it takes ------------------------------------------------------------------------------------------


def test_only_large_tables_of_few_synapses_are_sparse() -> None:
    assert sparse_shift(1000, 1000) == 0, "nothing to save"
    assert sparse_shift(10**7, 1e9) == 0, "rows are long"
    assert sparse_shift(10**7, 3e9) == 0, "more than uint32 numbers"
    assert [sparse_shift(10**8, synapses) for synapses in (1e9, 1e8, 1e7, 1e6, 0)] == [2, 5, 8, 8, 8]


BIG = """\
simulation: {duration_ms: 1}
populations: {A: {model: iaf_psc_exp, size: 1000000}}
projections:
  P: {source: A, target: A, rule: {kind: fixed_indegree, indegree: 100}, weight_pA: 3, delay_ms: 1}
"""


def test_memory_follows_what_a_rank_owns() -> None:
    """Of a hundred ranks one hears a hundred times its own neurons, at little more than one rank's bytes a synapse."""
    network = network_of(BIG)
    plan = plan_rank(network, 0, 100, 2)
    built = built_rank(network, 0, 100, 2)
    rows = [state.rows for state in built.lanes]
    assert built.candidates.size == 1_000_000
    assert built.synapse_bytes < 1.3 * 4.2 * built.n_synapses
    assert built.candidates.n_bytes < 1000
    for part in rows:
        assert isinstance(part, SparseRows)
        assert part.n_bytes - 4 * part.n_synapses == pytest.approx(
            sparse_bytes(1_000_000, part.n_synapses, part.shift, 0), rel=0.01
        )
    assert plan.memory.synapses + plan.memory.tables == pytest.approx(built.total_bytes, rel=0.1)


# -- loops ------------------------------------------------------------------------------------------------------------

SYNAPSE = st.tuples(st.integers(0, 40), st.integers(0, 65_535), st.integers(-32_768, 32_767), st.integers(1, 700))
"""Source, slot, weight, delay."""


def rows_of(kind: int, shift: int, synapses: list[tuple[int, int, int, int]], wide: bool) -> SparseRows:
    """Sorted rows of synapses, which are given row by row."""
    n_rows = (40 >> shift) + 1
    by_row = sorted(synapses, key=lambda synapse: synapse[0] >> shift)
    source, slot, weight, delay = (np.array([s[k] for s in by_row], np.int64) for k in range(4))
    none, packed = slot[:0], kind == L.KIND_PACKED
    first = np.zeros(n_rows + 1, np.int64)
    np.cumsum(np.bincount(source >> shift, minlength=n_rows), out=first[1:])
    writer = RowWriter(
        mode=1,
        kind=kind,
        shift=shift,
        rows=none.astype(np.int32),
        cursor=none,
        lows=(source & 0xFF).astype(np.uint8),
        packed=((slot | weight << 16) & 0xFFFFFFFF if packed else none).astype(np.uint32),
        targets=(none if packed else slot).astype(np.uint32),
        weights16=(weight if kind == L.KIND_WIDE16 else none).astype(np.int16),
        weights32=(weight if kind in (L.KIND_WIDE32, L.KIND_WIDE64) else none).astype(np.int32),
        delays8=(none if wide else delay).astype(np.uint8),
        delays16=(delay if wide else none).astype(np.uint16),
    )
    longest = int(np.diff(first).max())
    sort_sparse(first, writer, np.empty(longest, np.uint32), np.empty(longest, np.uint32), np.empty(longest, np.int64))
    targets = writer.packed if packed else writer.targets
    weights = writer.weights16 if kind == L.KIND_WIDE16 else writer.weights32
    delays = writer.delays16 if wide else writer.delays8
    return SparseRows(kind, shift, first.astype(np.uint32), writer.lows, delays, 0, targets, weights)


@pytest.mark.parametrize("repeats", [1, 60])
@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(1, 8), st.lists(SYNAPSE, max_size=60), st.booleans())
def test_rows_are_sorted(
    repeats: int, kind: int, shift: int, synapses: list[tuple[int, int, int, int]], wide: bool
) -> None:
    """By source, then delay, else as they were given; short rows and long ones."""
    synapses = [(s, slot, w, d if wide else 1 + d % 255) for s, slot, w, d in synapses for _ in range(repeats)]
    rows = rows_of(kind, shift, synapses, wide)
    packed = kind == L.KIND_PACKED
    slots = rows.targets & 0xFFFF if packed else rows.targets
    weights = rows.targets.view(np.int32) >> 16 if packed else rows.weights
    found = list(zip(*(a.tolist() for a in (rows.sources(), slots, weights, rows.all_delays())), strict=True))
    assert found == sorted(synapses, key=lambda synapse: (synapse[0], synapse[3]))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.lists(SYNAPSE, min_size=1, max_size=200), st.sampled_from([5, 300]), st.data())
def test_spikes_find_their_synapses(
    shift: int, synapses: list[tuple[int, int, int, int]], longest: int, data: st.DataObject
) -> None:
    """At every step what is due is what a list of all synapses says; what was due before is not entered."""
    synapses = [(s, slot, w, 1 + d % longest) for s, slot, w, d in synapses]
    rows = rows_of(L.KIND_PACKED, shift, synapses, longest > 255)
    lane, ring = LaneTable(), 512
    lane.delay_queue([], ring)
    memory = HostMemory()
    rows.fill(lane.row, memory.place)
    spikes = data.draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=8))
    now = data.draw(st.integers(1, 12))
    expected: dict[int, list[int]] = {}
    sources, delays = rows.sources(), rows.all_delays()
    for source, step in spikes:
        assert schedule_sparse(lane.row, source, step, now, ring - 1)
        for k in np.flatnonzero(sources == source).tolist():
            if step + delays[k] >= now:
                expected.setdefault(step + int(delays[k]), []).append(k)
    for step in range(now, now + ring):
        n = take_due(lane.row, step, ring - 1)
        found = [k for first, count in lane.due(n) for k in range(first, first + count)]
        assert sorted(found) == sorted(expected.get(step, [])), step
    lane.close()
