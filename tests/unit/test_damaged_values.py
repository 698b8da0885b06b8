"""Flipped bits and lost ends of shards and checkpoints are found and named by whoever reads them."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_samples import Cli
from zarr.codecs import Crc32cCodec

import dtbsim
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.run_folder.inspection import inspect_folder
from dtbsim.store import open_run
from dtbsim.store.shards import check_shard
from dtbsim.store.table_reader import TableReader

CONFIG = """\
name: small
simulation: {dt_ms: 0.5, duration_ms: 60, threads: 1, block_size: 16}
populations: {E: {model: iaf_psc_exp, size: 40}}
projections: {EE: {source: E, target: E, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 20, delay_ms: 1}}
drives: {background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}}
record: {states: [{population: E, variables: [V_m_mV], neurons: 3}]}
checkpoint: {every_ms: 20}
"""
CHECKPOINT = "checkpoints/step_000000000120"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("values")
    (folder / "small.yaml").write_text(CONFIG, encoding="utf-8")
    dtbsim.run(folder / "small.yaml", out=folder / "run")
    return folder / "run"


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def flip(path: Path, byte: int, bit: int = 2) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def named(folder: Path, *, values: bool) -> list[str | None]:
    return [error.where for error in inspect_folder(open_run(folder), values=values)]


def test_every_file_of_values(whole: Path, tmp_path: Path) -> None:
    """Some bits and a lost end of each shard, of each constant and each checkpoint file."""
    chosen, folder = random.Random(3), tmp_path / "run"
    shutil.copytree(whole, folder)
    assert named(folder, values=True) == []
    shards = [path for path in sorted(folder.rglob("*")) if path.is_file() and "c" in path.parts[:-1]]
    files = [*shards, *sorted(folder.rglob("*.ckpt"))]
    assert len(files) >= 8
    for path in files:
        data = path.read_bytes()
        for _ in range(4):
            flip(path, chosen.randrange(len(data)), chosen.randrange(8))
            assert named(folder, values=True) == [str(path)]
            path.write_bytes(data)
        os.truncate(path, chosen.randrange(len(data)))
        assert named(folder, values=True) == [str(path)]
        path.write_bytes(data)
    assert named(folder, values=True) == []


def test_every_byte_of_a_run_that_was_killed(whole: Path, tmp_path: Path) -> None:
    """A shard has room for rows that were never published, which nobody reads: told all the same."""
    sim = dtbsim.start(whole.parent / "small.yaml", out=tmp_path / "run")
    sim.run(30)
    sim.save()
    shutil.copytree(tmp_path / "run", tmp_path / "killed")
    sim.abandon()
    store = tmp_path / "killed/stores/spikes/rank_00000.zarr"
    shard = store / "gid/c/0"
    assert not TableReader(store, None).closed
    TableReader(store, None).check_values()
    for byte in range(0, shard.stat().st_size, 101):
        flip(shard, byte)
        with pytest.raises(InputError) as caught:
            TableReader(store, None).check_values()
        assert caught.value.where == str(shard)
        flip(shard, byte)


def test_a_checkpoint_is_looked_at_and_read_on_request(run: Path) -> None:
    rank = run / CHECKPOINT / "rank_00000.ckpt"
    size = rank.stat().st_size
    flip(rank, size - 1)
    assert named(run, values=False) == []
    assert named(run, values=True) == [str(rank)]
    flip(rank, size - 1)
    flip(rank, 40)
    assert named(run, values=False) == [str(rank)], "the header is read"
    flip(rank, 40)
    os.truncate(rank, size - 1)
    assert named(run, values=False) == [str(rank)]
    rank.unlink()
    assert named(run, values=False) == [str(rank)]
    flip(run / CHECKPOINT / "manifest.json", 70)
    assert named(run, values=False) == [str(run / CHECKPOINT / "manifest.json")]


def test_info_and_hash_name_what_is_damaged(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capfd)
    assert cli("info", run, "--check").code == EXIT_OK
    shard, rank = run / "stores/spikes/rank_00000.zarr/gid/c/0", run / CHECKPOINT / "rank_00000.ckpt"
    flip(shard, 30)
    flip(rank, rank.stat().st_size - 1)
    assert cli("info", run).code == EXIT_OK
    code, out, err = cli("info", run, "--check")
    assert code == EXIT_INPUT
    assert f"damaged      {shard}: damaged" in out
    assert f"damaged      {rank}: damaged" in out
    assert "resume from another one: dtbsim resume RUN --checkpoint step_000000000080" in out
    assert err.startswith(f"dtbsim: error: {shard}: damaged")
    code, out, err = cli("hash", run)
    assert (code, out) == (EXIT_INPUT, "")
    assert err.startswith(f"dtbsim: error: {shard}: damaged")
    assert err.count("\n") == 1


def test_no_branch_begins_with_a_damaged_checkpoint(run: Path, tmp_path: Path) -> None:
    rank = run / CHECKPOINT / "rank_00000.ckpt"
    flip(rank, rank.stat().st_size - 1)
    with pytest.raises(InputError, match="does not match its checksum") as caught:
        dtbsim.resume(run, out=tmp_path / "branch", set={"simulation.duration_ms": 80})
    assert caught.value.where == str(rank)
    assert not (tmp_path / "branch").exists()


def test_a_chunk_of_fill_values_need_not_be_there(tmp_path: Path) -> None:
    import zarr

    made = {"chunks": (4,), "shards": (16,), "fill_value": -1, "dtype": "<i4"}
    array = zarr.create_array(tmp_path / "a.zarr", shape=(16,), config={"write_empty_chunks": False}, **made)
    array[4:8] = np.arange(4)
    shard = tmp_path / "a.zarr/c/0"
    with pytest.raises(InputError, match="does not match its checksum"):
        check_shard(shard, 4)  # its one chunk has no checksum
    whole = zarr.create_array(tmp_path / "b.zarr", shape=(16,), compressors=[Crc32cCodec()], **made)
    whole[4:8] = np.arange(4)
    check_shard(tmp_path / "b.zarr/c/0", 4)
