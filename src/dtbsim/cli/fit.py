"""`dtbsim sweep` and `dtbsim fit`: hand over, and show what came out."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import write
from dtbsim.errors import EXIT_NUMERICS, EXIT_OK, InputError, MissingDependencyError

_POOL = "DTBSIM_POOL"
"""Says to a process that `--ranks` has started it with workers of mpi4py.futures."""


@dataclass(frozen=True)
class _Options:
    config: Path
    out: Path | None
    resume: bool
    overrides: tuple[str, ...]
    workers: int | None
    ranks: int | None
    report: bool
    as_json: bool
    quiet: bool
    argv: tuple[str, ...]


@dataclass(frozen=True)
class SweepOptions(_Options):
    """What the user asked for."""

    vary: tuple[str, ...]
    sample: str
    points: int | None
    seeds: int


@dataclass(frozen=True)
class FitOptions(_Options):
    """What the user asked for."""

    to: tuple[str, ...]
    free: tuple[str, ...]
    method: str
    objective: str
    hold_out: tuple[str, ...]
    tr_s: float | None
    evaluations: int | None
    population: int
    seeds: int
    repeats: int
    seed: int


def sweep(options: SweepOptions) -> int:
    """Sweep; exit code 7 where no evaluation succeeded."""
    if _in_ranks(options):
        return _under_mpiexec(options)
    with installed():
        from dtbsim.fitting.varied import Asked, sweep_points
    out = _folder(options, "sweep")
    asked = Asked(options.vary, options.sample, options.points, options.seeds)
    with _pool(options) as executor:
        found = sweep_points(
            options.config, asked, out=out, resume=options.resume, set=options.overrides, executor=executor,
            workers=options.workers, report=options.report, progress=not options.quiet,
        )  # fmt: skip
    if options.as_json:
        from dtbsim.store.files import to_json

        about = {"folder": str(out), "table": str(found.table_path)}
        write(to_json({**about, "evaluations": found.evaluations, "failed": found.failed}))
    elif options.quiet:
        write(f"{out}\n")
    else:
        write(f"{found.evaluations} evaluations, {found.failed} failed: {found.table_path}\n")
    return EXIT_NUMERICS if found.failed == found.evaluations else EXIT_OK


def fit(options: FitOptions) -> int:
    """Fit."""
    if not options.to:
        remedy = "give --to atlas, or --to FILE with an FC or a series"
        raise InputError("what is to be fitted is not given", where="--to", remedy=remedy)
    if _in_ranks(options):
        return _under_mpiexec(options)
    with installed():
        import dtbsim.fitting
    out = _folder(options, "fit")
    with _pool(options) as executor:
        found = dtbsim.fitting.fit(
            options.config, _one_or_all(options.to), options.free, method=options.method, objective=options.objective,
            hold_out=_one_or_all(options.hold_out), evaluations=options.evaluations, population=options.population,
            seeds=options.seeds, repeats=options.repeats, seed=options.seed, tr_s=options.tr_s, out=out,
            resume=options.resume, set=options.overrides, executor=executor, workers=options.workers,
            report=options.report, progress=not options.quiet,
        )  # fmt: skip
    if options.as_json:
        from dtbsim.store.files import to_json

        write(to_json({**found.summary, "folder": str(out)}))
    elif options.quiet:
        write(f"{out}\n")
    else:
        write(f"{found}\n")
    return EXIT_OK


def _one_or_all(given: tuple[str, ...]) -> Any:
    return None if not given else given[0] if len(given) == 1 else list(given)


def _folder(options: _Options, what: str) -> Path:
    if options.out is not None:
        return options.out
    if options.resume:
        raise InputError("there is no folder to go on in", where="--resume", remedy="name it: --out DIR")
    return Path("runs") / f"{options.config.stem}-{what}"


def _in_ranks(options: _Options) -> bool:
    if options.ranks is None:
        return False
    if options.ranks < 1:
        raise InputError(f"got {options.ranks}", where="--ranks", remedy="allowed: a whole number from 1 on")
    if options.workers is not None:
        raise InputError("--ranks and --workers are both given", where="--ranks", remedy="leave one of them out")
    return os.environ.get(_POOL) != "1"


def _under_mpiexec(options: _Options) -> int:
    """The same command as master of a pool of `ranks` workers of mpi4py.futures."""
    import importlib.util
    import shutil
    import subprocess

    beside = Path(sys.executable).with_name("mpiexec")
    launcher = str(beside) if beside.is_file() else shutil.which("mpiexec")
    if launcher is None or importlib.util.find_spec("mpi4py") is None:
        remedy = "pip install 'dtbsim[mpi]', or give --workers instead"
        raise MissingDependencyError("--ranks needs mpiexec and mpi4py", remedy=remedy)
    assert options.ranks is not None
    command = [launcher, "-n", str(options.ranks + 1), sys.executable, "-m", "mpi4py.futures", "-m", "dtbsim"]
    return subprocess.call([*command, *options.argv], env={**os.environ, _POOL: "1"})


def _pool(options: _Options) -> Any:
    """An executor of MPI, where this process is the master of one; else none."""
    import contextlib

    if options.ranks is None:
        return contextlib.nullcontext()
    from dtbsim.mpi.pool import mpi_pool

    return mpi_pool(options.ranks)
