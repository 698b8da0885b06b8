"""Small files are replaced as a whole and checked when read; the record of what made a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dtbsim.errors import StorageError
from dtbsim.run_folder import origin, provenance
from dtbsim.store.files import read_checked, to_json, write_checked, write_text


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
    write_checked(file, {"a": 1}, durable=durable)
    write_checked(file, {"a": 2}, durable=durable)
    assert json.loads(file.read_text())["a"] == 2
    assert read_checked(file, missing="repeat the run") == {"a": 2}
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
        write_checked(tmp_path / "nowhere/a.json", {})


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
    source = tmp_path / "origin.py"
    source.write_text("")
    monkeypatch.setattr(origin, "__file__", str(source))
    assert origin._source_commit() == (None, None)  # no repository
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert origin._source_commit() == (None, None)  # a repository that does not know the file
    git(tmp_path, "add", "origin.py")
    git(tmp_path, "commit", "-q", "-m", "x")
    commit, modified = origin._source_commit()
    assert re.fullmatch("[0-9a-f]{40}", commit)
    assert modified is False
    source.write_text("changed")
    assert origin._source_commit() == (commit, True)
