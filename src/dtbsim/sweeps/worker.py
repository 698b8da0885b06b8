"""One run of a sweep, in the process of a worker, which keeps its compiled code for the next one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.api import resume, run
from dtbsim.config.grid import Values
from dtbsim.errors import DtbsimError, InputError
from dtbsim.given import Source
from dtbsim.mpi import SerialComm
from dtbsim.run_folder.checkpoints import list_checkpoints
from dtbsim.store.run import Run

if TYPE_CHECKING:
    from dtbsim.simulate import RunResult

Measure = Callable[[Run], Mapping[str, Any]]
"""What else is to be known of a run: further columns."""

_ONE = threading.Lock()
"""Signals, logs and kernels belong to the process: where a pool has several threads in one, its runs take turns."""


@dataclass(frozen=True)
class Job:
    """A run that is to be simulated: of what, with which values set, and where (None: in a temporary folder)."""

    number: int
    source: Source
    values: Values
    out: Path | None
    report: bool = False
    take_over: bool = False
    measure: Measure | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a run: its columns, and why it failed (None: it did not)."""

    number: int
    columns: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    stopped: bool = False
    """Whether it was stopped by a signal."""


def simulate(job: Job) -> Outcome:
    """Simulate one run, alone, and return what came of it; errors are told, not raised."""
    with _ONE:
        try:
            result = _result(job)
            columns = columns_of(result.open(), job.measure) if not result.interrupted else {}
        except DtbsimError as failure:
            return Outcome(job.number, {}, str(failure))
        except Exception as failure:  # noqa: BLE001 - of `measure`, of a model, or a bug: the other runs go on
            return Outcome(job.number, {}, f"{type(failure).__name__}: {failure}")
        if job.out is not None:
            columns["folder"] = str(job.out)
        columns["seconds"] = result.summary["wall_s"]
        error = "interrupted; the same call goes on" if result.interrupted else None
        return Outcome(job.number, columns, error, stopped=result.interrupted)


def _result(job: Job) -> RunResult:
    """Begin the run, or go on with what an earlier call has left of it."""
    alone = SerialComm()
    if job.out is None:
        return run(job.source, set=job.values, temporary=True, comm=alone, report=job.report)
    if job.out.is_dir() and list_checkpoints(job.out):
        return resume(job.out, comm=alone, report=job.report, take_over=job.take_over)
    if job.take_over and job.out.is_dir() and Run(job.out).state == "running":
        shutil.move(job.out, _free(job.out))
    return run(job.source, out=job.out, set=job.values, overwrite=True, comm=alone, report=job.report)


def _free(folder: Path) -> Path:
    """A name for what a lost machine has left."""
    names = (folder.with_name(f"{folder.name}.lost_{n}") for n in range(1, 1000))
    return next(name for name in names if not name.exists())


def columns_of(found: Run, measure: Measure | None) -> dict[str, Any]:
    """Return what a finished run says of itself: spikes, rates (Hz), hash and what `measure` adds."""
    summary = found.summary
    columns: dict[str, Any] = {
        "spikes": summary.get("spikes"),
        "mean_rate_hz": summary.get("mean_rate_hz"),
        **_rates_hz(found),
        "spike_hash": summary.get("spike_hash"),
    }
    if measure is not None:
        more = measure(found)
        if not isinstance(more, Mapping):
            raise InputError(f"got a {type(more).__name__}", where="measure", remedy="return a mapping {column: value}")
        columns |= {str(name): value for name, value in more.items()}
    return columns


def _rates_hz(found: Run) -> dict[str, float]:
    """The mean rate of each population after the settling time, `rate_hz.NAME`, where rates were recorded."""
    if not (found.path / "stores" / "rates.zarr").is_dir():
        return {}
    rates = found.rates()
    after_ms = float((found.config.get("simulation") or {}).get("settling_ms") or 0.0)
    means = rates.sel(time_ms=slice(after_ms, None)).mean("time_ms").to_series()
    table = found.populations.set_index("name")
    weighted = (means * table["size"]).groupby(table["family"]).sum() / table.groupby("family")["size"].sum()
    return {f"rate_hz.{family}": float(rate) for family, rate in weighted.items()}
