"""A run folder belongs to one run: made or refused as a whole, also by runs that start at the same moment."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dtbsim
from dtbsim.errors import EXIT_INPUT, InputError, StorageError
from dtbsim.run_folder import RunFolder, claim, claim_run_folder

SHORT = {
    "name": "short",
    "simulation": {"dt_ms": 0.5, "duration_ms": 20, "threads": 1},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 20}},
    "drives": {"b": {"kind": "poisson", "target": "E", "rate_hz": 8000, "weight_pA": 60}},
}
FORK = multiprocessing.get_context("fork")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def claimed(out: Path | None, base: Path) -> RunFolder:
    return claim_run_folder(out, "demo", base=base)


# -- one run -------------------------------------------------------------------------------------------------------


def test_the_default_folder_has_name_and_time_and_is_never_shared(tmp_path: Path) -> None:
    folders = [claimed(None, tmp_path).path for _ in range(5)]
    assert len(set(folders)) == 5
    for folder in folders:
        assert folder.parent == tmp_path / "runs"
        assert re.fullmatch(r"demo-\d{8}-\d{6}(-\d)?", folder.name)
        assert names_in(folder) == ["log.txt"]


@pytest.mark.parametrize("existing", [None, "parent", "folder"])
def test_a_named_folder_is_made_with_its_parents_or_used_if_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: str | None
) -> None:
    if existing:
        (tmp_path / ("a" if existing == "parent" else "a/b")).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert claimed(Path("a/b"), Path("/elsewhere")).path == tmp_path / "a/b"
    assert names_in(tmp_path / "a/b") == ["log.txt"]


def test_the_first_line_of_the_log_says_whose_the_folder_is(tmp_path: Path) -> None:
    folder = claimed(tmp_path / "a", tmp_path)
    line = (tmp_path / "a/log.txt").read_text()
    assert line == folder.mark
    assert re.fullmatch(rf"\S+ rank 0 INFO \S+: run [0-9a-f]{{32}}, process {os.getpid()} on \S+\n", line)


def test_a_folder_with_files_is_refused_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(InputError, match=r"exists and is not empty \(choose another --out, or remove") as caught:
        claimed(tmp_path, tmp_path)
    assert type(caught.value) is InputError
    assert caught.value.exit_code == EXIT_INPUT
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("out", ["a", "a/b", "a/b/c"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, out: str) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(InputError, match=r"not a folder|cannot be made: (Not a directory|File exists)"):
        claimed(tmp_path / out, tmp_path)
    assert (tmp_path / "a").read_text() == "x"


def test_the_default_folder_is_refused_where_runs_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("x")
    with pytest.raises(InputError, match=r"cannot be made: (File exists|Not a directory)"):
        claimed(None, tmp_path)


def test_an_unwritable_parent_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    for folder in (locked, tmp_path, *tmp_path.parents[:1]):
        folder.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)
    locked.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root may write everywhere
    try:
        for out in (locked / "run", locked / "a/b/run"):
            with pytest.raises(InputError, match=r"cannot be made: Permission denied \(choose a folder"):
                claimed(out, tmp_path)
        with pytest.raises(InputError, match="Permission denied"):
            claimed(None, locked)
        with pytest.raises(InputError, match="Permission denied"):
            claimed(locked, tmp_path)
    finally:
        if root:
            os.seteuid(0)
        locked.chmod(0o755)
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_is_refused_before_the_run_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    if existing:
        (tmp_path / "a/b").mkdir(parents=True)

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(claim, "sync_to_disk", full)
    with pytest.raises(InputError, match="cannot be made: No space left on device"):
        claimed(tmp_path / "a/b", tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == (["a", "b"] if existing else [])


# -- several at once -----------------------------------------------------------------------------------------------


def at_once(n: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(k)` in n processes that start at the same moment; errors come as their type and text."""
    barrier, queue = FORK.Barrier(n), FORK.Queue()

    def one(k: int) -> None:
        barrier.wait()
        try:
            queue.put((k, work(k)))
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            queue.put((k, (type(error).__name__, str(error))))

    processes = [FORK.Process(target=one, args=(k,)) for k in range(n)]
    for process in processes:
        process.start()
    results = dict(queue.get(timeout=120) for _ in processes)
    for process in processes:
        process.join(60)
    return [results[k] for k in range(n)]


@pytest.mark.parametrize("existing", [pytest.param(False, marks=pytest.mark.nightly), True])
def test_of_claims_at_the_same_moment_one_wins(tmp_path: Path, existing: bool) -> None:
    for attempt in range(40):
        out = tmp_path / str(attempt) / "deep" / "run"
        if existing:
            out.mkdir(parents=True)
        results = at_once(4, lambda k, out=out: claimed(out, tmp_path).mark)
        winners = [result for result in results if isinstance(result, str)]
        assert len(winners) == 1, results
        assert {result[0] for result in results if result not in winners} == {"InputError"}
        assert (out / "log.txt").read_text() == winners[0]
        assert names_in(out) == ["log.txt"]


def test_a_folder_given_up_at_the_same_moment_goes_to_one_of_the_others(tmp_path: Path) -> None:
    """Half of the runs fail early and remove their folder; nobody removes that of another."""

    def work(k: int, out: Path) -> str:
        folder = claimed(out, tmp_path)
        if k % 2:
            (out / "config.yaml").write_text("x")
            folder.discard()
            return "gone"
        return folder.mark

    for attempt in range(40):
        out = tmp_path / str(attempt) / "run"
        results = at_once(4, lambda k, out=out: work(k, out))
        kept = [result for result in results if isinstance(result, str) and result != "gone"]
        assert len(kept) <= 1
        assert {result[0] for result in results if not isinstance(result, str)} <= {"InputError"}
        if kept:
            assert (out / "log.txt").read_text() == kept[0]
        else:
            assert not out.exists() or names_in(out) == [], "one that was claimed as it was given up counts as found"


def test_default_folders_of_runs_at_the_same_moment_differ(tmp_path: Path) -> None:
    for attempt in range(10):
        results = at_once(4, lambda k, n=attempt: str(claimed(None, tmp_path / str(n)).path))
        assert len(set(results)) == 4, results


@pytest.mark.parametrize("existing", [False, True])
def test_of_two_runs_into_one_folder_one_is_whole_and_the_other_refused(tmp_path: Path, existing: bool) -> None:
    dtbsim.run(SHORT, out=tmp_path / "first")  # compiles
    for attempt in range(5):
        out = tmp_path / f"run{attempt}"
        if existing:
            out.mkdir()
        results = at_once(2, lambda k, out=out: dtbsim.run(SHORT | {"seed": k}, out=out).spike_hash)
        (winner,) = [k for k, result in enumerate(results) if isinstance(result, str)]
        assert results[1 - winner][0] == "InputError"
        assert re.search(r"another run has taken this folder|exists and is not empty", results[1 - winner][1])
        run = dtbsim.open_run(out)
        assert run.state == "done"
        assert run.config["seed"] == winner
        assert run.spike_hash(recompute=True).digest == results[winner]


# -- what is removed -----------------------------------------------------------------------------------------------


def test_a_discarded_folder_loses_what_the_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder = claimed(tmp_path / "a/b/c", tmp_path)
    for name in ("config.yaml", "summary.json", ".status.json.123.tmp", "stores/x/y", "inputs/z", "models/m.py"):
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).write_text("x")
    (folder.path / "mine.txt").write_text("a note of the user's")
    folder.discard()
    assert names_in(tmp_path / "a/b/c") == ["mine.txt"]
    again = claimed(tmp_path / "a/d/e", tmp_path)
    again.discard()
    assert names_in(tmp_path / "a") == ["b"], "folders that were made for it go, too; `a` was there"


def test_an_empty_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    claimed(tmp_path / "a", tmp_path).discard()
    assert names_in(tmp_path) == ["a"]


def test_a_folder_that_another_run_has_by_now_is_left_alone(tmp_path: Path) -> None:
    first = claimed(tmp_path / "a", tmp_path)
    shutil.rmtree(tmp_path / "a")
    second = claimed(tmp_path / "a", tmp_path)
    second.write_text("config.yaml", "of the second")
    first.discard()
    assert names_in(tmp_path / "a") == ["config.yaml", "log.txt"]
    with pytest.raises(StorageError, match="removed, moved or taken by another run"):
        first.check()
    second.check()
    (tmp_path / "a/config.yaml").unlink()
    with pytest.raises(StorageError, match=r"config\.yaml: this file was removed"):
        second.check()
