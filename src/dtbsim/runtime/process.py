"""Which process is meant: its number comes again after a while, number and start do not."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")
_STATE, _START = 0, 19  # fields of /proc/PID/stat after the name, which may hold blanks and parentheses
_ENDED = ("Z", "X", "x")


def process_start(pid: int) -> str | None:
    """Return when a process of this machine started, as `BOOT/TICKS`: the boot of the machine and clock ticks since.

    None where there is no such process or the machine does not tell.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{int(_fields(pid)[_START])}"
    except (OSError, ValueError, IndexError):
        return None


def has_ended(pid: int, started: str | None) -> bool:
    """Whether the process with this number and start (None: not known) is no more; only its own machine can tell.

    One that has ended and waits for its parent to notice counts as ended.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # it belongs to somebody else
        pass
    try:
        fields = _fields(pid)
    except (OSError, ValueError):
        return False
    now = process_start(pid)
    return fields[:1] in ([state] for state in _ENDED) or (None not in (started, now) and started != now)


def _fields(pid: int) -> list[str]:
    text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()
