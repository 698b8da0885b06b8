"""The cache of generated kernels: found again, repaired, replaced, shared by processes."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dtbsim.kernels import kernel_cache
from dtbsim.kernels.update_kernel import UpdateKernel, get_update_kernel
from dtbsim.models import get_model

VARIANT = get_update_kernel(get_model("izhikevich")).variant
REPORT = """
from dtbsim.kernels.update_kernel import get_update_kernel
from dtbsim.models import get_model
print("hits", get_update_kernel(get_model("izhikevich"))._module.kernel.cache_hits)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cache"
    monkeypatch.setenv("DTBSIM_CACHE_DIR", str(path))
    kernel_cache._warn_once.cache_clear()
    return path


def compile_again() -> UpdateKernel:
    """As another process would: nothing in memory, only what is on disk."""
    kernel = UpdateKernel(VARIANT)
    assert kernel.address != 0
    return kernel


def hits(kernel: UpdateKernel) -> int:
    return int(kernel._module.kernel.cache_hits)


def test_the_folder_is_configurable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DTBSIM_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kernel_cache.cache_dir() == tmp_path / "dtbsim" / "kernels"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert kernel_cache.cache_dir() == Path("~/.cache/dtbsim/kernels").expanduser()
    monkeypatch.setenv("DTBSIM_CACHE_DIR", "~/here")
    assert kernel_cache.cache_dir() == Path("~/here").expanduser()


def test_machine_code_is_found_again(folder: Path) -> None:
    assert hits(compile_again()) == 0
    (source,) = folder.glob("update_izhikevich_*.py")
    stamp = source.stat().st_mtime_ns
    again = compile_again()
    assert hits(again) == 1
    assert again.assembly == ""
    assert source.stat().st_mtime_ns == stamp
    assert [path.suffix for path in folder.iterdir() if path.is_file()] == [".py"], "no temporary file is left"


def test_another_process_finds_the_machine_code(folder: Path) -> None:
    compile_again()
    done = subprocess.run([sys.executable, "-c", REPORT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "hits 1"


def test_processes_that_start_together_share_the_cache(folder: Path) -> None:
    starts = [subprocess.Popen([sys.executable, "-c", REPORT], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in starts:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert hits(compile_again()) == 1


@pytest.mark.parametrize("damage", ["", "kernel = 1\n", "def kernel(:\n", "\x00"])
def test_a_damaged_source_is_replaced(folder: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    good = compile_again()
    (source,) = folder.glob("update_izhikevich_*.py")
    text = source.read_text()
    source.write_text(damage)
    assert compile_again().constant_order == good.constant_order
    assert source.read_text() == text
    assert not caplog.records


def test_an_unusable_folder_is_replaced_with_one_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert compile_again().address
        assert hits(compile_again()) == 1
    (record,) = caplog.records
    assert str(folder) in record.getMessage()
    assert "DTBSIM_CACHE_DIR" in record.getMessage()


def test_an_error_of_the_kernel_itself_is_raised(folder: Path) -> None:
    def fail(module: object) -> None:
        raise ValueError("the kernel's own fault")

    with pytest.raises(ValueError, match="own fault"):
        kernel_cache.build("x = 1\n", "broken", fail)


def test_concurrent_writers_leave_one_whole_file(tmp_path: Path) -> None:
    text = "x = 1\n" * 20_000
    threads = [threading.Thread(target=kernel_cache.write_once, args=(tmp_path, "k.py", text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["k.py"]
    assert (tmp_path / "k.py").read_text() == text
