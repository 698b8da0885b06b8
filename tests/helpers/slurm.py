"""A Slurm of four nodes on this machine, for tests of the batch script; and jobs in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "slurm-one-machine"
_NEEDED = ("slurmctld", "slurmd", "sbatch", "munged")
_LACKING = [name for name in _NEEDED if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]

needs_slurm = [
    pytest.mark.skipif(
        bool(_LACKING),
        reason=f"{', '.join(_LACKING)} not installed: apt-get install slurmctld slurmd slurm-client munge",
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="Slurm's daemons are started as root"),
]


class OneMachineSlurm:
    """Slurm's commands, in an environment in which every rank believes that it is alone on its node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        done = subprocess.run([SCRIPT, "up", folder], capture_output=True, text=True, env=_with_sbin(os.environ))
        assert done.returncode == 0, done.stderr
        self.environ = _with_sbin(os.environ) | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "MPIR_CVAR_NOLOCAL": "1",
            "DTBSIM_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT / "src"),
        }

    def down(self) -> None:
        """End all jobs and daemons."""
        subprocess.run([SCRIPT, "down", self.folder], env=_with_sbin(os.environ), check=True)

    def empty_the_queue(self) -> None:
        """Cancel all jobs, and wait until none is left."""
        self.call("scancel", "--user=root")
        end_s = time.monotonic() + 60.0
        while self.answer("squeue", "--noheader") and time.monotonic() < end_s:
            time.sleep(0.2)

    def call(self, *command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command, such as `squeue`."""
        return subprocess.run(
            list(map(str, command)), env=self.environ, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    def answer(self, *command: str | Path, cwd: Path | None = None) -> str:
        """What a command prints; it must succeed."""
        done = self.call(*command, cwd=cwd)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def states(self, job: str) -> list[str]:
        """The states of a job, or of the tasks of an array, that are still known."""
        return self.call(
            "squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T", "--array"
        ).stdout.split()

    def wait_for(self, job: str, what: Callable[[], bool], log: Path, limit_s: float) -> None:
        """Return when `what()` is true; fail after `limit_s`."""
        end_s = time.monotonic() + limit_s
        while not what():
            if time.monotonic() > end_s:
                said = log.read_text(encoding="utf-8") if log.is_file() else ""
                pytest.fail(f"job {job} ({self.states(job)}) did not get there within {limit_s:g} s\n{said}")
            time.sleep(0.2)

    def wait_for_end(self, job: str, log: Path, limit_s: float) -> None:
        """Return when the job, or all tasks of an array, have ended."""
        ended = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"}
        self.wait_for(job, lambda: set(self.states(job)) <= ended, log, limit_s)


def ranks_of(run: Path) -> list[int]:
    """The processes that simulate this run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"mpi4py" in words and str(run).encode() in words and words[0].endswith(b"python"):
                found.append(int(entry.name))
    return found


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)


def _with_sbin(environ: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    unwanted = ("PMI_", "PMIX_", "OMPI_", "MPI_", "SLURM_", "DTBSIM_MPI")
    kept = {key: value for key, value in environ.items() if not key.startswith(unwanted)}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{environ['PATH']}:/usr/sbin"}
