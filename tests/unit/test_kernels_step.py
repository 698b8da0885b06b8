"""The parts of a step on hand-made lanes: delivery, drives, currents, listed spikes, detection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.helpers.lane_table import LaneTable

from dtbsim.kernels import layout as L
from dtbsim.kernels.delay_queue import schedule
from dtbsim.kernels.deliver import deliver
from dtbsim.kernels.detect import collect, emit_listed
from dtbsim.kernels.drives import currents, listed_events, poisson_drives
from dtbsim.kernels.log import log_of
from dtbsim.kernels.poisson import (
    SCRATCH_WORDS,
    STEPS,
    coarse_thresholds,
    poisson_counts,
    poisson_thresholds,
)
from dtbsim.models.base import MOST_SPIKES
from dtbsim.numerics.philox import seed_key

KINDS = {"packed": L.KIND_PACKED, "wide16": L.KIND_WIDE16, "wide32": L.KIND_WIDE32, "wide64": L.KIND_WIDE64}
LIMITS = {"packed": (-(2**15), 2**15 - 1), "wide16": (-(2**15), 2**15 - 1)}


@pytest.fixture
def lane() -> Iterator[LaneTable]:
    table = LaneTable()
    yield table
    table.close()


@pytest.mark.parametrize("name", list(KINDS))
def test_delivery_adds_the_weights_of_what_is_due(lane: LaneTable, name: str) -> None:
    draw = np.random.default_rng(4)
    counts = draw.integers(0, 90, 40)
    n, slots = int(counts.sum()), 65_536 if name == "packed" else 100_000
    low, high = LIMITS.get(name, (-(2**24), 2**24))
    targets, weights = draw.integers(0, slots, n), draw.integers(low, high + 1, n)
    targets[:5], targets[-5:], weights[:3], weights[3:6] = slots - 1, 0, low, high
    acc = lane.synapses(KINDS[name], targets, weights, slots)
    lane.delay_queue([[(3, int(count))] if count else [] for count in counts], 4)
    starts = np.cumsum([0, *counts])
    expected, events = np.zeros(slots, np.int64), 0
    fired: list[Any] = []
    for step in range(8):
        assert deliver(lane.row, step, 3)
        for source in fired[step - 3] if step >= 3 else ():
            row = slice(starts[source], starts[source + 1])
            np.add.at(expected, targets[row], weights[row])
            events += counts[source]
        assert (acc == expected).all()
        fired.append(draw.integers(0, 40, 12))
        for source in fired[-1]:
            assert schedule(lane.row, int(source), step, step + 1, 3)
    assert np.count_nonzero(expected) > 100
    assert lane.row[L.EVENT_TOTAL] == events


def test_only_the_wide_input_vector_holds_more_than_32_bits(lane: LaneTable) -> None:
    lane.delay_queue([[(1, 300)]], 2)
    acc = lane.synapses(L.KIND_WIDE64, [2] * 300, [2**24] * 300, 4)
    schedule(lane.row, 0, 0, 1, 1)
    assert deliver(lane.row, 1, 1)
    assert acc.tolist() == [0, 0, 300 * 2**24, 0]


def test_a_run_above_the_largest_segment_is_delivered_whole(lane: LaneTable) -> None:
    n = 2 * 65_535 + 9
    acc = lane.synapses(L.KIND_PACKED, np.arange(n) % 1000, np.full(n, 3), 1000)
    lane.delay_queue([[(1, 65_535), (1, 65_535), (1, 9)]], 2)
    schedule(lane.row, 0, 0, 1, 1)
    assert deliver(lane.row, 1, 1)
    assert (acc == 3 * np.bincount(np.arange(n) % 1000)).all()
    assert lane.row[L.EVENT_TOTAL] == n


# -- drives -----------------------------------------------------------------------------------------------------------


def poisson_lane(lane: LaneTable, kind: int, weight: int, start: int = 0, stop: int = 10**6) -> Any:
    """900 neurons of which a drive (mean 2.5, index 6) reaches those from 100 to 799, slots from 50."""
    lane.neurons(range(5000, 5900))
    lane.put(L.SCRATCH_AT, np.zeros(SCRATCH_WORDS, np.uint16))
    thresholds = poisson_thresholds(2.5)
    coarse = coarse_thresholds(thresholds)
    buffer = np.zeros(STEPS * 700, np.uint8)
    row = [100, 700, 50, weight, 6, thresholds.ctypes.data, thresholds.size, coarse.ctypes.data, coarse.size]
    row += [start, stop, buffer.ctypes.data, -1]
    lane.put(L.POISSON_AT, np.array([row], np.int64))
    lane.row[L.N_POISSON] = 1
    lane.arrays[-1], lane.arrays[-2], lane.arrays[-3] = thresholds, buffer, coarse
    return lane.synapses(kind, [], [], 1000)


@pytest.mark.parametrize(("kind", "weight"), [(L.KIND_PACKED, -300), (L.KIND_WIDE32, 2**20), (L.KIND_WIDE64, -(2**33))])
def test_poisson_drives_add_counts_times_weight(lane: LaneTable, kind: int, weight: int) -> None:
    acc = poisson_lane(lane, kind, weight, start=6, stop=19)
    runs = np.array([[0, 5100, -1], [700, 0, -1]])
    thresholds = poisson_thresholds(2.5)
    counts = np.zeros((3, STEPS, 700), np.uint8)
    for k in range(3):
        scratch, key = np.zeros(SCRATCH_WORDS, np.uint16), seed_key(77)
        coarse = coarse_thresholds(thresholds)
        poisson_counts(runs, 0, 700, k, np.uint32(6), *key, thresholds, coarse, scratch, counts[k])
    for step in range(24):
        acc[:] = 0
        poisson_drives(lane.row, step, *seed_key(77))
        expected = np.zeros(1000, np.int64)
        if 6 <= step < 19:
            expected[50:750] = counts.reshape(24, 700)[step].astype(np.int64) * weight
            assert np.count_nonzero(expected) > 500
        assert (acc == expected).all(), step


@pytest.mark.parametrize("kind", [L.KIND_PACKED, L.KIND_WIDE64])
def test_listed_events_reach_their_slot_in_their_step(lane: LaneTable, kind: int) -> None:
    acc = lane.synapses(kind, [], [], 5)
    events = [(0, 1, 7), (3, 0, -2), (3, 4, 9), (3, 4, 9), (8, 2, 1)]
    lane.put(L.EVENTS_AT, np.array(events, np.int64))
    lane.row[L.N_EVENTS] = len(events)
    seen = []
    for step in range(10):
        acc[:] = 0
        listed_events(lane.row, step)
        seen.append(acc.tolist())
    expected = [[0] * 5 for _ in range(10)]
    for step, slot, weight in events:
        expected[step][slot] += weight
    assert seen == expected


def test_events_before_the_first_step_are_passed_over(lane: LaneTable) -> None:
    acc = lane.synapses(L.KIND_PACKED, [], [], 2)
    lane.put(L.EVENTS_AT, np.array([(1, 0, 5), (4, 1, 6)], np.int64))
    lane.row[L.N_EVENTS] = 2
    for step in range(3, 6):
        listed_events(lane.row, step)
    assert acc.tolist() == [0, 6]


def test_currents_are_summed_in_their_order_as_float32(lane: LaneTable) -> None:
    lane.neurons(range(6))
    stim = lane.put(L.STIM_AT, np.full(6, 99.0, np.float32))
    currents(lane.row, 0)
    assert (stim == 99).all(), "without currents nothing is touched"
    waves = [np.array(values, np.float32) for values in ([1e8, 0.5], [1.0, 0.25], [-1e8, 2.0])]
    table = [[0, 4, waves[0].ctypes.data, 0], [2, 4, waves[1].ctypes.data, 0], [0, 3, waves[2].ctypes.data, 0]]
    lane.put(L.CURRENTS_AT, np.array(table, np.int64))
    lane.row[L.N_CURRENTS] = 3
    currents(lane.row, 0)
    assert stim.tolist() == [0.0, 0.0, 0.0, 1e8, 1.0, 1.0], "1e8 + 1 - 1e8 is 0 in float32, in this order"
    currents(lane.row, 1)
    assert stim.tolist() == [2.5, 2.5, 2.75, 0.75, 0.25, 0.25]


# -- detection --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 3, MOST_SPIKES])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 300])
def test_spikes_are_logged_published_and_cleared(lane: LaneTable, n: int, most: int) -> None:
    draw = np.random.default_rng(n)
    gids = np.sort(draw.choice(2**32, n, replace=False))
    sources = np.where(draw.random(n) < 0.5, np.arange(n) * 3, -1)
    lane.neurons(gids.tolist(), sources.tolist(), most)
    flags, published = lane.arrays[L.SPK_AT], lane.arrays[L.PUBLISHED_AT]
    log = []
    for step in range(40, 52):
        fired = np.flatnonzero(draw.random(n) < (0.3 if step % 5 else 0.0))
        times = draw.integers(1, most + 1, fired.size)
        flags[fired] = times
        assert collect(lane.row, step) == 0
        assert not flags.any()
        spikes = np.repeat(fired, times)
        log += [(step, int(gids[i])) for i in spikes]
        expected = [sources[i] for i in spikes if sources[i] >= 0]
        count = lane.row[(L.PUBLISHED_0, L.PUBLISHED_1)[step & 1]]
        assert published[step & 1, :count].tolist() == expected
    assert lane.logged() == log
    assert log_of(lane.row).tolist() == [step << 32 | gid for step, gid in log]


def test_more_spikes_than_can_be_counted_are_an_error(lane: LaneTable) -> None:
    lane.neurons([10, 11, 12], most=MOST_SPIKES)
    lane.arrays[L.SPK_AT][1] = MOST_SPIKES + 1
    assert collect(lane.row, 6) == L.ERROR_SPIKES


def test_publishing_leaves_the_step_before_in_place(lane: LaneTable) -> None:
    lane.neurons([10, 11, 12])
    flags = lane.arrays[L.SPK_AT]
    flags[[0, 2]] = 1
    collect(lane.row, 6)
    flags[1] = 1
    collect(lane.row, 7)
    assert (lane.row[L.PUBLISHED_0], lane.row[L.PUBLISHED_1]) == (2, 1)
    assert lane.arrays[L.PUBLISHED_AT].tolist() == [[0, 2, 0], [1, 0, 0]]


def test_listed_spikes_set_flags_at_their_step(lane: LaneTable) -> None:
    lane.neurons([20, 21, 22], most=3)
    lane.put(L.EMITTED_AT, np.array([(0, 0), (0, 2), (3, 1), (3, 1), (3, 1), (4, 1), (9, 2)], np.int64))
    lane.row[L.N_EMITTED] = 7
    for step in range(12):
        emit_listed(lane.row, step)
        collect(lane.row, step)
    assert lane.logged() == [(0, 20), (0, 22), (3, 21), (3, 21), (3, 21), (4, 21), (9, 22)]
