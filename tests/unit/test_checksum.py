"""JSON files that know whether they are whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dtbsim.checksum import FORMAT, DamagedError, checked, has_checksum, with_checksum
from dtbsim.runtime import supervisor

VALUES = {"state": "running", "step": 12, "eta_s": None, "rates": [1.5, -2e-300, {"name": "Å\n\"'"}], "done": False}


def flips(data: bytes) -> Iterator[bytes]:
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        yield bytes(damaged)


def assert_damaged(data: bytes) -> None:
    with pytest.raises(DamagedError):
        checked(data)


@pytest.mark.parametrize("values", [{}, VALUES, {"text": "bytes that were no UTF-8: \udcff"}])
def test_values_come_back_without_format_and_checksum(values: dict[str, object]) -> None:
    data = with_checksum(values).encode()
    assert checked(data) == values
    plain = json.loads(data)
    assert (plain.pop("format"), len(plain.pop("sha256"))) == (FORMAT, 64)
    assert plain == values


@pytest.mark.parametrize("values", [{}, VALUES])
def test_every_flipped_bit_is_seen(values: dict[str, object]) -> None:
    for damaged in flips(with_checksum(values).encode()):
        assert_damaged(damaged)
        assert has_checksum(damaged), "it cannot be taken for a file of version 0.1"


def test_every_cut_and_every_lost_or_doubled_line_is_seen() -> None:
    data = with_checksum(VALUES).encode()
    lines = data.splitlines(keepends=True)
    for end in range(len(data)):
        assert_damaged(data[:end])
    for k in range(len(lines)):
        assert_damaged(b"".join([*lines[:k], *lines[k + 1 :]]))
        assert_damaged(b"".join([*lines[: k + 1], *lines[k:]]))
    assert_damaged(data + data)
    assert_damaged(bytes(len(data)))


def test_the_values_of_another_file_do_not_fit_its_checksum() -> None:
    mine, other = (with_checksum({"rows": rows}).splitlines(keepends=True) for rows in (100, 200))
    assert_damaged("".join([*mine[:-2], *other[-2:]]).encode())


def test_files_of_version_0_1_have_no_checksum() -> None:
    assert checked(b'{"rows": 3, "format": 1}') == {"rows": 3, "format": 1}
    assert checked(json.dumps(VALUES, indent=2).encode()) == VALUES
    for broken in (b"", b"{", b"[]", b"null", b"\xff", b'{"a": ' * 100_000):
        assert_damaged(broken)


def test_a_later_format_is_named() -> None:
    body = '{\n  "format": 3,\n'
    data = with_checksum({}).replace('{\n  "format": 2,\n', body)
    assert_damaged(data.encode())
    right = f'{body}  "sha256": "{hashlib.sha256(body.encode()).hexdigest()}"\n}}\n'
    with pytest.raises(DamagedError, match="format 3, this version reads 2"):
        checked(right.encode())


def test_other_tools_compute_the_same_checksum(tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    (tmp_path / "a.json").write_text(with_checksum(VALUES), encoding="utf-8")
    command = "head -n -2 a.json | sha256sum"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == json.loads((tmp_path / "a.json").read_text())["sha256"]


def test_the_supervisor_loads_the_same_code_by_its_path() -> None:
    module = supervisor.checksum_module()
    assert module.checked(with_checksum(VALUES).encode()) == VALUES
    assert module.with_checksum(VALUES) == with_checksum(VALUES)
