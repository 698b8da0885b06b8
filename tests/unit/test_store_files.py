"""Small files are replaced as a whole; run folders are made or refused as a whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dtbsim import run_folder
from dtbsim.errors import InputError, StorageError
from dtbsim.run_folder import create_run_folder, provenance
from dtbsim.store.files import to_json, write_json, write_text


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_json_of_what_results_hold():
    value = {
        "rate": np.float32(0.5), "n": np.int64(2**40), "nan": float("nan"), "inf": np.float64("inf"),
        "array": np.arange(3), "path": Path("a/b"), "set": {"b", "a"}, 3: (True, None, "Å"),
    }  # fmt: skip
    assert json.loads(to_json(value)) == {
        "rate": 0.5, "n": 2**40, "nan": None, "inf": None,
        "array": [0, 1, 2], "path": "a/b", "set": ["a", "b"], "3": [True, None, "Å"],
    }  # fmt: skip
    with pytest.raises(TypeError, match="not JSON serializable"):
        to_json({"object": object()})


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path, durable):
    file = tmp_path / "status.json"
    write_json(file, {"a": 1}, durable=durable)
    write_json(file, {"a": 2}, durable=durable)
    assert json.loads(file.read_text()) == {"a": 2}
    assert names_in(tmp_path) == ["status.json"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_the_old_content_stays_when_writing_fails(tmp_path, monkeypatch, broken):
    file = tmp_path / "status.json"
    write_text(file, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), fail)
    with pytest.raises(StorageError, match=r"status\.json: cannot write: No space left on device \(free some space"):
        write_text(file, "new")
    assert file.read_text() == "old"
    assert names_in(tmp_path) == ["status.json"]


def test_a_missing_folder_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere/a\.json: cannot write: No such file or directory"):
        write_json(tmp_path / "nowhere/a.json", {})


def test_the_default_folder_has_name_and_time_and_is_never_shared(tmp_path):
    folders = [create_run_folder(None, "demo", base=tmp_path) for _ in range(5)]
    assert len(set(folders)) == 5
    for folder in folders:
        assert folder.parent == tmp_path / "runs"
        assert re.fullmatch(r"demo-\d{8}-\d{6}(-\d)?", folder.name)
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("existing", [None, "parent", "folder"])
def test_a_named_folder_is_made_with_its_parents_or_used_if_empty(tmp_path, monkeypatch, existing):
    if existing:
        (tmp_path / ("a" if existing == "parent" else "a/b")).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert create_run_folder(Path("a/b"), "demo", base=Path("/elsewhere")) == tmp_path / "a/b"
    assert list((tmp_path / "a/b").iterdir()) == []


def test_a_folder_with_files_is_refused_and_not_touched(tmp_path):
    (tmp_path / "a").write_text("x")
    with pytest.raises(InputError, match=r"exists and is not empty \(choose another --out, or remove") as caught:
        create_run_folder(tmp_path, "demo", base=tmp_path)
    assert caught.value.exit_code == 2
    assert names_in(tmp_path) == ["a"]


@pytest.mark.parametrize("out", ["a", "a/b", "a/b/c"])
def test_a_file_in_the_way_is_refused(tmp_path, out):
    (tmp_path / "a").write_text("x")
    with pytest.raises(InputError, match=r"not a folder|cannot be made: (Not a directory|File exists)"):
        create_run_folder(tmp_path / out, "demo", base=tmp_path)
    assert (tmp_path / "a").read_text() == "x"


def test_the_default_folder_is_refused_where_runs_is_a_file(tmp_path):
    (tmp_path / "runs").write_text("x")
    with pytest.raises(InputError, match="cannot be made: File exists"):
        create_run_folder(None, "demo", base=tmp_path)


def test_an_unwritable_parent_is_refused(tmp_path):
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
                create_run_folder(out, "demo", base=tmp_path)
        with pytest.raises(InputError, match="Permission denied"):
            create_run_folder(None, "demo", base=locked)
    finally:
        if root:
            os.seteuid(0)
        locked.chmod(0o755)
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_is_refused_before_the_run_and_leaves_nothing(tmp_path, monkeypatch, existing):
    if existing:
        (tmp_path / "a/b").mkdir(parents=True)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folder, "sync_to_disk", full)
    with pytest.raises(InputError, match="cannot be made: No space left on device") as caught:
        create_run_folder(tmp_path / "a/b", "demo", base=tmp_path)
    assert caught.value.exit_code == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == (["a", "b"] if existing else [])


def test_provenance_says_what_made_the_run(monkeypatch, tmp_path):
    record = provenance(argv=["dtbsim", "run", "my config.yaml"], seed=7, ranks=3, threads=2, backend="cpu")
    assert record["command"] == "dtbsim run 'my config.yaml'"
    assert (record["seed"], record["ranks"], record["threads"], record["backend"]) == (7, 3, 2, "cpu")
    assert record["packages"]["numpy"] == np.__version__
    assert record["cores"] >= 1
    assert record["memory_bytes"] > 2**28
    assert record["finished"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", record["started"])
    assert json.loads(to_json(record)) == record


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


def test_the_commit_is_that_of_the_source_and_of_no_other_repository(monkeypatch, tmp_path):
    source = tmp_path / "run_folder.py"
    source.write_text("")
    monkeypatch.setattr(run_folder, "__file__", str(source))
    assert run_folder._source_commit() == (None, None)  # no repository
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert run_folder._source_commit() == (None, None)  # a repository that does not know the file
    git(tmp_path, "add", "run_folder.py")
    git(tmp_path, "commit", "-q", "-m", "x")
    commit, modified = run_folder._source_commit()
    assert re.fullmatch("[0-9a-f]{40}", commit)
    assert modified is False
    source.write_text("changed")
    assert run_folder._source_commit() == (commit, True)
