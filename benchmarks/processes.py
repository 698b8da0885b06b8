"""Processes that a benchmark has started, wherever launchers put them: they carry a mark in their environment."""

from __future__ import annotations

import os
import signal
import time
import uuid
from pathlib import Path

_NAME, _VALUE = "DTBSIM_BENCHMARK", uuid.uuid4().hex
MARKED = {_NAME: _VALUE}
"""What belongs into the environment of all that is started."""
_MARK = f"{_NAME}={_VALUE}".encode()


def members() -> list[int]:
    """All that live: launchers, their helpers, the ranks, theirs."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if _MARK in _read(pid, "environ").split(b"\0") and not _is_dead(pid)]


def ranks() -> list[int]:
    """Those that are ranks of a job, or the one process that there is."""
    every = [pid for pid in members() if b"supervisor" not in _read(pid, "cmdline")]
    environs = {pid: _read(pid, "environ").split(b"\0") for pid in every}
    found = [pid for pid in every if any(entry.startswith(b"PMI_RANK=") for entry in environs[pid])]
    return found or every


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def kill(pid: int) -> None:
    """Kill a process, if it lives."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def kill_all() -> None:
    """Kill what is left of them, and wait for its end."""
    end_s = time.monotonic() + 30.0
    while (left := members()) and time.monotonic() < end_s:
        for pid in left:
            kill(pid)
        time.sleep(0.02)


def _is_dead(pid: int) -> bool:
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return not fields or fields[0] == b"Z"
