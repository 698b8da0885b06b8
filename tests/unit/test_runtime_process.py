"""Which process is meant: its number and its start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dtbsim.runtime import process
from dtbsim.runtime.process import has_ended, process_start
from dtbsim.runtime.status import StatusFile
from dtbsim.store.files import read_checked


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_the_start_of_this_process_lies_in_the_past_and_stays() -> None:
    started = process_start(os.getpid())
    assert started is not None
    boot, _, ticks = started.partition("/")
    assert re.fullmatch(r"[0-9a-f-]{36}", boot)
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    age_s = uptime_s - int(ticks) / os.sysconf("SC_CLK_TCK")
    assert 0 <= age_s <= uptime_s
    assert process_start(os.getpid()) == started


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    with sleeper() as child:
        started = process_start(child.pid)
        assert not has_ended(child.pid, started)
        assert not has_ended(child.pid, None)
        assert has_ended(child.pid, "another boot/1")
        assert has_ended(child.pid, f"{str(started).partition('/')[0]}/1")
        child.kill()
        give_up_s = time.monotonic() + 10
        while not has_ended(child.pid, started) and time.monotonic() < give_up_s:
            time.sleep(0.01)
        assert has_ended(child.pid, started), "it has ended, and its parent has not noticed yet"
        assert has_ended(child.pid, None)
        child.wait()
    assert has_ended(child.pid, started)
    assert process_start(child.pid) is None


def test_a_name_with_blanks_and_parentheses_does_not_confuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "4711"
    folder.mkdir()
    (folder / "stat").write_text(f"4711 (a) Z (b) {' '.join(['S', *map(str, range(1, 40))])}\n")
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text("abc\n")
    monkeypatch.setattr(process, "_PROC", tmp_path)
    assert process_start(4711) == "abc/19"


def test_where_the_machine_does_not_tell_the_number_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PROC", tmp_path)
    assert process_start(os.getpid()) is None
    assert not has_ended(os.getpid(), "any/1")


def test_the_status_of_a_run_names_the_start_of_its_process(tmp_path: Path) -> None:
    StatusFile(tmp_path)
    values = read_checked(tmp_path / "status.json", missing="")
    assert (values["pid"], values["pid_started"]) == (os.getpid(), process_start(os.getpid()))
