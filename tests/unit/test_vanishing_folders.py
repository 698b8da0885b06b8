"""A run folder, a store or a piece of it that vanishes while the run is at work: a failure, and no run that is done."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_samples import Cli
from test_simulate_run import CONFIG, Sink, run

from dtbsim.errors import EXIT_STORAGE, DtbsimError, StorageError
from dtbsim.mpi import run_ranks
from dtbsim.run_folder import claim_run_folder
from dtbsim.simulate import conductor
from dtbsim.simulate.stepping import Stepping
from dtbsim.store.published import published_path
from dtbsim.store.spike_writer import SpikeWriter


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "two.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def move_away(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def replace_by_another_run(folder: Path) -> None:
    move_away(folder)
    other = claim_run_folder(folder, "other", base=folder.parent)
    other.write_json("status.json", {"state": "running", "pid": 1, "host": "x", "started": "y"})


LOSSES: dict[str, Callable[[Path], None]] = {
    "folder": shutil.rmtree,
    "moved": move_away,
    "taken": replace_by_another_run,
    "stores": lambda folder: shutil.rmtree(folder / "stores"),
    "store": lambda folder: shutil.rmtree(folder / "stores/spikes"),
    "rates": lambda folder: shutil.rmtree(folder / "stores/rates.zarr"),
    "array": lambda folder: (folder / "stores/spikes/rank_00000.zarr/gid/zarr.json").unlink(),
    "count": lambda folder: (folder / "stores/rates.published.json").unlink(),
    "config": lambda folder: (folder / "config.yaml").unlink(),
    "network": lambda folder: (folder / "network.json").unlink(),
}


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_what_vanishes_in_the_middle_ends_the_run(config: Path, tmp_path: Path, loss: str, ranks: int) -> None:
    out = tmp_path / "run"

    def one(comm: object) -> DtbsimError:
        act = (lambda: LOSSES[loss](out)) if comm.rank == 0 else None  # type: ignore[attr-defined]
        with pytest.raises(DtbsimError) as caught:
            run(config, out, Sink(at=200, act=act), comm)  # type: ignore[arg-type]
        return caught.value

    errors = run_ranks(ranks, one)
    assert {error.exit_code for error in errors} == {EXIT_STORAGE}
    assert any(isinstance(error, StorageError) for error in errors)
    for error in errors:
        assert "removed" in str(error)
        assert str(out) in str(error)
    assert not (out / "summary.json").exists()
    if loss in ("folder", "moved"):
        assert not out.exists(), "it is not made again"
    elif loss == "taken":
        assert sorted(path.name for path in out.iterdir()) == ["log.txt", "status.json"], "the other run is left alone"
        assert json.loads((out / "status.json").read_text())["state"] == "running"
    else:
        assert json.loads((out / "status.json").read_text())["state"] == "failed"


def test_a_folder_that_vanishes_while_the_report_is_written(
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def report(folder: Path) -> Path:
        shutil.rmtree(folder)
        return folder / "report.html"

    monkeypatch.setattr(conductor, "report_in_own_process", report)
    with pytest.raises(StorageError, match="removed, moved or taken"):
        run(config, tmp_path / "run", report=True)
    assert not (tmp_path / "run").exists()


def test_the_command_line_ends_with_its_exit_code(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "net.yaml", tmp_path / "run"
    path.write_text(CONFIG)
    advance = Stepping._keep

    def keep(loop: Stepping, *arguments: object) -> None:
        shutil.rmtree(out / "stores", ignore_errors=True)
        advance(loop, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Stepping, "_keep", keep)
    code, printed, err = Cli(capfd)("run", path, "--out", out, "--quiet")
    assert (code, printed) == (EXIT_STORAGE, "")
    assert err.count("\n") == 1
    assert "was removed or replaced while the run was writing it" in err


# -- the writer of a store -----------------------------------------------------------------------------------------


def writer_with_shards(folder: Path) -> SpikeWriter:
    writer = SpikeWriter(folder, 0, chunk_spikes=16)
    for k in range(5):
        writer.append(np.arange(100 * k, 100 * k + 100), np.arange(100, dtype=np.uint32))
    writer.flush()
    return writer


@pytest.mark.parametrize("piece", ["step/c/0", "gid/c/1", "gid/c/3"])
def test_a_shard_that_has_vanished_is_missed_at_the_end(tmp_path: Path, piece: str) -> None:
    writer = writer_with_shards(tmp_path)
    (tmp_path / "rank_00000.zarr" / piece).unlink()
    with pytest.raises(StorageError, match=rf"{piece}: this piece of the store was removed"):
        writer.close()
    assert not json.loads(published_path(tmp_path / "rank_00000.zarr").read_text())["closed"]


def test_two_writers_do_not_share_a_store(tmp_path: Path) -> None:
    writer = writer_with_shards(tmp_path)
    with pytest.raises(StorageError, match="there is a store already"):
        SpikeWriter(tmp_path, 0)
    shutil.rmtree(tmp_path / "rank_00000.zarr")
    second = writer_with_shards(tmp_path)
    writer.append(np.arange(1000, 1010), np.arange(10, dtype=np.uint32))
    with pytest.raises(StorageError, match="was removed or replaced"):
        writer.flush()
    second.close()
    assert json.loads(published_path(tmp_path / "rank_00000.zarr").read_text())["rows"] == 500


def test_a_store_that_is_whole_goes_on_after_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come after the file was replaced and before the writer knows."""
    from dtbsim.store import table_writer

    writer, real = writer_with_shards(tmp_path), table_writer.write_text

    def write_and_interrupt(*arguments: object, **options: object) -> None:
        real(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(table_writer, "write_text", write_and_interrupt)
    writer.append(np.arange(1000, 1010), np.arange(10, dtype=np.uint32))
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    monkeypatch.undo()
    writer.append(np.arange(2000, 2010), np.arange(10, dtype=np.uint32))
    writer.close()
    assert json.loads(published_path(tmp_path / "rank_00000.zarr").read_text())["rows"] == 520
