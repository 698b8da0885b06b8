"""Kernels of the drives beyond one piece of their scratch memory, exactly: varying counts, normal numbers, sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.helpers.lane_table import LaneTable
from tests.helpers.noise_reference import TABLE, reference_normals
from tests.helpers.poisson_reference import reference_words

from dtbsim.kernels import layout as L
from dtbsim.kernels.detect import collect, emit_random
from dtbsim.kernels.drives import currents
from dtbsim.kernels.noise import noise_currents, standard_normals
from dtbsim.kernels.poisson import SCRATCH_WORDS, STEPS, threshold_tables, varied_counts
from dtbsim.numerics.philox import PURPOSE_EMIT, PURPOSE_SHIFT, philox_array, seed_key

GIDS = np.concatenate([np.arange(700), np.arange(10**6, 10**6 + 599), [2**32 - 2]]).astype(np.uint32)
"""1300 neurons: two whole pieces and a part of one."""
KEY = seed_key(2**40 + 17)
SEED = 2**40 + 17


@pytest.fixture
def lane() -> Iterator[LaneTable]:
    table = LaneTable()
    yield table
    table.close()


def test_varying_counts_are_numbers_of_thresholds_below_the_word() -> None:
    """Rows of different length in one table, steps that are off, and draws that 15 bits leave open."""
    means = np.array([0.01, 0.7, 30.0, 100.0])
    thresholds, coarse = threshold_tables(means)
    rates = np.array([0, 3, -1, 1, 2, 2, -1, 0], np.int32)
    scratch, out = np.zeros(SCRATCH_WORDS, np.uint16), np.full((STEPS, GIDS.size), 77, np.uint8)
    where = thresholds.ctypes.data, thresholds.shape[1], coarse.ctypes.data, coarse.shape[1]
    open_draws = 0
    for block in range(40):
        varied_counts(GIDS, block, np.uint32(9), *KEY, rates, *where, scratch, out)
        for w, word in enumerate(reference_words(GIDS, block, 9, SEED)):
            if rates[w] < 0:
                assert (out[w] == 0).all()
                continue
            row = thresholds[rates[w]]
            assert (out[w] == np.searchsorted(row, word, side="left")).all(), (block, w)
            open_draws += int(np.isin(word >> np.uint32(17), row >> np.uint32(17)).sum())
    assert open_draws > 200


def test_normal_numbers_are_interpolated_in_the_table() -> None:
    scratch, out = np.zeros(SCRATCH_WORDS, np.uint16), np.zeros((4, GIDS.size), np.float32)
    for block in (0, 1, 12345):
        standard_normals(GIDS, block, np.uint32(5), *KEY, TABLE, scratch, out)
        for w in range(4):
            assert (out[w] == reference_normals(GIDS, 4 * block + w, 5, SEED)).all()
    assert out.dtype == np.float32
    assert np.abs(TABLE + TABLE[::-1]).max() < 1e-6, "symmetric"


def test_currents_of_listed_neurons(lane: LaneTable) -> None:
    lane.neurons(range(5))
    stim = lane.put(L.STIM_AT, np.full(5, 9.0, np.float32))
    wave, chosen = np.array([2.5, -1.0], np.float32), np.array([4, 0, 3], np.int32)
    table = [[1, 2, wave.ctypes.data, 0], [0, 3, wave.ctypes.data, chosen.ctypes.data]]
    lane.put(L.CURRENTS_AT, np.array(table, np.int64))
    lane.row[L.N_CURRENTS] = 2
    currents(lane.row, 1)
    assert stim.tolist() == [-1.0, -1.0, -1.0, -1.0, -1.0]
    currents(lane.row, 0)
    assert stim.tolist() == [2.5] * 5


def noisy_lane(lane: LaneTable, memory: Any = None) -> Any:
    """1300 neurons; one noise current, index 5, on those from 100 on in reverse, from step 3 to 10, held 2 steps."""
    lane.neurons(GIDS.tolist())
    stim = lane.put(L.STIM_AT, np.zeros(GIDS.size, np.float32))
    lane.put(L.NORMAL_AT, TABLE)
    lane.put(L.SCRATCH_AT, np.zeros(SCRATCH_WORDS, np.uint16))
    chosen = np.arange(100, 1300, dtype=np.int32)[::-1].copy()
    gids, buffer = GIDS[chosen].copy(), np.zeros((4, 1200), np.float32)
    state = np.zeros(1200, np.float32)
    wave = np.tile(np.array([3.0, 0.25], np.float32), (20, 1))
    row = [1200, gids.ctypes.data, 1200, chosen.ctypes.data, 5, 3, 10, 1 if memory is not None else 2]
    row += [buffer.ctypes.data, -1, 0 if memory is None else state.ctypes.data]
    row += [0 if memory is None else memory.ctypes.data, wave.ctypes.data, 0]
    lane.put(L.NOISE_AT, np.array([row], np.int64))
    lane.row[L.N_NOISE] = 1
    lane.arrays |= {-1: gids, -2: buffer, -3: wave, -4: state, -5: chosen, -6: memory}
    return stim


def test_white_noise_on_a_lane(lane: LaneTable) -> None:
    stim = noisy_lane(lane)
    for step in range(12):
        currents(lane.row, step)
        assert not stim.any(), "cleared where there is noise alone"
        noise_currents(lane.row, step, step, *KEY)
        expected = np.zeros(GIDS.size, np.float32)
        if 3 <= step < 10:
            z = reference_normals(GIDS[100:], (step - 3) // 2, 5, SEED)
            expected[100:] = np.float32(3.0) + np.float32(0.25) * z
        assert (stim == expected).all(), step


def test_a_process_on_a_lane(lane: LaneTable) -> None:
    decay, kick = np.float32(0.9), np.float32(0.4)
    stim = noisy_lane(lane, np.array([decay, kick], np.float32))
    x = np.zeros(1200, np.float32)
    for step in range(12):
        currents(lane.row, step)
        noise_currents(lane.row, step, step, *KEY)
        if 3 <= step < 10:
            z = reference_normals(GIDS[100:], step - 3, 5, SEED)
            x = z if step == 3 else decay * x + kick * z
            assert (stim[100:] == np.float32(3.0) + np.float32(0.25) * x).all()
        else:
            assert not stim.any()


def test_sources_spike_as_often_as_there_are_thresholds_above_their_word(lane: LaneTable) -> None:
    lane.neurons(GIDS.tolist(), most=4)
    draw = np.random.default_rng(4)
    more = [[], [2**31], [2**32 - 1, 2**31, 2**30], [1]]
    rates = draw.integers(0, 4, 1250).astype(np.int32)
    thresholds = draw.integers(0, 2**32, 1250, dtype=np.uint32)
    thresholds[:3] = 0, 2**32 - 1, 1
    thresholds = np.maximum(thresholds, np.array([max(k, default=0) for k in more], np.uint32)[rates])
    starts = np.cumsum([0] + [len(k) for k in more]).astype(np.int64)
    flat = np.array([one for k in more for one in k], np.uint32)
    buffer = np.zeros((4, 1250), np.uint8)
    arrays = [a.ctypes.data for a in (thresholds, buffer, rates, starts, flat)]
    lane.put(L.RANDOM_AT, np.array([[50, 1250, *arrays[:2], -1, *arrays[2:]]], np.int64))
    lane.row[L.N_RANDOM] = 1
    for step in range(9):
        lane.log([])
        emit_random(lane.row, step, *KEY)
        assert collect(lane.row, step) == 0
        word = philox_array(GIDS[50:], step // 4, 0, PURPOSE_EMIT << PURPOSE_SHIFT, SEED)[step % 4]
        spikes = [
            (step, int(gid))
            for gid, u, first, rate in zip(GIDS[50:], word, thresholds, rates, strict=True)
            for threshold in (first, *more[rate])
            if u < threshold
        ]
        assert lane.logged() == spikes
        assert len(spikes) > len(set(spikes)) > 500
