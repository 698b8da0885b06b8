"""Damaged, foreign and unsafe files and folders of the kernel cache: compiled again or refused, never executed."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.by_day import by_day

from dtbsim.errors import EXIT_INPUT, InputError
from dtbsim.kernels import compiled_cache, kernel_cache
from dtbsim.kernels.compiled_cache import read_own, write_own
from dtbsim.kernels.update_kernel import UpdateKernel, get_update_kernel
from dtbsim.models import get_model

VARIANT = get_update_kernel(get_model("izhikevich")).variant
PROGRAM = """
import dtbsim, sys
config = {
    "simulation": {"dt_ms": 1, "duration_ms": 20, "threads": 1},
    "populations": {"E": {"model": "iaf_psc_delta", "size": 10, "parameters": {"I_e_pA": 900}}},
}
print(dtbsim.run(config, out=sys.argv[1]).spike_hash)
"""


def flipped(data: bytes, at: int, bit: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "a word": lambda data: b"not a pickle",
    "overwritten": lambda data: bytes(range(256)) * 8,
    "zeros": lambda data: bytes(len(data)),
    "cut": lambda data: data[: len(data) // 2],
    "cut by a byte": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "first bit": lambda data: flipped(data, 0, 0),
    "bit in the middle": lambda data: flipped(data, len(data) // 2, 4),
    "last bit": lambda data: flipped(data, -1, 7),
    "a pickle": lambda data: pickle.dumps({"any": "thing"}),
}


class Boom:
    """Whoever unpickles it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cache"
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(path))
    kernel_cache._warn_once.cache_clear()
    kernel_cache.warn_unsaved.cache_clear()
    return path


def compiled_hits() -> int:
    """Compile as another process would, with only what is on disk; 1 where the machine code was found there."""
    kernel = UpdateKernel(VARIANT)
    assert kernel.address != 0
    return int(kernel._module.kernel.cache_hits)


def file_of(folder: Path, suffix: str) -> Path:
    (path,) = (folder / "__pycache__").glob(f"*{suffix}")
    return path


# -- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_machine_code_is_compiled_again_and_replaced(
    folder: Path, suffix: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    compiled_hits()
    path = file_of(folder, suffix)
    broken = DAMAGES[damage](path.read_bytes())
    path.write_bytes(broken)
    assert compiled_hits() == 0
    assert path.read_bytes() != broken
    assert compiled_hits() == 1
    assert not caplog.records


def test_bits_anywhere_in_an_index_matter(folder: Path) -> None:
    compiled_hits()
    path = file_of(folder, ".nbi")
    data = path.read_bytes()
    assert read_own(path) is not None
    for position in [*range(8 * 40), *range(8 * 40, 8 * len(data), 13)]:
        path.write_bytes(flipped(data, position // 8, position % 8))
        assert read_own(path) is None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A cache that a whole run has filled, and the hash of its spikes."""
    folder = tmp_path_factory.mktemp("built")
    return folder / "cache", run_with(folder / "cache", folder / "run")


def run_with(cache: Path, out: Path) -> str:
    environ = os.environ | {"DTBSIM_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, "-c", PROGRAM, out], capture_output=True, text=True, env=environ)
    lines = done.stderr.splitlines()
    assert all(line.startswith("dtbsim: first run on this machine") for line in lines), done.stderr
    assert (done.returncode, len(lines) < 2) == (0, True)
    return done.stdout.strip()


@pytest.mark.slow
def test_a_plain_network_compiles_no_stage_of_others(built: tuple[Path, str]) -> None:
    """No drives that draw, no synapses with a state or drawn anew, one rank: the window alone."""
    names = {path.name.split("-")[0] for path in built[0].rglob("static-*/*.nbc")}
    assert "window.run_window" in names
    assert {name for name in names if name.startswith("stages.")} == set()


@pytest.mark.slow
@pytest.mark.parametrize("damage", by_day(["empty", "cut", "overwritten", "bit in the middle"], ["bit in the middle"]))
def test_a_run_compiles_anew_what_is_damaged(built: tuple[Path, str], tmp_path: Path, damage: str) -> None:
    """Files of some of the build's loops, which are quick to compile, and those of the generated kernel."""
    cache, expected = built
    shutil.copytree(cache, tmp_path / "cache")
    files = sorted((tmp_path / "cache").rglob("*.nb[ic]"), key=lambda path: path.stat().st_size)
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    assert len({path.parent for path in files}) == 2
    chosen = [path for path in files if path.parent.name == "__pycache__"]
    for suffix in (".nbi", ".nbc"):
        chosen += [path for path in files if path.suffix == suffix and path not in chosen][:2]
    broken = {path: DAMAGES[damage](path.read_bytes()) for path in chosen}
    for path, data in broken.items():
        path.write_bytes(data)
    assert run_with(tmp_path / "cache", tmp_path / "run") == expected
    assert all(path.read_bytes() != data for path, data in broken.items())


@pytest.mark.slow
def test_damaged_sources_and_byte_code_are_not_executed(built: tuple[Path, str], tmp_path: Path) -> None:
    cache, expected = built
    shutil.copytree(cache, tmp_path / "cache")
    for source in (tmp_path / "cache").rglob("*.py"):
        source.write_text("raise SystemExit('this was executed')\n")
        (source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc").write_bytes(b"byte code")
    assert run_with(tmp_path / "cache", tmp_path / "run") == expected


# -- what others could have written --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_planted_pickle_is_not_executed(folder: Path, tmp_path: Path, suffix: str) -> None:
    compiled_hits()
    path = file_of(folder, suffix)
    planted = pickle.dumps(Boom(tmp_path / "boom"))
    path.write_bytes(planted)
    assert compiled_hits() == 0
    content = planted if suffix == ".nbc" else f"{compiled_cache.numba_version()}\n".encode() + planted
    for plant in (path.write_bytes, lambda data: replaced_by_a_link(path, data)):
        plant(hashlib.sha256(content).digest() + content)
        if not path.is_symlink():
            path.chmod(0o666)  # as somebody else could have written it
        assert compiled_hits() == 0
    assert not (tmp_path / "boom").exists()
    write_own(path, content)  # the test can fail
    compiled_hits()
    assert (tmp_path / "boom").exists()


def replaced_by_a_link(path: Path, data: bytes) -> None:
    path.unlink()
    target = path.with_name("elsewhere")
    target.write_bytes(data)
    target.chmod(0o600)
    path.symlink_to(target)


def test_what_pickles_raise_is_no_error(folder: Path) -> None:
    compiled_hits()
    for suffix in (".nbi", ".nbc"):
        write_own(file_of(folder, suffix), b"checked, and no pickle")
        assert compiled_hits() == 0
        assert compiled_hits() == 1


def test_the_code_of_another_signature_is_not_taken(folder: Path) -> None:
    """Processes that start together may choose the same file for two signatures."""
    files = compiled_cache._CheckedFiles(str(folder), "f", "stamp")
    files.save("first", 1)
    assert files.load("first") == 1
    write_own(folder / "f.1.nbc", pickle.dumps(("second", 2)))
    assert files.load("first") is None
    files.save("second", 2)
    assert (files.load("first"), files.load("second")) == (None, 2)
    assert compiled_cache._CheckedFiles(str(folder), "f", "another stamp").load("second") is None


# -- folders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_folders_and_files_are_for_this_user_alone(folder: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        compiled_hits()
    finally:
        os.umask(before)
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(InputError, match=rf"others can write to it \(mode {mode:04o}\).*DTBSIM_CACHE_DIR") as caught:
        compiled_hits()
    assert str(folder) in str(caught.value)
    assert list(folder.iterdir()) == []
    with pytest.raises(InputError, match="others can write"):
        kernel_cache.check_cache()
    folder.chmod(0o700)
    kernel_cache.check_cache()
    compiled_hits()
    (folder / "__pycache__").chmod(0o777)
    with pytest.raises(InputError, match="__pycache__: this folder cannot be the kernel cache"):
        compiled_hits()


def test_a_folder_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(InputError, match=r"it belongs to the user .*machine code from it is executed"):
        kernel_cache.check_cache()
    with pytest.raises(InputError, match="it belongs to the user"):
        compiled_hits()


@pytest.mark.parametrize("unsafe", ["writable", "foreign"])
def test_a_run_with_an_unsafe_cache_is_one_line(folder: Path, tmp_path: Path, unsafe: str) -> None:
    folder.mkdir()
    folder.chmod(0o777 if unsafe == "writable" else 0o755)
    if unsafe == "foreign":
        if os.geteuid() != 0:
            pytest.skip("only root can give a folder to another user")
        os.chown(folder, 65534, 65534)
    config = tmp_path / "net.yaml"
    config.write_text("simulation: {dt_ms: 1, duration_ms: 2}\npopulations: {E: {model: qif, size: 1}}")
    command = [sys.executable, "-m", "dtbsim", "run", config, "--out", tmp_path / "run", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (EXIT_INPUT, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"dtbsim: error: {folder}: this folder cannot be the kernel cache")
    assert "set DTBSIM_CACHE_DIR to a folder of your own" in done.stderr
    assert not (tmp_path / "run").exists()
    assert list(folder.iterdir()) == []


def test_a_disk_that_does_not_take_machine_code_costs_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiled_cache, "write_own", full)
    assert compiled_hits() == 0
    assert compiled_hits() == 0
    (record,) = caplog.records
    assert "cannot be kept in" in record.getMessage()
