"""RUN/status.json: where a run is, for other programs that poll it; replaced as a whole, so never half a file."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from dtbsim.runtime.pace import Pace

INTERVAL_S = 0.5

State = Literal["running", "done", "failed", "interrupted"]


class StatusFile:
    """A progress sink that keeps status.json up to date, at most every `interval_s`; rank 0 only.

    Keys: state (running, done, failed, interrupted), stage, step, n_steps, biological_ms, rtf and eta_s (null while
    unknown), message (the error of a failed run), started, updated (ISO 8601 with offset), pid, host. A run whose
    `updated` is old and whose process is gone was killed. A file that cannot be written does not stop the run.
    """

    def __init__(
        self, run_dir: Path, *, interval_s: float = INTERVAL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = run_dir / "status.json"
        self._interval_s = interval_s
        self._clock = clock
        self._next_s = 0.0
        self._pace = Pace(clock())
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

    def finish(self, state: State, message: str | None = None) -> None:
        """Write how the run ended."""
        self._values.update(state=state, eta_s=None, message=message)
        self._write()

    def close(self) -> None:
        """Write the last values again, with their time."""
        self._write()

    def _write(self) -> None:
        self._next_s = self._clock() + self._interval_s
        self._values["updated"] = _now()
        _replace(self._path, self._values)


def mark_failed(run_dir: Path, message: str) -> None:
    """Say in status.json of a run that still counts as running that it failed; any rank may do so at the end."""
    mark_ended(run_dir, "failed", message)


def mark_ended(run_dir: Path, state: State, message: str) -> None:
    """Say in status.json of a run that still counts as running how it ended."""
    path = run_dir / "status.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(values, dict) and values.get("state") == "running":
        _replace(path, values | {"state": state, "message": message, "eta_s": None, "updated": _now()})


def _replace(path: Path, values: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        draft.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        draft.replace(path)


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")
