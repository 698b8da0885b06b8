"""A run can be repeated from its folder, wherever that is, whatever has become of the files it read."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_found import collect
from tests.helpers.rich_run import write_rich_config
from tests.helpers.small_atlas import LENGTHS_MM, REGIONS, WEIGHTS

import dtbsim
from dtbsim.config import load_config
from dtbsim.errors import InputError, StorageError
from dtbsim.mpi import run_ranks
from dtbsim.report import write_report
from dtbsim.run_folder import inputs
from dtbsim.run_folder.inputs import find_inputs
from dtbsim.simulate.prepare import check_same_inputs
from dtbsim.simulate.result import RunResult

LARGE = 10_001
"""Spikes given as arrays that are too many to stand in a configuration."""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return write_rich_config(tmp_path / "given")


@pytest.fixture
def result(given: Path, tmp_path: Path) -> RunResult:
    return dtbsim.run(given, out=tmp_path / "run")


def folder_atlas(folder: Path) -> Path:
    """The small atlas as a folder of files, some with the same content, and a licence."""
    folder.mkdir(parents=True)
    rows = [f"{name},{side},{k},{k + 1},{k + 2}" for k, (name, side) in enumerate(zip(REGIONS, "LLRRL", strict=True))]
    (folder / "regions.csv").write_text("\n".join(["name,hemisphere,x_mm,y_mm,z_mm", *rows]) + "\n")
    np.save(folder / "weights.npy", WEIGHTS)
    np.save(folder / "lengths_mm.npy", LENGTHS_MM)
    fc = np.eye(5) + 0.1 * np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    np.save(folder / "fc.npy", fc)
    np.save(folder / "fc_again.npy", fc)
    (folder / "LICENCE.txt").write_text("free")
    (folder / "thumbs.db").write_text("no part of it")
    return folder


def test_what_was_read_is_kept_and_recorded(given: Path, result: RunResult) -> None:
    folder, source = result.run_dir, given.parent
    config = load_config(folder / "config.yaml")
    assert config.atlas == "inputs/atlas/brain.npz"
    assert config.populations["played"].spikes_file == "inputs/populations.played.csv"
    train: Any = config.drives["train"]
    assert train.file == "inputs/drives.train.npz"
    entries = {entry["key"]: entry for entry in result.open().provenance["inputs"]}
    for key, text, file in (
        ("atlas", "data/brain.npz", "inputs/atlas/brain.npz"),
        ("populations.played.spikes_file", "played.csv", "inputs/populations.played.csv"),
        ("drives.train.file", "train.npz", "inputs/drives.train.npz"),
    ):
        path = source / text
        assert (folder / file).read_bytes() == path.read_bytes()
        size = path.stat().st_size
        row = {"key": key, "given": text, "file": file, "path": str(path), "bytes": size, "sha256": sha256(path)}
        assert entries[key] == row
    files = result.open().provenance["files"]
    assert {name: sha256(folder / name) for name in files} == files
    assert set(files) == {"config.yaml", "models/my_models.py", *(entry["file"] for entry in entries.values())}


def test_the_run_is_repeated_from_anywhere_when_its_sources_are_gone(
    given: Path, result: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(given.parent)
    moved = tmp_path / "other disk" / "kept"
    moved.parent.mkdir()
    shutil.move(result.run_dir, moved)
    monkeypatch.chdir(tmp_path / "other disk")
    again = dtbsim.run("kept/config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash
    third = dtbsim.run(tmp_path / "again" / "config.yaml", out=tmp_path / "third")
    assert third.spike_hash == result.spike_hash
    assert third.open().provenance["inputs"][0]["path"] == str(tmp_path / "again/inputs/atlas/brain.npz")


def test_a_moved_run_keeps_its_whole_report(given: Path, result: RunResult, tmp_path: Path) -> None:
    before = collect(result.run_dir)
    assert before.brain is not None
    shutil.rmtree(given.parent)
    moved = shutil.move(result.run_dir, tmp_path / "moved")
    after = collect(moved)
    assert after.brain is not None
    assert (after.brain.regions, after.absent, after.missing) == (before.brain.regions, before.absent, [])
    write_report(moved)


def test_an_atlas_in_a_folder_is_kept_with_its_texts(given: Path, tmp_path: Path) -> None:
    atlas = folder_atlas(given.parent / "my brain")
    result = dtbsim.run(given, set=["atlas=my brain"], out=tmp_path / "run")
    kept = result.run_dir / "inputs/atlas/my brain"
    assert sorted(path.name for path in kept.iterdir()) == [
        "LICENCE.txt", "fc.npy", "fc_again.npy", "lengths_mm.npy", "regions.csv", "weights.npy"
    ]  # fmt: skip
    assert load_config(result.run_dir / "config.yaml").atlas == "inputs/atlas/my brain"
    assert {entry["given"] for entry in result.open().inputs if entry["key"] == "atlas"} == {"my brain"}
    shutil.rmtree(atlas)
    again = dtbsim.run(result.run_dir / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash
    assert collect(tmp_path / "again").brain is not None


def test_a_file_that_several_keys_name_is_kept_once(given: Path, tmp_path: Path) -> None:
    text = given.read_text().replace("file: train.npz", "file: played.csv")
    given.write_text(text)
    result = dtbsim.run(given, out=tmp_path / "run")
    config = load_config(result.run_dir / "config.yaml")
    train: Any = config.drives["train"]
    assert train.file == config.populations["played"].spikes_file == "inputs/populations.played.csv"
    assert not list((result.run_dir / "inputs").glob("drives*"))
    again = dtbsim.run(result.run_dir / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash


def test_a_bundled_atlas_is_named_and_hashed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = {
        "atlas": "dk68",
        "simulation": {"dt_ms": 1, "duration_ms": 5, "threads": 1},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 1, "regions": "all"}},
    }
    result = dtbsim.run(config, out=tmp_path / "run")
    from dtbsim.atlas import find_atlas

    (entry,) = result.open().inputs
    source = find_atlas("dk68")
    assert (entry["given"], entry["file"], entry["path"]) == ("dk68", None, None)
    assert (entry["bytes"], entry["sha256"]) == (source.stat().st_size, sha256(source))
    assert load_config(result.run_dir / "config.yaml").atlas == "dk68"
    assert not (result.run_dir / "inputs").exists()
    dtbsim.run(result.run_dir / "config.yaml", out=tmp_path / "again")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_atlas_of_another_version_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from dtbsim.run_folder import repeat

    monkeypatch.setattr(repeat, "sha256_of_file", lambda path: "0" * 64)
    repeat._check_input({"key": "atlas", "given": "dk68", "file": None, "path": None, "sha256": "1" * 64})
    assert "the atlas dk68 of this version is not the one that the run used" in caplog.text


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_COPIED_BYTES", 1000)


def test_what_is_large_is_referenced_by_its_hash(given: Path, tmp_path: Path, small_limit: None) -> None:
    result = dtbsim.run(given, out=tmp_path / "run")
    atlas = given.parent / "data/brain.npz"
    assert sorted(path.name for path in (result.run_dir / "inputs").iterdir()) == [
        "drives.train.npz",
        "populations.played.csv",
    ]
    assert load_config(result.run_dir / "config.yaml").atlas == str(atlas)
    entry = result.open().inputs[0]
    assert (entry["file"], entry["path"], entry["sha256"]) == (None, str(atlas), sha256(atlas))
    again = dtbsim.run(result.run_dir / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash
    assert not collect(result.run_dir).missing


@pytest.mark.parametrize("change", ["gone", "other", "same size"])
def test_a_referenced_file_that_has_changed_is_an_error(
    given: Path, tmp_path: Path, small_limit: None, change: str
) -> None:
    result = dtbsim.run(given, out=tmp_path / "run")
    atlas = given.parent / "data/brain.npz"
    digest = sha256(atlas)
    if change == "gone":
        atlas.unlink()
    else:
        data = bytearray(atlas.read_bytes())
        data[40] ^= 1
        atlas.write_bytes(data if change == "same size" else data + b"x")
    with pytest.raises(InputError, match=digest) as caught:
        dtbsim.run(result.run_dir / "config.yaml", out=tmp_path / "again")
    assert str(atlas) in str(caught.value)
    assert "atlas needs the file" in str(caught.value)
    with pytest.raises(InputError, match=r"report\.html: the report is written, but not complete; missing: the atlas"):
        write_report(result.run_dir)
    page = (result.run_dir / "report.html").read_text()
    assert "This report is not complete. Missing: the atlas" in page
    assert (tmp_path / "again").exists() is False


def test_an_edited_configuration_in_the_folder_is_refused_and_a_copy_runs(result: RunResult, tmp_path: Path) -> None:
    path = result.run_dir / "config.yaml"
    path.write_text(path.read_text().replace("seed: 3", "seed: 4"))
    with pytest.raises(InputError, match=r"config\.yaml: damaged: the content is not that of the run \(.*copy it"):
        dtbsim.run(path, out=tmp_path / "again")
    copy = tmp_path / "copy"
    shutil.copytree(result.run_dir, copy, ignore=shutil.ignore_patterns("*.json", "stores", "log.txt"))
    assert dtbsim.run(copy / "config.yaml", out=tmp_path / "other").spike_hash != result.spike_hash


def test_a_file_named_config_yaml_elsewhere_is_nothing_special(tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("of another program: {")
    (tmp_path / "config.yaml").write_text(
        "simulation: {dt_ms: 1, duration_ms: 2}\npopulations: {E: {model: qif, size: 1}}"
    )
    dtbsim.run(tmp_path / "config.yaml", out=tmp_path / "run")


def test_spikes_given_as_arrays_become_files_with_a_hash(tmp_path: Path) -> None:
    spikes = {"neuron": np.zeros(LARGE, int), "time_ms": np.arange(1, LARGE + 1) * 0.5}
    config = {
        "simulation": {"dt_ms": 0.5, "duration_ms": 50, "threads": 1},
        "populations": {"P": {"model": "spike_source", "size": 1, "spikes": spikes}},
    }
    result = dtbsim.run(config, out=tmp_path / "run")
    (entry,) = result.open().inputs
    file = result.run_dir / "inputs/populations.P.npz"
    assert entry == {
        "key": "populations.P.spikes_file",
        "given": None,
        "file": "inputs/populations.P.npz",
        "path": None,
        "bytes": file.stat().st_size,
        "sha256": sha256(file),
    }
    again = dtbsim.run(result.run_dir / "config.yaml", out=tmp_path / "again")
    assert again.spike_hash == result.spike_hash
    assert sha256(tmp_path / "again/inputs/populations.P.npz") == entry["sha256"]


def test_a_file_that_changes_while_the_run_is_prepared_is_an_error(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = inputs._copy

    def copy(file: Any, *arguments: Any) -> None:
        with file.path.open("ab") as stream:
            stream.write(b"1,25.0\n")
        real(file, *arguments)

    monkeypatch.setattr(inputs, "_copy", copy)
    with pytest.raises(InputError, match="changed while the run was prepared"):
        dtbsim.run(given, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_disk_that_does_not_take_the_copies_leaves_no_folder(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(inputs, "sync_to_disk", full)
    with pytest.raises(StorageError, match=r"brain\.npz: cannot write: No space left on device"):
        dtbsim.run(given, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nodes_with_other_files_are_told_apart(given: Path) -> None:
    found = find_inputs(load_config(given), given.parent)
    (given.parent / "played.csv").write_text("neuron,time_ms\n0,11.0\n")
    other = find_inputs(load_config(given), given.parent)

    def check(comm: Any) -> str:
        try:
            check_same_inputs([found, [], other][comm.rank], comm)
        except InputError as error:
            return str(error)
        return ""

    (said,) = set(run_ranks(3, check))
    assert said.startswith("populations.played.spikes_file: the file on the node of rank 2 is not that")
    assert run_ranks(2, lambda comm: check_same_inputs([found, found][comm.rank], comm)) == [None, None]


def test_the_record_is_plain_json(result: RunResult) -> None:
    plain = json.loads((result.run_dir / "provenance.json").read_text())
    assert (plain["format"], len(plain["sha256"])) == (2, 64)
    assert plain["inputs"] == result.open().provenance["inputs"]
