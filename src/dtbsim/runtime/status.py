"""RUN/status.json: where a run is, for other programs that poll it; replaced as a whole, and with a checksum."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from dtbsim.checksum import DamagedError, checked, with_checksum
from dtbsim.errors import StorageError
from dtbsim.runtime.pace import Pace
from dtbsim.runtime.process import process_start

INTERVAL_S = 0.5

State = Literal["running", "done", "failed", "interrupted"]


class StatusFile:
    """A progress sink that keeps status.json up to date, at most every `interval_s`; rank 0 only.

    Keys: state (running, done, failed, interrupted), stage, step, n_steps, biological_ms, rtf and eta_s (null while
    unknown), message (the error of a failed run), started, updated (ISO 8601 with offset), pid, pid_started, host. A
    run that says `running` and whose process is gone was killed. A disk that does not take the file does not stop the
    run; `check` tells whether the file is still there.
    """

    def __init__(
        self, run_dir: Path, *, interval_s: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = run_dir / "status.json"
        self._interval_s = interval_s
        self._clock = clock
        self._next_s = 0.0
        self._pace = Pace(clock())
        self._written = False
        self._next_check_s = 0.0
        self._values: dict[str, Any] = {
            "state": "running",
            "stage": "start",
            "step": 0,
            "n_steps": 0,
            "biological_ms": 0.0,
            "rtf": None,
            "eta_s": None,
            "message": None,
            "started": _now(),
            "updated": _now(),
            "pid": os.getpid(),
            "pid_started": process_start(os.getpid()),
            "host": socket.gethostname(),
        }
        self._write()

    def stage(self, name: str) -> None:
        """A stage begins: written at once. Step, time and pace of the simulation stay until it advances."""
        self._pace = Pace(self._clock())
        self._values.update(stage=name, rtf=None, eta_s=None)
        self._write()

    def advance(self, step: int, n_steps: int, dt_ms: float = 0.0) -> None:
        """Note the steps of the simulation (`dt_ms` > 0); other stages have no steps here."""
        if dt_ms <= 0:
            return
        now_s = self._clock()
        if now_s < self._next_s and step < n_steps:
            self._values.update(step=step, n_steps=n_steps, biological_ms=step * dt_ms)  # for the end, if it is now
            return
        reading = self._pace.look(now_s, step, n_steps, dt_ms)
        self._values.update(
            step=step, n_steps=n_steps, biological_ms=reading.biological_ms, rtf=reading.rtf, eta_s=reading.eta_s
        )
        self._write()

    def note(self, text: str) -> None:
        """Not kept here."""

    def announce(self, text: str) -> None:
        """Not kept here."""

    def finish(self, state: State, message: str | None = None) -> bool:
        """Write how the run ended; return whether the disk took it."""
        self._values.update(state=state, eta_s=None, message=message)
        return self._write()

    def close(self) -> None:
        """Write the last values again, with their time."""
        self._write()

    def check(self) -> None:
        """Raise StorageError where the file has vanished, or is that of another run by now; looks now and then."""
        now_s = self._clock()
        if now_s < self._next_check_s:
            return
        self._next_check_s = now_s + self._interval_s
        if self._written and not self._is_mine():
            raise StorageError(
                "the run folder was removed, moved or taken by another run while this one was at work",
                where=str(self._path.parent),
                remedy="repeat the run, and leave its folder in place until it has ended",
            )

    def _write(self) -> bool:
        self._next_s = self._clock() + self._interval_s
        self._values["updated"] = _now()
        done = (not self._written or self._is_mine()) and _replace(self._path, self._values)
        self._written |= done
        return done

    def _is_mine(self) -> bool:
        try:
            found = checked(self._path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return False
        except (OSError, DamagedError):  # it is there, and is about to be replaced
            return True
        return all(found.get(key) == self._values[key] for key in ("started", "pid", "pid_started", "host"))


def mark_failed(run_dir: Path, message: str) -> None:
    """Say in status.json of a run that still counts as running that it failed; any rank may do so at the end."""
    mark_ended(run_dir, "failed", message)


def mark_ended(run_dir: Path, state: State, message: str) -> None:
    """Say in status.json of a run that still counts as running how it ended."""
    path = run_dir / "status.json"
    try:
        values = checked(path.read_bytes())
    except (OSError, DamagedError):
        return
    if values.get("state") == "running":
        _replace(path, values | {"state": state, "message": message, "eta_s": None, "updated": _now()})


def _replace(path: Path, values: dict[str, Any]) -> bool:
    """Return whether the disk took it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        draft.write_text(with_checksum(values), encoding="utf-8")
        draft.replace(path)
        return True
    return False


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")
