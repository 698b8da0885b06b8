"""Slurm's own commands: called, and what they answer."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from dtbsim.errors import InputError, MissingDependencyError

_LIMIT_S = 120.0
_QUEUE = "%i|%T|%M|%l|%D|%R|%j|%k"
_ACCOUNTS = "JobID,State,Elapsed,Timelimit,NNodes,NodeList,JobName,Comment"
_UNREACHABLE = ("Unable to contact", "Connection refused", "Zero Bytes", "Socket timed out", "configuration file")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")
MARK = "dtbsim "
"""How the comment of a job begins; after it comes the folder of its run."""


@dataclass(frozen=True)
class JobState:
    """A job, or a task of an array, as Slurm knows it; times as Slurm writes them. `place`: nodes, or why it waits."""

    job_id: str
    state: str
    elapsed: str
    limit: str
    nodes: str
    place: str
    name: str
    folder: str | None

    @property
    def active(self) -> bool:
        """Whether it runs, or waits."""
        return self.state not in ENDED


def is_here(command: str) -> bool:
    """Whether there is this command on this machine."""
    return shutil.which(command) is not None


def call(command: str, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of Slurm. Raises MissingDependencyError where it is not there, or does not answer."""
    if not is_here(command):
        raise MissingDependencyError(
            f"{command} was not found: Slurm is not on this machine",
            remedy="go to a login node of the cluster; without Slurm, mpiexec starts the ranks of `dtbsim run`",
        )
    try:
        done = subprocess.run(
            [command, *arguments],
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise MissingDependencyError(f"{command} did not answer within {_LIMIT_S:g} s", remedy="try again") from None
    if done.returncode != 0 and any(sign in done.stderr for sign in _UNREACHABLE):
        raise MissingDependencyError(f"{command}: {said(done)}", remedy="Slurm does not answer now: try again")
    return done


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed said, in one line and without its name."""
    lines = [line.split(": ", 1)[-1] if ": error: " not in line else line.split(": error: ")[1] for line in
             done.stderr.splitlines() if line.strip()]  # fmt: skip
    return "; ".join(lines) or f"exit code {done.returncode}"


def test_only(script: str) -> None:
    """Ask Slurm whether it would take a job. Raises InputError with its reason where not."""
    done = call("sbatch", "--test-only", text=script)
    if done.returncode != 0:
        raise InputError(
            f"Slurm does not take the job: {said(done)}",
            where="sbatch --test-only",
            remedy="`sinfo` shows partitions, nodes and limits",
        )


def submit(path: str) -> str:
    """Submit a script and return the number of the job. Raises InputError."""
    done = call("sbatch", "--parsable", path)
    number = done.stdout.strip().partition(";")[0]
    if done.returncode != 0 or not number.isdigit():
        raise InputError(f"Slurm does not take the job: {said(done)}", where="sbatch")
    return number


def queue(job_ids: Sequence[str] | None = None) -> list[JobState]:
    """Jobs in the queue, and those that have just ended: these, or (None) all of the user."""
    chosen = ["--me"] if job_ids is None else [f"--jobs={','.join(job_ids)}", "--states=all"]
    done = call("squeue", "--noheader", f"--format={_QUEUE}", *chosen)
    if done.returncode != 0 and job_ids is None:
        raise InputError(said(done), where="squeue")
    return _states(done.stdout) if done.returncode == 0 else []


def accounts(job_ids: Sequence[str]) -> list[JobState]:
    """Jobs in the accounting of the cluster; [] where it has none."""
    if not is_here("sacct"):
        return []
    chosen = f"--jobs={','.join(job_ids)}"
    done = call("sacct", "--allocations", "--noheader", "--parsable2", f"--format={_ACCOUNTS}", chosen)
    return _states(done.stdout) if done.returncode == 0 else []


def cancel(job_ids: Sequence[str]) -> None:
    """Cancel jobs. Raises InputError where Slurm refuses."""
    done = call("scancel", *job_ids)
    if done.returncode != 0:
        raise InputError(said(done), where="scancel")


def _states(text: str) -> list[JobState]:
    found = []
    for line in text.splitlines():
        fields = line.split("|", 7)
        if len(fields) == 8:
            job_id, state, elapsed, limit, nodes, place, name, comment = (field.strip() for field in fields)
            folder = comment.removeprefix(MARK) if comment.startswith(MARK) else None
            state = state.split()[0].rstrip("+") if state else "UNKNOWN"  # sacct: CANCELLED by 1000
            found.append(JobState(job_id, state, elapsed, limit, nodes, place.strip("()"), name, folder))
    return found
