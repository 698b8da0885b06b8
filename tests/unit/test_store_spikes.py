"""Spikes into the store and out again: order, shards, publishing, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from store_runs import spikes_of_a_run

from dtbsim.errors import InputError, StorageError
from dtbsim.record.spike_order import SpikeSorter, sort_spikes
from dtbsim.store.spike_reader import GidSelection, SpikeStore
from dtbsim.store.spike_writer import SpikeWriter

SHARD = 8 * 16  # with chunk_spikes=16


def writer_for(tmp_path, rank=0, **kwargs):
    return SpikeWriter(tmp_path / "spikes", rank, chunk_spikes=16, **kwargs)


def published(tmp_path, rank=0):
    return json.loads((tmp_path / f"spikes/rank_{rank:05d}.published.json").read_text())


def i64(*values):
    return np.array(values, np.int64)


def u32(*values):
    return np.array(values, np.uint32)


def test_sorting_agrees_with_lexsort_also_for_extreme_steps_and_gids():
    rng = np.random.default_rng(3)
    for low, high in [(0, 5), (2**40, 2**40 + 1000), (0, 2**62)]:
        steps = rng.integers(low, high, 500)
        gids = rng.integers(0, 2**32, 500, dtype=np.uint32)
        order = np.lexsort((gids, steps))
        sorted_steps, sorted_gids = sort_spikes(steps, gids)
        assert sorted_steps.dtype == np.int64
        assert sorted_gids.dtype == np.uint32
        np.testing.assert_array_equal(sorted_steps, steps[order])
        np.testing.assert_array_equal(sorted_gids, gids[order])


def test_sorting_leaves_its_input_alone():
    steps, gids = i64(2, 1), u32(7, 8)
    sort_spikes(steps, gids)
    assert steps.tolist() == [2, 1]
    assert gids.tolist() == [7, 8]


@pytest.mark.parametrize("batch", [1, 7, 64, 10_000])
def test_sorter_gives_one_sorted_stream_whatever_the_batch(batch):
    steps, gids = spikes_of_a_run(1)
    rng = np.random.default_rng(batch)
    got = []
    sorter = SpikeSorter(lambda s, g: got.append((s.copy(), g.copy())), batch)
    for start in range(0, 400, 13):
        window = np.flatnonzero((steps >= start) & (steps < start + 13))
        rng.shuffle(window)
        sorter.append(steps[window], gids[window])
    sorter.flush()
    assert sorter.pending == 0
    np.testing.assert_array_equal(np.concatenate([s for s, _ in got]), steps)
    np.testing.assert_array_equal(np.concatenate([g for _, g in got]), gids)


@pytest.mark.parametrize("n", [0, 1, SHARD - 1, SHARD, SHARD + 1, 5 * SHARD + 3])
def test_round_trip_at_the_edges_of_shards(tmp_path, n):
    steps, gids = np.sort(np.arange(n) // 3).astype(np.int64), (np.arange(n) % 3).astype(np.uint32)
    writer = writer_for(tmp_path)
    cut = steps.searchsorted(n // 6)
    writer.append(steps[:cut], gids[:cut])
    writer.append(steps[cut:], gids[cut:])
    assert writer.spikes == n
    writer.close()
    store = SpikeStore(tmp_path / "spikes", 1)
    assert (store.closed, store.rows) == (True, n)
    np.testing.assert_array_equal(store.read()[0], steps)
    np.testing.assert_array_equal(store.read()[1], gids)
    assert [a.dtype for a in store.read()] == [np.int64, np.uint32]


def test_arrays_have_the_true_length_for_other_zarr_readers(tmp_path):
    zarr = pytest.importorskip("zarr")
    writer = writer_for(tmp_path)
    writer.append(np.arange(200), np.arange(200, dtype=np.uint32))
    writer.close()
    group = zarr.open_group(tmp_path / "spikes/rank_00000.zarr", mode="r")
    assert group["step"].shape == group["gid"].shape == (200,)
    assert group["gid"].shards == (SHARD,)
    np.testing.assert_array_equal(group["step"][:], np.arange(200))


def test_any_window_of_steps_is_found(tmp_path):
    steps, gids = spikes_of_a_run(4)
    writer = writer_for(tmp_path)
    writer.append(steps, gids)
    writer.close()
    store = SpikeStore(tmp_path / "spikes", 1)
    rng = np.random.default_rng(5)
    for _ in range(60):
        start, stop = np.sort(rng.integers(0, 420, 2)).tolist()
        inside = (steps >= start) & (steps < stop)
        got_steps, got_gids = store.read(start, stop)
        np.testing.assert_array_equal(got_steps, steps[inside])
        np.testing.assert_array_equal(got_gids, gids[inside])


def test_shards_are_published_as_they_fill_and_flush_publishes_the_rest(tmp_path):
    writer = writer_for(tmp_path)
    writer.append(np.arange(SHARD + 20), np.zeros(SHARD + 20, np.uint32))
    assert published(tmp_path)["rows"] == SHARD
    assert published(tmp_path)["complete_before"] == SHARD
    writer.flush()
    assert published(tmp_path) | {"shard_first": [0, SHARD]} == published(tmp_path)
    assert (published(tmp_path)["rows"], published(tmp_path)["closed"]) == (SHARD + 20, False)
    store = SpikeStore(tmp_path / "spikes", 1)
    writer.append(np.arange(SHARD + 20, 3 * SHARD), np.ones(2 * SHARD - 20, np.uint32))
    np.testing.assert_array_equal(store.read()[0], np.arange(SHARD + 20))  # what was open keeps its extent
    writer.close()
    np.testing.assert_array_equal(SpikeStore(tmp_path / "spikes", 1).read()[0], np.arange(3 * SHARD))


def test_waiting_spikes_are_published_after_the_flush_interval(tmp_path):
    writer = writer_for(tmp_path, flush_interval_s=0.0)
    writer.append(i64(3), u32(1), stop_step=10)
    assert published(tmp_path)["rows"] == 1
    assert published(tmp_path)["complete_before"] == 10
    writer.append(i64(), u32(), stop_step=20)
    assert published(tmp_path)["complete_before"] == 20


def test_a_step_cut_by_the_end_of_a_shard_is_not_called_complete(tmp_path):
    writer = writer_for(tmp_path)
    steps = np.repeat(i64(0, 1), [SHARD - 10, 30])
    writer.append(steps, np.arange(SHARD + 20, dtype=np.uint32))
    writer.append(i64(2), u32(0))
    assert published(tmp_path)["rows"] == SHARD
    assert published(tmp_path)["complete_before"] == 1
    store = SpikeStore(tmp_path / "spikes", 1)
    assert set(store.read()[0]) == {0}
    assert len(store.read()[0]) == SHARD - 10


def test_of_ranks_that_published_unequally_the_common_time_is_shown(tmp_path):
    first, second = writer_for(tmp_path, 0), writer_for(tmp_path, 1)
    first.append(np.arange(50), np.zeros(50, np.uint32), stop_step=50)
    second.append(np.arange(0, 30, 10), np.ones(3, np.uint32), stop_step=30)
    first.flush()
    second.flush()
    store = SpikeStore(tmp_path / "spikes", 2)
    assert (store.closed, store.complete_before) == (False, 30)
    assert store.read()[0].tolist() == sorted([*range(30), 0, 10, 20])
    second.append(i64(45), u32(1), stop_step=50)
    first.close()
    second.close()
    store = SpikeStore(tmp_path / "spikes", 2)
    assert (store.closed, store.complete_before, len(store.read()[0])) == (True, 50, 54)


@pytest.mark.parametrize(
    ("steps", "gids", "error"),
    [
        (np.zeros(2, np.int32), np.zeros(2, np.uint32), TypeError),
        (np.zeros(2, np.int64), np.zeros(2, np.uint64), TypeError),
        (np.zeros(2, np.int64), np.zeros(3, np.uint32), ValueError),
        (np.zeros((2, 1), np.int64), np.zeros((2, 1), np.uint32), ValueError),
    ],
)
def test_other_types_and_shapes_are_refused(tmp_path, steps, gids, error):
    with pytest.raises(error, match="steps"):
        writer_for(tmp_path).append(steps, gids)


@pytest.mark.parametrize("second", [[4, 9], [5, 9], [-1]])
def test_windows_that_overlap_are_refused(tmp_path, second):
    writer = writer_for(tmp_path)
    writer.append(i64(3, 5), u32(0, 0))
    writer.append(i64(*second), np.zeros(len(second), np.uint32))
    with pytest.raises(ValueError, match="later in time"):
        writer.flush()


def test_overlap_with_an_earlier_batch_is_refused(tmp_path):
    writer = writer_for(tmp_path)
    writer.append(i64(3, 5), u32(0, 0))
    writer.flush()
    writer.append(i64(5), u32(1))
    with pytest.raises(ValueError, match="step 5 were appended after those of step 5"):
        writer.close()


def test_a_store_is_never_overwritten(tmp_path):
    writer_for(tmp_path).close()
    with pytest.raises(StorageError, match="store already"):
        writer_for(tmp_path)


def test_closed_is_closed(tmp_path):
    writer = writer_for(tmp_path)
    writer.close()
    writer.close()
    with pytest.raises(StorageError, match="closed"):
        writer.append(i64(1), u32(1))


def test_missing_and_surplus_ranks_are_named(tmp_path):
    for rank in (0, 2):
        writer_for(tmp_path, rank).close()
    with pytest.raises(InputError, match=r"rank_00001\.zarr: 1 of 3 stores are missing"):
        SpikeStore(tmp_path / "spikes", 3)
    with pytest.raises(InputError, match=r"rank_00002\.zarr: a store that does not belong"):
        SpikeStore(tmp_path / "spikes", 1)


def test_selection_of_gids():
    gids = np.arange(20, dtype=np.uint32)
    for ranges in ([(3, 5)], [(10, 12), (0, 2), (2, 4)], [(5, 9), (7, 8), (15, 20)], []):
        members = {gid for start, stop in ranges for gid in range(start, stop)}
        assert GidSelection(ranges).mask(gids).tolist() == [gid in members for gid in range(20)]
