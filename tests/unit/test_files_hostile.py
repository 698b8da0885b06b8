"""What is no regular file is not opened; texts, JSON and long lists of strangers end in one line, at once."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.hostile_files import refused

import dtbsim
from dtbsim.errors import InputError
from dtbsim.files import open_regular, read_hdf5, read_json, read_npy, read_npz, text_lines
from dtbsim.files.limits import MIB, MOST_LINE

# -- what is no file -----------------------------------------------------------------------------------------------


def pipe(path: Path) -> None:
    os.mkfifo(path)


def to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def socket_file(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [(pipe, "a named pipe"), (to_device, "a device"), (socket_file, "a socket"), (Path.mkdir, "a folder")],
)
def test_only_regular_files_are_opened(tmp_path: Path, make: Any, words: str) -> None:
    path = tmp_path / "x.yaml"
    make(path)
    for read in (open_regular, read_npz, read_npy, read_json, read_hdf5, lambda path: next(text_lines(path, 10, ""))):
        assert refused(read, path) == f"{words}, not a file (give a regular file; copy into one first)"
    with pytest.raises(InputError, match=words):
        dtbsim.load_config(path)
    named = "a folder" if make is Path.mkdir else words
    config = {"simulation": {"duration_ms": 1}, "populations": {"S": {"model": "spike_source", "size": 1}}}
    for suffix in (".npz", ".csv"):
        other = path.rename(path.with_suffix(suffix))
        config["populations"]["S"]["spikes_file"] = str(other)  # type: ignore[index]
        with pytest.raises(InputError, match=named):
            dtbsim.validate(config)
        path = other
    if make is not Path.mkdir:
        for suffix in (".npz", ".h5"):
            with pytest.raises(InputError, match=words):
                dtbsim.load_atlas(path.rename(path.with_suffix(suffix)))
            path = path.with_suffix(suffix)


def test_files_of_an_atlas_folder_are_regular_files(tmp_path: Path) -> None:
    (tmp_path / "regions.csv").write_text("name,x_mm,y_mm,z_mm\na,1,2,3\nb,2,3,4\n")
    for name in ("weights.csv", "fc.npy", "weights.npz", "atlas.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="a named pipe, not a file"):
            dtbsim.load_atlas(tmp_path)
        (tmp_path / name).unlink()


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    (tmp_path / "b.npz").symlink_to("a.npz")
    assert read_npz(tmp_path / "b.npz")["x"].tolist() == [0, 1, 2]


# -- JSON and tables -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 500 + "1" + "}" * 500, "nested more than 100 deep"),
        ("1" * 10_000, "is not usable"),
        ('{"a": "\\ud800"}', r"\ud800 in the text '\ud800' is no character"),
        ('{"a\\u0000": 1}', r"\u0000 in the text 'a\x00' is no character"),
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ("nul", "is not valid JSON"),
    ],
)
def test_json_that_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert told in refused(read_json, path)


def test_json_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    values = {"a": [1, 2.5, None, True, "ü😀"], "b": {"c": {}}}
    path.write_text(json.dumps(values))
    assert read_json(path) == values
    path.write_bytes(b"\xef\xbb\xbf[1]")
    assert read_json(path) == [1]


def test_lines_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a\r\n" + b"x" * (MOST_LINE + 1))
    lines = text_lines(path, 100 * MIB, "")
    assert next(lines) == "a\r\n"
    with pytest.raises(InputError, match=rf"a\.csv:2: the line has more than {MOST_LINE:,} characters"):
        next(lines)
    assert "the file has 8.39 MB; at most 1.05 MB are read (make it smaller)" in refused(
        lambda path: next(text_lines(path, MIB, "make it smaller")), path
    )


# -- long lists ----------------------------------------------------------------------------------------------------


def test_lists_of_a_million_entries_are_taken_in_linear_time() -> None:
    n = 1_000_000
    drive = dtbsim.DCDrive(target="E", amplitude=1, neurons=list(range(n)))
    assert len(drive.neurons) == n  # type: ignore[arg-type]
    for given, told in (
        ([*range(n), 5], "neurons names 5 twice"),
        (["x"] * n, "got 'x'"),
        ([-1] * n, "got -1"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            dtbsim.DCDrive(target="E", amplitude=1, neurons=given)
        assert len(str(caught.value)) < 20_000
    names = [f"r{k}" for k in range(100_000)]
    config: dict[str, Any] = {
        "simulation": {"duration_ms": 1},
        "populations": {"E": {"model": "iaf_psc_exp", "size": 1}},
        "record": {"spikes": {"populations": [*names, *names]}},
    }
    with pytest.raises(InputError, match="no population 'r0'") as caught:
        dtbsim.validate(config)
    assert len(str(caught.value)) < 20_000
