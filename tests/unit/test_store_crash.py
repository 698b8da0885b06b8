"""What is left after kill -9, a full disk and damage: a prefix of what was appended, or a clear error. Never a hole."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dtbsim.errors import InputError, StorageError
from dtbsim.record.spike_order import sort_spikes
from dtbsim.store.spike_reader import SpikeStore
from dtbsim.store.spike_writer import SpikeWriter
from dtbsim.store.table_reader import TableReader

CHUNK = 256

STREAM = """
import numpy as np

def window(seed, k):
    rng = np.random.default_rng([seed, k])
    n = int(rng.integers(0, 400))
    return 10 * k + rng.integers(0, 10, n), rng.integers(0, 2**32 - 1, n, dtype=np.uint32)
"""

WRITER = (
    STREAM
    + """
import sys
from pathlib import Path
from dtbsim.store.spike_writer import SpikeWriter

folder, seed, chunk = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
writer = SpikeWriter(folder, 0, chunk_spikes=chunk, flush_interval_s=0.02)
print("writing", flush=True)
for k in range(10**9):
    writer.append(*window(seed, k), stop_step=10 * (k + 1))
"""
)

namespace: dict = {}
exec(STREAM, namespace)
window = namespace["window"]


def expected_prefix(seed, rows):
    """The first rows of the sorted stream, regenerated."""
    parts, k = [sort_spikes(*window(seed, 0))], 1
    total = len(parts[0][0])
    while total < rows:
        parts.append(sort_spikes(*window(seed, k)))
        total += len(parts[-1][0])
        k += 1
    return np.concatenate([s for s, _ in parts])[:rows], np.concatenate([g for _, g in parts])[:rows]


def test_a_killed_writer_leaves_a_prefix_without_holes(tmp_path):
    generator = random.Random(20)
    rows = []
    for seed in range(8):
        folder = tmp_path / str(seed)
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(seed), str(CHUNK)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "writing\n"
        time.sleep(generator.uniform(0.02, 0.5))
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        table = TableReader(folder / "rank_00000.zarr", "spikes")
        steps, gids = expected_prefix(seed, table.rows)
        np.testing.assert_array_equal(table.read("step"), steps)
        np.testing.assert_array_equal(table.read("gid"), gids)
        store = SpikeStore(folder, 1)
        assert not store.closed
        whole = steps < store.complete_before
        np.testing.assert_array_equal(store.read()[0], steps[whole])
        np.testing.assert_array_equal(store.read()[1], gids[whole])
        assert len(steps) - whole.sum() < 400  # at most the step that the end of a shard cut
        rows.append(table.rows)
    assert max(rows) > 20 * CHUNK  # the kills did hit writers that had shards behind them


LIMITED = (
    STREAM
    + """
import resource, sys
from pathlib import Path
from dtbsim.errors import StorageError
from dtbsim.store.spike_writer import SpikeWriter

writer = SpikeWriter(Path(sys.argv[1]), 0, chunk_spikes=4096)
for k in range(10):
    writer.append(*window(1, k), stop_step=10 * (k + 1))
writer.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    for k in range(10, 10_000):
        writer.append(*window(1, k), stop_step=10 * (k + 1))
except StorageError as error:
    print(error)
    try:
        writer.append(*window(1, k + 1))
    except StorageError as second:
        print(second)
    writer.close()
"""
)


def test_a_refused_write_is_a_storage_error_and_what_was_published_stays(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "spikes")], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert "rank_00000.zarr: cannot write: File too large (raise the limit on file sizes" in first
    assert "an earlier write failed" in second
    assert done.stderr == ""
    store = SpikeStore(tmp_path / "spikes", 1)
    steps, gids = expected_prefix(1, sum(len(window(1, k)[0]) for k in range(10)))
    assert (store.closed, store.complete_before) == (False, 100)
    np.testing.assert_array_equal(store.read()[0], steps)
    np.testing.assert_array_equal(store.read()[1], gids)


@pytest.fixture
def small_disk(tmp_path):
    mounted = tmp_path / "disk"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", mounted], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", mounted], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount command")
def test_a_full_disk_is_a_storage_error_and_what_was_published_stays(small_disk):
    writer = SpikeWriter(small_disk / "spikes", 0, chunk_spikes=1024)

    def write():
        for k in range(10_000):
            writer.append(*window(2, k), stop_step=10 * (k + 1))

    with pytest.raises(StorageError, match=r"cannot write: No space left on device \(free some space"):
        write()
    writer.close()
    store = SpikeStore(small_disk / "spikes", 1)
    assert store.rows >= 3 * 8 * 1024
    steps, gids = expected_prefix(2, store.rows)
    whole = steps < store.complete_before
    np.testing.assert_array_equal(store.read()[0], steps[whole])
    np.testing.assert_array_equal(store.read()[1], gids[whole])


def damage(file, generator):
    content = bytearray(file.read_bytes())
    kind = generator.choice(["flip", "cut", "remove"])
    if kind == "remove":
        file.unlink()
    elif kind == "cut":
        file.write_bytes(content[: generator.randrange(len(content))])
    else:
        content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
        file.write_bytes(content)
    return kind


def test_damaged_shards_give_an_error_with_the_file_and_never_other_spikes(tmp_path):
    generator, whole = random.Random(7), tmp_path / "whole"
    writer = SpikeWriter(whole, 0, chunk_spikes=64)
    for k in range(12):
        writer.append(*window(3, k))
    writer.close()
    steps, gids = SpikeStore(whole, 1).read()
    found = {"flip": 0, "cut": 0, "remove": 0}
    for attempt in range(60):
        broken = tmp_path / "broken"
        shutil.copytree(whole, broken)
        file = generator.choice(sorted(broken.glob("rank_00000.zarr/*/c/*")))
        kind = damage(file, generator)
        got, message = None, None
        try:
            got = SpikeStore(broken, 1).read()
        except InputError as error:
            message = str(error)
        if message is not None:
            assert str(file) in message, attempt
            assert "repeat the run" in message
            found[kind] += 1
        else:  # of all damage only a flipped bit in a place that is not used may go unseen
            assert kind == "flip"
            np.testing.assert_array_equal(got[0], steps)
            np.testing.assert_array_equal(got[1], gids)
        shutil.rmtree(broken)
    assert min(found.values()) >= 10, found


@pytest.mark.parametrize("name", ["zarr.json", "step/zarr.json", "gid/zarr.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"zarr_format": 3}'])
def test_damaged_metadata_give_an_error_with_the_place(tmp_path, name, content):
    writer = SpikeWriter(tmp_path, 0, chunk_spikes=64)
    writer.append(*window(3, 1))
    writer.close()
    file = tmp_path / "rank_00000.zarr" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"rank_00000\.zarr"):
        SpikeStore(tmp_path, 1).read()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        "{}",
        '{"format": 99}',
        '{"format": 1}',
        '{"format": 1, "rows": -1}',
        '{"format": 1, "rows": "x"}',
    ],
)
def test_a_damaged_count_gives_an_error_with_the_file(tmp_path, content):
    SpikeWriter(tmp_path, 0).close()
    file = tmp_path / "rank_00000.published.json"
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    with pytest.raises(InputError, match=r"rank_00000\.published\.json"):
        SpikeStore(tmp_path, 1)


def test_a_store_of_another_kind_is_refused(tmp_path):
    SpikeWriter(tmp_path, 0).close()
    with pytest.raises(InputError, match="holds 'spikes', expected 'states'"):
        TableReader(tmp_path / "rank_00000.zarr", "states")


def test_reading_while_the_writer_replaces_the_last_shard(tmp_path):
    """Every look at a live store gives a prefix, also when the partial shard is being written again."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "5", "65536"], stdout=subprocess.PIPE)
    child.stdout.readline()
    looks = set()
    try:
        give_up = time.monotonic() + 120.0
        while len(looks) <= 5 and time.monotonic() < give_up:
            store = SpikeStore(tmp_path, 1)
            steps, gids = store.read()
            looks.add(len(steps))
            n = min(len(steps), 20_000)
            expected = expected_prefix(5, n)
            np.testing.assert_array_equal(steps[:n], expected[0])
            np.testing.assert_array_equal(gids[:n], expected[1])
            assert (np.diff(steps) >= 0).all()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()
        child.stdout.close()
    assert len(looks) > 5
