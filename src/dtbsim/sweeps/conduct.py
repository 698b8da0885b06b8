"""`dtbsim.sweep`: many runs of one configuration, and a table of what came of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dtbsim.arguments import flag, refuse, whole
from dtbsim.arguments import path as path_argument
from dtbsim.backends.threads import usable_cores
from dtbsim.config.grid import Grid, Values, runs_of
from dtbsim.config.overrides import Overrides, as_mapping
from dtbsim.errors import InputError
from dtbsim.given import Source, resolve
from dtbsim.mpi.launch import several_ranks
from dtbsim.store.files import storage_errors
from dtbsim.store.run import Run
from dtbsim.sweeps.folder import digest_of, open_sweep
from dtbsim.sweeps.members import members_as_runs
from dtbsim.sweeps.pool import Executor, ProcessPool, check_executor, simulated_on
from dtbsim.sweeps.worker import Job, Measure, Outcome, columns_of

if TYPE_CHECKING:
    import pandas as pd

THREADS = "simulation.threads"
_LINE_EVERY_S = 10.0


def sweep(
    source: Source,
    grid: Grid | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    set: Overrides = (),
    executor: Executor | ProcessPool | None = None,
    workers: int | None = None,
    measure: Measure | None = None,
    report: bool = False,
    take_over: bool = False,
    progress: bool = True,
) -> pd.DataFrame:
    """Simulate a configuration with many values, several runs at a time, and return a table with a row for each run.

        table = dtbsim.sweep("net.yaml", {"projections.EE.weight_pA": [40, 60, 80], "seed": range(5)}, out="runs/sweep")
        table.groupby("projections.EE.weight_pA")["rate_hz.E"].mean()

    Each run is simulated by one process, which keeps its compiled code for the next one, with one thread unless
    `simulation.threads` says otherwise. A run that fails has its error in the table, and the others go on.

    Args:
        source: a `RunConfig`, the same as a mapping, or the path of a configuration file.
        grid: {"key.path": values}, of which every combination is a run, or a list with the overrides of each run.
            Without it, every member of the configuration's `ensemble` is a run.
        out: the folder of the sweep, with a folder of each run, `sweep.json` and `sweep.csv`. Where it holds a sweep
            of this configuration, what is finished is read, what was interrupted goes on, what failed is tried again,
            and new values are added. Without it every run is in a temporary folder, and nothing but the table stays.
        set: overrides for all runs, as of `run`.
        executor: any `concurrent.futures.Executor` with processes, such as `mpi4py.futures.MPIPoolExecutor()`, or
            whatever has the same `submit`; its workers see the same files (default: a pool of `workers` processes).
        workers: how many processes (default: one for each `simulation.threads` cores).
        measure: takes the `Run` of each run and returns further columns, {name: value}; a function that can be
            pickled, defined at the top of a module.
        report: write report.html of each run.
        take_over: runs in `out` that count as going on, on other machines, are known to be lost.
        progress: show on standard error how far the sweep is.

    Returns:
        A pandas DataFrame in the order of the grid: the values that were set, `spikes`, `mean_rate_hz`,
        `rate_hz.POPULATION` (after the settling time), `spike_hash`, the columns of `measure`, `folder`, `seconds`
        (wall time) and `error` (None for a run that has ended well).

    Raises:
        InputError: wrong arguments, a configuration that is wrong for the first run, a folder of something else.
        KeyboardInterrupt: after Ctrl-C, when all runs have stopped and closed their stores.
    """
    report, take_over, progress = flag(report, "report"), flag(take_over, "take_over"), flag(progress, "progress")
    found = None if executor is None or isinstance(executor, ProcessPool) else check_executor(executor)
    if measure is not None and not callable(measure):
        raise refuse(measure, "measure", "a function that takes a Run")
    if found is None and several_ranks(os.environ):
        raise InputError(
            "a sweep is conducted by one process, and this is one of several ranks",
            where="executor",
            remedy="start `mpiexec -n N python -m mpi4py.futures SCRIPT.py` and give executor=MPIPoolExecutor()",
        )
    base = as_mapping(set)
    given = source if not isinstance(source, str | os.PathLike) else path_argument(source, "source").absolute()
    if grid is None:
        configured, _, locator = resolve(given, base)
        runs = members_as_runs(configured, locator)
        base["ensemble"] = None
    else:
        runs = runs_of(grid)
    first = resolve(given, {**base, **runs[0]})[0]
    threads = first.simulation.threads or 1
    if first.simulation.threads is None:
        base[THREADS] = 1
    folder = None if out is None else path_argument(out, "out").absolute()
    folders: Sequence[Path | None] = [None] * len(runs)
    if folder is not None:
        folders = open_sweep(folder, digest_of(resolve(given, base)[0]), runs).runs
    jobs = [
        Job(number, given, {**base, **values}, place, report, take_over, measure)
        for number, (values, place) in enumerate(zip(runs, folders, strict=True))
    ]
    outcomes = [_finished(job) for job in jobs]
    left = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is None]
    if workers is None:
        workers = max(1, usable_cores() // threads)
    workers = whole(workers, "workers", at_least=1)
    pool = executor if isinstance(executor, ProcessPool) else ProcessPool(workers)
    shown = _Progress(sys.stderr if progress else None, len(jobs), len(jobs) - len(left))
    try:
        for outcome in pool.outcomes(left) if found is None else simulated_on(found, left):
            outcomes[outcome.number] = outcome
            shown.step(outcome)
    finally:
        shown.close()
        table = _table(runs, outcomes)
        if folder is not None:
            with storage_errors(folder / "sweep.csv"):
                table.to_csv(folder / "sweep.csv", index=False)
    return table


def _finished(job: Job) -> Outcome | None:
    """What an earlier call has made of a run; None where it is not finished."""
    if job.out is None or not (job.out / "summary.json").is_file():
        return None
    found = Run(job.out)
    if found.state != "done":
        return None
    try:
        columns = columns_of(found, job.measure)
    except Exception as failure:  # noqa: BLE001 - of `measure`, or a run that was damaged since
        return Outcome(job.number, {}, str(failure) or type(failure).__name__)
    return Outcome(job.number, {**columns, "folder": str(job.out), "seconds": found.summary.get("wall_s")})


def _table(runs: Sequence[Values], outcomes: Sequence[Outcome | None]) -> pd.DataFrame:
    import pandas as pd

    last = ("folder", "seconds", "error")
    rows = []
    for values, outcome in zip(runs, outcomes, strict=True):
        columns = {} if outcome is None else outcome.columns
        error = "not simulated" if outcome is None else outcome.error
        rows.append({**values, **columns, "error": error})
    given = dict.fromkeys(key for values in runs for key in values)
    names = given | dict.fromkeys(name for row in rows for name in row if name not in last)
    ends = [name for name in last if any(name in row for row in rows)]
    table = pd.DataFrame(rows, columns=[*names, *ends])
    table["error"] = pd.Series([row["error"] for row in rows], dtype=object)  # None, and not NaN, is no error
    return table


class _Progress:
    """One line on a terminal; elsewhere a line now and then."""

    def __init__(self, stream: TextIO | None, total: int, before: int) -> None:
        self._stream, self._total, self._before = stream, total, before
        self._done, self._failed, self._problem = before, 0, ""
        self._began_s = self._told_s = time.monotonic()
        self._width = 0

    def step(self, outcome: Outcome) -> None:
        """One more run has ended."""
        self._done += 1
        if outcome.error is not None:
            self._failed += 1
            self._problem = self._problem or f"run {outcome.number}: {outcome.error}"
        now_s = time.monotonic()
        if self._in_place:
            text = self._text()
            self._write(f"\r{text.ljust(self._width)}")
        elif now_s - self._told_s > _LINE_EVERY_S:
            self._told_s = now_s
            self._write(self._text() + "\n")

    def close(self) -> None:
        """The last line, and the first error."""
        if self._done > self._before or self._done < self._total:
            text = self._text()
            self._write(f"\r{text.ljust(self._width)}\n" if self._in_place else f"{text}\n")
        if self._problem:
            self._write(f"dtbsim: sweep: the first that failed was {self._problem}\n")

    @property
    def _in_place(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def _text(self) -> str:
        parts = [f"dtbsim: sweep: {self._done} of {self._total} runs"]
        if self._before:
            parts.append(f"{self._before} of them from before")
        if self._failed:
            parts.append(f"{self._failed} failed")
        new, elapsed_s = self._done - self._before, time.monotonic() - self._began_s
        if new and self._done < self._total:
            parts.append(f"about {elapsed_s / new * (self._total - self._done):.0f} s left")
        else:
            parts.append(f"{elapsed_s:.0f} s")
        text = ", ".join(parts)
        self._width = max(self._width, len(text))
        return text

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()
