"""Run folders of strangers: right checksums over wrong contents, pipes and folders in place of files. One line each."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_samples import Cli, is_one_error_line
from tests.helpers.rich_run import write_rich_config

import dtbsim
from dtbsim.checksum import checked, with_checksum
from dtbsim.errors import EXIT_INPUT, EXIT_OK, InputError
from dtbsim.run_folder.repeat import check_repeat
from dtbsim.store.inspection import inspect_run

VALUES: list[Any] = [
    None, True, -1, 0, 10**30, 0.5, "", "x", "../../x", [], [None], ["x"], {}, {"x": 1}, [{"x": 1}], {"a/zarr.json": 3}
]  # fmt: skip
PIECES = ("provenance.json", "status.json", "stores/rates.published.json", "stores/spikes/rank_00000.published.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    return dtbsim.run(write_rich_config(folder / "given"), out=folder / "run").run_dir


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def mutated(values: dict[str, Any], generator: random.Random) -> dict[str, Any]:
    """The same with one entry at some depth left out or replaced."""
    key = generator.choice(sorted(values))
    inner = values[key]
    if isinstance(inner, list) and inner and isinstance(inner[0], dict) and generator.random() < 0.7:
        return values | {key: [mutated(inner[0], generator), *inner[1:]]}
    if isinstance(inner, dict) and inner and generator.random() < 0.5:
        return values | {key: mutated(inner, generator)}
    rest = {name: value for name, value in values.items() if name != key}
    return rest if generator.random() < 0.2 else rest | {key: generator.choice(VALUES)}


@pytest.mark.parametrize("name", PIECES)
def test_wrong_contents_with_a_right_checksum(folder: Path, name: str) -> None:
    generator, file = random.Random(name), folder / name
    values = checked(file.read_bytes())
    refused = 0
    for _ in range(150):
        file.write_text(with_checksum(mutated(values, generator)))
        run = dtbsim.open_run(folder)
        refused += bool(inspect_run(run))
        for read in (run.rates, run.spikes, run.spike_hash, lambda: check_repeat(folder / "config.yaml")):
            try:
                read()
            except InputError:
                refused += 1
    assert refused > 20 or name == "status.json"


@pytest.mark.parametrize(
    "files", [{"/etc/passwd": "0"}, {"inputs/../../x": "0"}, {"log.txt": "0"}, {"models/a.py": 1}, ["config.yaml"], "x"]
)
def test_a_folder_answers_for_its_own_files_alone(folder: Path, files: Any) -> None:
    values = checked((folder / "provenance.json").read_bytes())
    (folder / "provenance.json").write_text(with_checksum(values | {"files": files}))
    with pytest.raises(InputError, match=r"provenance\.json: damaged: 'files' must be digests of files in this folder"):
        _ = dtbsim.open_run(folder).config


def test_a_file_that_never_ends_is_not_read(folder: Path) -> None:
    values = checked((folder / "provenance.json").read_bytes())
    for path, size in (("/dev/zero", 0), ("/proc/kmsg", 10)):
        entry = {"key": "atlas", "given": "x", "file": None, "path": path, "bytes": size, "sha256": "0" * 64}
        (folder / "provenance.json").write_text(with_checksum(values | {"inputs": [entry]}))
        assert path in [error.where for error in inspect_run(dtbsim.open_run(folder), values=True)]
        with pytest.raises(InputError, match="the content is not that of the run"):
            check_repeat(folder / "config.yaml")


@pytest.mark.parametrize("kind", ["pipe", "folder", "loop"])
@pytest.mark.parametrize("name", ["network.json", *PIECES, "models/my_models.py", "inputs/populations.played.csv"])
def test_what_is_no_file_is_an_error_at_once(folder: Path, name: str, kind: str) -> None:
    file = folder / name
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to(file.name)
    run = dtbsim.open_run(folder)
    assert str(file) in [error.where for error in inspect_run(run, values=True)]


def test_commands_are_one_line(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capfd)
    assert cli("info", folder).code == EXIT_OK
    (folder / "provenance.json").unlink()
    os.mkfifo(folder / "provenance.json")
    for command in ("info", "hash", "report"):
        code, _, err = cli(command, folder)
        assert code == EXIT_INPUT
        assert is_one_error_line(err), err
        assert "provenance.json: a named pipe, not a file" in err
