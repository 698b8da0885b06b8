"""Jobs as processes of their own: started alone or under mpiexec, waited for, hit by signals, looked for afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import pytest

MPIEXEC = Path(sys.executable).with_name("mpiexec")
_LAUNCHERS = ("PMI_", "PMIX_", "OMPI_", "MPI_", "MV2_", "DTBSIM_MPI")
_MARK = "DTBSIM_TEST_JOB"
_LOOK_S = 0.02

needs_mpiexec = [
    pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no mpiexec beside {sys.executable}: pip install 'dtbsim[mpi]'"),
    pytest.mark.skipif("PMI_RANK" in os.environ, reason="within an MPI job; run these tests without mpiexec"),
]


def _listen() -> None:
    """Let signals end the job also where the tests were started in the background, or with nohup, which ignore some."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Outcome(NamedTuple):
    """How a job ended; `seconds` since it was started or hit."""

    code: int
    out: str
    err: str
    seconds: float


class Job:
    """`python ARGUMENTS` on some ranks; every process of it carries a mark in its environment. Use with `with`."""

    def __init__(
        self, arguments: Sequence[str | Path], *, ranks: int = 1, cwd: Path | None = None, module: bool = True
    ) -> None:
        """Without `module` ranks are started as `python ARGUMENTS` and not as `python -m mpi4py ARGUMENTS`."""
        self._mark = f"{_MARK}={uuid.uuid4().hex}".encode()
        key, _, value = self._mark.decode().partition("=")
        environ = {name: text for name, text in os.environ.items() if not name.startswith(_LAUNCHERS)} | {key: value}
        launch = [str(MPIEXEC), "-n", str(ranks)] if ranks > 1 else []
        launch += [sys.executable, *(["-m", "mpi4py"] if ranks > 1 and module else [])]
        self._since_s = time.monotonic()
        self.process = subprocess.Popen(
            [*launch, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=environ,
            start_new_session=True,
            preexec_fn=_listen,
        )

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)
        self.process.communicate()

    def wait_until(self, condition: Callable[[], bool], what: str, limit_s: float = 120.0) -> None:
        """Return when `condition()` is true; fail when the job ends before, or after `limit_s`."""
        end_s = time.monotonic() + limit_s
        while not condition():
            if self.process.poll() is not None:
                out, err = self.process.communicate()
                pytest.fail(f"the job ended with {self.process.returncode} before {what}\n{out}\n{err}")
            if time.monotonic() > end_s:
                pytest.fail(f"{what} did not come within {limit_s:g} s")
            time.sleep(_LOOK_S)

    def hit(self, number: signal.Signals, *, rank: int | None = None, group: bool = False) -> None:
        """Send a signal to a rank, to the process that was started, or to its whole group as a terminal does."""
        self._since_s = time.monotonic()
        if rank is not None:
            os.kill(self.rank_pids()[rank], number)
        elif group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def finish(self, limit_s: float) -> Outcome:
        """Wait for the end; fail when it does not come within `limit_s` (since `hit`, or the start)."""
        try:
            out, err = self.process.communicate(timeout=max(0.1, self._since_s + limit_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            pytest.fail(f"the job did not end within {limit_s:g} s")
        return Outcome(self.process.returncode, out, err, time.monotonic() - self._since_s)

    def rank_pids(self) -> dict[int, int]:
        """Processes of the ranks (without their helpers), by rank."""
        found = {}
        for pid in self.left():
            entries = _read(pid, "environ").split(b"\0")
            rank = [entry for entry in entries if entry.startswith(b"PMI_RANK=")]
            if rank and b"supervisor.py" not in _read(pid, "cmdline"):
                found[int(rank[0].partition(b"=")[2])] = pid
        return found

    def left(self) -> list[int]:
        """All living processes of the job, helpers included."""
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if self._mark in _read(pid, "environ").split(b"\0")]

    def left_after(self, limit_s: float = 5.0) -> list[str]:
        """Command lines of what still runs `limit_s` after the end; empty as soon as nothing does."""
        end_s = time.monotonic() + limit_s
        while (pids := self.left()) and time.monotonic() < end_s:
            time.sleep(_LOOK_S)
        return [_read(pid, "cmdline").replace(b"\0", b" ").decode() for pid in pids]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def run_job(
    arguments: Sequence[str | Path],
    *,
    ranks: int = 1,
    limit_s: float = 120.0,
    cwd: Path | None = None,
    module: bool = True,
) -> Outcome:
    """Start a job and wait for its end."""
    with Job(arguments, ranks=ranks, cwd=cwd, module=module) as job:
        return job.finish(limit_s)


def status_of(run_dir: Path) -> dict[str, Any]:
    """status.json of a run, {} while there is none."""
    try:
        status: dict[str, Any] = json.loads((run_dir / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return status
