"""The hash of spikes: its definition, its independence of the division of work, and where a run's hash comes from."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from store_runs import make_run, spikes_of_a_run

from dtbsim.errors import InputError
from dtbsim.record.spike_hash import SpikeHasher, combined, mixed
from dtbsim.store import hash_run
from dtbsim.store.run import open_run

MASK = 2**64 - 1


def mix(word):
    """The finalizer of SplitMix64 on a Python integer."""
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
    return word ^ word >> 31


def by_definition(steps, gids):
    sums = {}
    for step, gid in zip(steps.tolist(), gids.tolist(), strict=True):
        a = mix((step << 32 | gid) ^ 0x9E3779B97F4A7C15)
        held = sums.setdefault(step // 4096, [0, 0])
        held[0], held[1] = held[0] + a & MASK, held[1] + mix(a ^ 0xC2B2AE3D27D4EB4F) & MASK
    return hashlib.sha256(b"".join(struct.pack("<3Q", window, *sums[window]) for window in sorted(sums))).hexdigest()


def hashed(steps, gids):
    hasher = SpikeHasher()
    hasher.update(steps, gids)
    return hasher.hexdigest()


def write_summary(folder, digest, version=2):
    (folder / "summary.json").write_text(json.dumps({"spike_hash": digest, "spike_hash_version": version}))


def test_the_mixer_is_that_of_the_paper():
    """SplitMix64 with seed 1234567 begins with this number (a published vector of its reference implementation)."""
    assert mix(1234567 + 0x9E3779B97F4A7C15 & MASK) == 6457827717110365317
    assert int(mixed(np.array([1234567 + 0x9E3779B97F4A7C15], np.uint64))[0]) == 6457827717110365317


def test_known_answer():
    steps, gids = np.array([5, 1, 5, 2**31 - 1], np.int64), np.array([2, 4294967294, 1, 0], np.uint32)
    assert hashed(steps, gids) == by_definition(steps, gids)
    assert hashed(steps, gids) == "84e54da84615fbe49570ff4858b6e737d9c0a64b86d8bf52abd67e985c638fa8"


def test_no_spikes_hash_to_the_hash_of_nothing():
    assert SpikeHasher().hexdigest() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert combined(SpikeHasher().table(10**6)) == SpikeHasher().hexdigest()


def long_run(n=200_000):
    """Spikes of some 50 windows, some twice."""
    rng = np.random.default_rng(3)
    steps, gids = rng.integers(0, 200_000, n), rng.integers(0, 2**32, n).astype(np.uint32)
    return np.concatenate([steps, steps[:99]]), np.concatenate([gids, gids[:99]])


@pytest.mark.parametrize("parts", [1, 3, 500])
def test_neither_order_nor_parts_nor_ranks_matter(parts):
    steps, gids = long_run()
    order = np.random.default_rng(parts).permutation(len(steps))
    hashers = [SpikeHasher() for _ in range(min(parts, 7))]
    for k, part in enumerate(np.array_split(order, parts)):
        hashers[k % len(hashers)].update(steps[part], gids[part])
    table = np.zeros((49, 2), np.uint64)
    for hasher in hashers:
        table += hasher.table(200_000)
    assert combined(table) == by_definition(steps, gids)


def test_sums_are_enough_to_go_on():
    steps, gids = long_run(5000)
    first = SpikeHasher()
    first.update(steps[:1777], gids[:1777])
    assert first.hexdigest() == by_definition(steps[:1777], gids[:1777])
    second = SpikeHasher(dict(json.loads(json.dumps(list(first.sums.items())))))
    second.update(steps[1777:], gids[1777:])
    assert second.hexdigest() == by_definition(steps, gids)


def test_every_change_of_the_spikes_changes_the_hash():
    """Left out, added, doubled, moved by one in either way, swapped between neurons or times."""
    steps, gids = spikes_of_a_run(1)
    found = {hashed(steps, gids)}
    for k in range(0, len(steps), 7):
        keep = np.arange(len(steps)) != k
        twice = np.append(np.arange(len(steps)), k)
        found |= {hashed(steps[keep], gids[keep]), hashed(steps[twice], gids[twice])}
        for at, by in ((steps, 1), (steps, 4096), (gids, 1), (gids, -1)):
            other = at.copy()
            other[k] += np.array(by).astype(at.dtype)
            found.add(hashed(other, gids) if at is steps else hashed(steps, other))
    found.add(hashed(steps + 1, gids))
    swapped = gids.copy()
    a, b = 3, int(np.flatnonzero((steps != steps[3]) & (gids != gids[3]))[0])
    swapped[[a, b]] = gids[[b, a]]
    found.add(hashed(steps, swapped))
    assert len(found) == 3 + 6 * len(range(0, len(steps), 7))


def test_sums_of_many_random_runs_differ_in_every_bit():
    """Each bit of both words is set in about half of the runs that differ in a single spike."""
    words = []
    for gid in range(4000):
        hasher = SpikeHasher()
        hasher.update(np.array([gid % 3], np.int64), np.array([gid], np.uint32))
        words.append(hasher.sums[0])
    bits = np.unpackbits(np.array(words, np.uint64).view(np.uint8), axis=1).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 5 * 0.5 / np.sqrt(4000)


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


def test_a_hash_of_version_0_1_is_not_compared(tmp_path):
    steps, gids = spikes_of_a_run(1)
    folder = make_run(tmp_path / "run", steps, gids)
    (folder / "summary.json").write_text(json.dumps({"spike_hash": "0" * 64}))
    assert hash_run(folder) == (by_definition(steps, gids), "stores", None, None)
    why = "it can be compared with hashes of dtbsim 0.1 only"
    assert hash_run(folder, recompute=False) == ("0" * 64, "summary", why, None)


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
