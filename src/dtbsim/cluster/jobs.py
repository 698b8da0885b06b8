"""`dtbsim status` and `dtbsim cancel`: jobs, by their number or by the folder of their run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dtbsim.cluster import slurm
from dtbsim.cluster.slurm import JobState
from dtbsim.cluster.submit import JOBS
from dtbsim.errors import InputError
from dtbsim.paths import user_path
from dtbsim.run_folder.layout import SLURM
from dtbsim.store.files import read_checked
from dtbsim.store.run import Run
from dtbsim.sweeps.folder import NAME as SWEEP

_NUMBER = re.compile(r"\d+(_\d+)?")
NOT_BEGUN = "not begun"


@dataclass(frozen=True)
class RunState:
    """How far a run is; `values` is what its status.json says."""

    folder: Path
    state: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """A run folder (None: not known) with its jobs, newest last, and its runs: one, or those of an array."""

    folder: Path | None
    numbers: list[str]
    jobs: list[JobState]
    runs: list[RunState]


def status_of(given: str) -> Status:
    """Return how a run or job is. Raises InputError where it is neither, MissingDependencyError without Slurm.

    Of a folder that has no job, or where there is no Slurm, only the runs are known.
    """
    folder, numbers = _named(given)
    if folder is not None:
        jobs = _jobs(numbers) if slurm.is_here("squeue") else []
    else:
        jobs = _jobs(numbers, needed=True)
        folder = next((Path(job.folder) for job in jobs if job.folder is not None), None)
    going_on = any(job.active for job in jobs)
    asked = bool(numbers) and slurm.is_here("squeue")
    runs = [] if folder is None else [_run_state(run, going_on or not asked) for run in _runs_in(folder)]
    return Status(folder, numbers, jobs, runs)


def my_jobs() -> list[JobState]:
    """Return the user's jobs in the queue that are runs of dtbsim."""
    return [job for job in slurm.queue() if job.folder is not None or job.name.startswith("dtbsim")]


def cancel(given: str) -> list[str]:
    """Cancel the jobs of a run, or a job; returns their numbers. Raises InputError where there is none to cancel."""
    folder, numbers = _named(given)
    if folder is None:
        slurm.cancel(numbers)
        return numbers
    if not numbers:
        raise InputError(
            "no job of Slurm has this run",
            where=str(folder),
            remedy="`dtbsim status` lists the jobs; Ctrl-C ends a run",
        )
    active = sorted({job.job_id.partition("_")[0] for job in slurm.queue(numbers) if job.active})
    if not active:
        raise InputError(f"job {numbers[-1]} of this run is not in the queue", where=str(folder))
    slurm.cancel(active)
    return active


def _named(given: str) -> tuple[Path | None, list[str]]:
    """The folder and numbers of the jobs that are meant."""
    folder = user_path(given).absolute()
    if folder.is_dir():
        file = folder / SLURM / JOBS
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        return folder, list(dict.fromkeys(line for line in text.split() if _NUMBER.fullmatch(line)))
    if _NUMBER.fullmatch(given):
        return None, [given]
    raise InputError(
        "neither the folder of a run nor the number of a job", where=given, remedy="`dtbsim status` lists your jobs"
    )


def _jobs(numbers: Sequence[str], *, needed: bool = False) -> list[JobState]:
    """What Slurm knows of jobs; of one that has left the queue, what the accounting has, if there is one."""
    if not numbers:
        return []
    found = slurm.queue(numbers) or slurm.accounts(numbers)
    if needed and not found:
        raise InputError(
            f"Slurm knows no job {numbers[0]} any more",
            remedy="name the folder of the run instead"
            + ("" if slurm.is_here("sacct") else "; there is no accounting"),
        )
    return found


def _runs_in(folder: Path) -> list[Path]:
    """The folder of the run, or those of the runs of an array or sweep."""
    if not (folder / SWEEP).is_file():
        tasks = sorted(entry for entry in folder.glob("[0-9]" * 5) if entry.is_dir())
        return tasks or [folder]
    return [folder / name for name in read_checked(folder / SWEEP, missing="", old=False)["runs"]]


def _run_state(folder: Path, may_go_on: bool) -> RunState:
    if not (folder / "status.json").is_file():
        return RunState(folder, NOT_BEGUN)
    run = Run(folder)
    state = str(run.state)
    return RunState(folder, "killed" if state == "running" and not may_go_on else state, run.status)
