"""The hash of spikes: its definition, its independence of the division of work, and where a run's hash comes from."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from store_runs import make_run, spikes_of_a_run

from dtbsim.errors import InputError
from dtbsim.record.spike_hash import SpikeHasher
from dtbsim.store.hashing import hash_run
from dtbsim.store.run import open_run


def by_definition(steps, gids):
    pairs = sorted(zip(steps.tolist(), gids.tolist(), strict=True))
    return hashlib.sha256(b"".join(struct.pack("<qI", step, gid) for step, gid in pairs)).hexdigest()


def hashed(steps, gids):
    hasher = SpikeHasher()
    hasher.update(steps, gids)
    return hasher.hexdigest()


def write_summary(folder, digest):
    (folder / "summary.json").write_text(json.dumps({"spike_hash": digest}))


def test_known_answer():
    steps, gids = np.array([5, 1, 5, 2**40], np.int64), np.array([2, 4294967294, 1, 0], np.uint32)
    assert hashed(steps, gids) == by_definition(steps, gids)
    assert (
        hashed(steps, gids)
        == hashlib.sha256(
            bytes.fromhex(
                "0100000000000000feffffff050000000000000001000000050000000000000002000000000000000001000000000000"
            )
        ).hexdigest()
    )


def test_no_spikes_hash_to_the_hash_of_nothing():
    assert SpikeHasher().hexdigest() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("window", [1, 7, 400])
def test_windows_and_order_inside_them_do_not_matter(window):
    steps, gids = spikes_of_a_run(1)
    rng, hasher = np.random.default_rng(window), SpikeHasher()
    for start in range(0, 400, window):
        inside = np.flatnonzero((steps >= start) & (steps < start + window))
        rng.shuffle(inside)
        hasher.update(steps[inside], gids[inside])
    assert hasher.spikes == len(steps)
    assert hasher.hexdigest() == by_definition(steps, gids)


def test_a_digest_in_between_changes_nothing():
    steps, gids = spikes_of_a_run(1)
    half, hasher = int(np.searchsorted(steps, 100)), SpikeHasher()
    hasher.update(steps[:half], gids[:half])
    assert hasher.hexdigest() == by_definition(steps[:half], gids[:half])
    hasher.update(steps[half:], gids[half:])
    assert hasher.hexdigest() == by_definition(steps, gids)


def test_every_change_of_the_spikes_changes_the_hash():
    steps, gids = spikes_of_a_run(1)
    digests = {hashed(steps, gids), hashed(steps[1:], gids[1:]), hashed(steps[:-1], gids[:-1])}
    later, other = steps.copy(), gids.copy()
    later[17] += 1
    other[17] += 1
    digests |= {hashed(later, gids), hashed(steps, other), hashed(steps + 1, gids)}
    assert len(digests) == 6


def test_time_going_back_is_refused():
    hasher = SpikeHasher()
    hasher.update(np.array([4], np.int64), np.array([1], np.uint32))
    hasher.update(np.array([4], np.int64), np.array([2], np.uint32))
    with pytest.raises(ValueError, match="later in time"):
        hasher.hexdigest()


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_stores_hash_as_the_spikes_whatever_the_ranks(tmp_path, ranks):
    steps, gids = spikes_of_a_run(ranks)
    result = hash_run(make_run(tmp_path / "run", steps, gids, ranks=ranks, seed=ranks))
    assert result == (by_definition(steps, gids), "stores", None, None)


def test_summary_and_stores_are_compared(tmp_path):
    steps, gids = spikes_of_a_run(1)
    folder = make_run(tmp_path / "run", steps, gids, ranks=2)
    digest = by_definition(steps, gids)
    write_summary(folder, digest)
    assert hash_run(folder) == (digest, "stores", None, True)
    assert open_run(folder).spike_hash(recompute=False) == (digest, "summary", None, None)
    write_summary(folder, "0" * 64)
    assert hash_run(folder) == (digest, "stores", None, False)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("spikes: null", "spikes were not stored"),
        ("spikes: {populations: [E]}", "only some populations were stored"),
        ("spikes: {populations: all, start_ms: 0.1}", "only a part of the time was stored"),
        ("spikes: {populations: all, start_ms: 0.0, stop_ms: 39.9}", "only a part of the time was stored"),
    ],
)
def test_where_not_all_was_stored_the_summary_counts(tmp_path, record, reason):
    folder = make_run(tmp_path / "run", *spikes_of_a_run(1, 100), record=record)
    with pytest.raises(InputError, match=r"summary\.json: a piece of the run folder is missing"):
        hash_run(folder)
    write_summary(folder, "ab" * 32)
    assert hash_run(folder) == ("ab" * 32, "summary", reason, None)
    with pytest.raises(InputError, match=f"cannot be recomputed: {reason}"):
        hash_run(folder, recompute=True)


@pytest.mark.parametrize("record", ["", "spikes: {populations: [E, I], start_ms: 0, stop_ms: 40.0}"])
def test_what_covers_everything_is_recomputed(tmp_path, record):
    steps, gids = spikes_of_a_run(1, 100)
    folder = make_run(tmp_path / "run", steps, gids, record=record)
    assert hash_run(folder, recompute=True).digest == by_definition(steps, gids)


def test_a_run_that_did_not_close_its_stores_has_no_hash(tmp_path):
    folder = make_run(tmp_path / "run", *spikes_of_a_run(1), close=False)
    with pytest.raises(InputError, match="did not end regularly"):
        hash_run(folder)
    with pytest.raises(InputError, match="killed before it closed its stores"):
        hash_run(folder, recompute=True)


def test_a_summary_without_hash_is_refused(tmp_path):
    folder = make_run(tmp_path / "run", *spikes_of_a_run(1, 10))
    (folder / "summary.json").write_text("{}")
    with pytest.raises(InputError, match="'spike_hash' is missing"):
        hash_run(folder, recompute=False)
