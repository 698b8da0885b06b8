"""Rows of synapses sorted by delay, their segments, and the delay queue, against plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.lane_table import LaneTable

from dtbsim.build.synapses import Rows
from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import schedule, take_due
from dtbsim.kernels.row_writer import RowWriter
from dtbsim.kernels.rows import MAX_SEGMENT, fill_segments, sort_rows

KINDS = (L.KIND_PACKED, L.KIND_WIDE16, L.KIND_WIDE32, L.KIND_WIDE64)
Synapse = tuple[int, int, int]
"""Slot, weight, delay."""


def filled_writer(kind: int, synapses: list[Synapse], wide_delay: bool) -> RowWriter:
    slots, weights, delays = (np.array([s[k] for s in synapses], np.int64) for k in range(3))
    packed = kind == L.KIND_PACKED
    none = slots[:0]
    words = (slots | weights << 16) & 0xFFFFFFFF
    return RowWriter(
        mode=1,
        kind=kind,
        shift=0,
        rows=none.astype(np.int32),
        cursor=none,
        lows=none.astype(np.uint8),
        packed=(words if packed else none).astype(np.uint32),
        targets=(none if packed else slots).astype(np.uint32),
        weights16=(weights if kind == L.KIND_WIDE16 else none).astype(np.int16),
        weights32=(weights if kind in (L.KIND_WIDE32, L.KIND_WIDE64) else none).astype(np.int32),
        delays8=(none if wide_delay else delays).astype(np.uint8),
        delays16=(delays if wide_delay else none).astype(np.uint16),
    )


def held(writer: RowWriter) -> list[Synapse]:
    """What the writer holds, in order."""
    if writer.kind == L.KIND_PACKED:
        slots, weights = writer.packed & 0xFFFF, writer.packed.view(np.int32) >> 16
    else:
        slots, weights = writer.targets, writer.weights16 if writer.kind == L.KIND_WIDE16 else writer.weights32
    delays = writer.delays8 if writer.delays8.size else writer.delays16
    return list(zip(slots.tolist(), weights.tolist(), delays.tolist(), strict=True))


def sorted_rows(kind: int, rows: list[list[Synapse]], wide_delay: bool, largest: int) -> tuple[RowWriter, Any, Any]:
    """(writer, first segment of each row, segments (delay, count))."""
    starts = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    writer = filled_writer(kind, [synapse for row in rows for synapse in row], wide_delay)
    longest = max([len(row) for row in rows], default=0)
    segment_rows = np.zeros(len(rows) + 1, np.int64)
    scratch, order = np.empty(longest, np.int64), np.empty(longest, np.uint32)
    total = sort_rows(starts, largest, writer, np.full(largest + 2, 77, np.int64), order, scratch, segment_rows)
    segment_rows = np.cumsum(segment_rows)
    segments = np.zeros(total, np.uint32)
    assert segment_rows[-1] == total
    fill_segments(starts, writer, segment_rows, segments)
    return writer, segment_rows, [(int(word) >> 16, int(word) & 0xFFFF) for word in segments]


SYNAPSE = st.tuples(st.integers(0, 65_535), st.integers(-32_768, 32_767), st.integers(1, 9))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.booleans(), st.lists(st.lists(SYNAPSE, max_size=25), max_size=8))
def test_rows_are_sorted_by_delay_and_cut_into_segments(kind: int, wide: bool, rows: list[list[Synapse]]) -> None:
    writer, segment_rows, segments = sorted_rows(kind, rows, wide, 9)
    expected = [sorted(row, key=lambda synapse: synapse[2]) for row in rows]  # stable, as the kernel
    assert held(writer) == [synapse for row in expected for synapse in row]
    for source, row in enumerate(expected):
        runs: dict[int, int] = {}
        for _, _, delay in row:
            runs[delay] = runs.get(delay, 0) + 1
        assert segments[segment_rows[source] : segment_rows[source + 1]] == list(runs.items())


@pytest.mark.parametrize("wide", [False, True])
def test_long_runs_are_cut_at_the_largest_segment(wide: bool) -> None:
    runs = {3: MAX_SEGMENT, 5: MAX_SEGMENT + 1, 6: 2 * MAX_SEGMENT + 7, 200: 1}
    row = [(k % 65_536, k % 1000 - 500, delay) for delay, n in runs.items() for k in range(n)]
    shuffled = [row[k] for k in np.random.default_rng(1).permutation(len(row))]
    writer, segment_rows, segments = sorted_rows(L.KIND_PACKED, [[], shuffled, [(1, 1, 1)]], wide, 200)
    assert segment_rows.tolist() == [0, 0, 7, 8]
    assert segments == [
        (3, MAX_SEGMENT), (5, MAX_SEGMENT), (5, 1), (6, MAX_SEGMENT), (6, MAX_SEGMENT), (6, 7), (200, 1), (1, 1),
    ]  # fmt: skip
    assert held(writer)[:-1] == sorted(shuffled, key=lambda synapse: synapse[2])


def test_delays_up_to_the_largest_possible() -> None:
    row = [(1, 1, 65_535), (2, 2, 1), (3, 3, 40_000), (4, 4, 65_535)]
    writer, _, segments = sorted_rows(L.KIND_WIDE32, [row], True, 65_535)
    assert held(writer) == [(2, 2, 1), (3, 3, 40_000), (1, 1, 65_535), (4, 4, 65_535)]
    assert segments == [(1, 1), (40_000, 1), (65_535, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_largest_input_sums_magnitudes_per_slot(kind: int) -> None:
    synapses = [(0, 30_000, 1), (1, -32_768, 1), (1, 32_767, 1), (65_535, -1, 1)]
    writer = filled_writer(kind, synapses, False)
    none = np.zeros(0, np.int64)
    targets = writer.packed if kind == L.KIND_PACKED else writer.targets
    weights = writer.weights16 if kind == L.KIND_WIDE16 else writer.weights32
    rows = Rows(kind, none, targets, weights, none, none.astype(np.uint32))
    totals = np.zeros(65_536, np.int64)
    rows.add_magnitudes(totals)
    assert totals.max() == 65_535


# -- delay queue ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lane() -> Iterator[LaneTable]:
    table = LaneTable()
    yield table
    table.close()


class PlainDelayQueue:
    """A dictionary of lists."""

    def __init__(self, sources: list[list[tuple[int, int]]]) -> None:
        self.sources, self.due = sources, {}
        self.starts = np.cumsum([0] + [sum(n for _, n in segments) for segments in sources]).tolist()

    def schedule(self, source: int, step: int, now: int) -> None:
        synapse = self.starts[source]
        for delay, n in self.sources[source]:
            if step + delay >= now:
                self.due.setdefault(step + delay, []).append((synapse, n))
            synapse += n

    def take(self, step: int) -> list[tuple[int, int]]:
        return sorted(self.due.pop(step, []))


RINGS = [(2, 1, 5), (8, 7, 3), (16, 15, 40), (64, 50, 90), (1024, 900, 9)]


@pytest.mark.parametrize(("ring", "longest", "rate"), RINGS)
def test_the_delay_queue_is_a_dictionary_of_lists(lane: LaneTable, ring: int, longest: int, rate: int) -> None:
    draw = np.random.default_rng(ring)
    sources = []
    for k in range(30):
        delays = sorted(draw.choice(longest, min(k % 5, longest), replace=False) + 1)
        sources.append([(int(delay), int(draw.integers(1, 65_536))) for delay in delays])
    lane.delay_queue(sources, ring)
    plain = PlainDelayQueue(sources)
    taken = 0
    for step in range(400):
        n = take_due(lane.row, step, ring - 1)
        expected = plain.take(step)
        assert lane.due(n) == expected
        taken += n
        for source in draw.integers(0, 30, draw.integers(0, 2 * rate) * (step < 350)):
            assert schedule(lane.row, int(source), step, step + 1, ring - 1)
            plain.schedule(int(source), step, step + 1)
    assert taken > 400
    assert lane.row[L.POOL_CHUNKS] >= 64


def test_a_late_spike_enters_only_what_is_still_to_come(lane: LaneTable) -> None:
    sources = [[(1, 5), (4, 2), (5, 3), (9, 1)]]
    lane.delay_queue(sources, 16)
    assert schedule(lane.row, 0, 100, 105, 15)  # fired at step 100, known before step 105
    found = {step: lane.due(take_due(lane.row, step, 15)) for step in range(105, 121)}
    assert {step: entries for step, entries in found.items() if entries} == {105: [(7, 3)], 109: [(10, 1)]}


def test_chunks_are_used_again(lane: LaneTable) -> None:
    lane.delay_queue([[(1, 1), (3, 2)]], 4)
    for step in range(3000):
        for _ in range(200):
            assert schedule(lane.row, 0, step, step + 1, 3)
        n = take_due(lane.row, step + 1, 3)
        assert n == (200 if step < 2 else 400)
    assert lane.row[L.POOL_CHUNKS] == 64, "a few chunks are enough for ever"


def test_many_entries_in_one_bucket_grow_pool_and_due_list(lane: LaneTable) -> None:
    lane.delay_queue([[(2, 1)], []], 4)
    for _ in range(20_000):
        assert schedule(lane.row, 0, 7, 8, 3)
        assert schedule(lane.row, 1, 7, 8, 3)
    assert take_due(lane.row, 8, 3) == 0
    assert take_due(lane.row, 9, 3) == 20_000
    assert lane.due(20_000) == [(0, 1)] * 20_000
    assert lane.row[L.POOL_CHUNKS] * L.CHUNK_ENTRIES >= 20_000
