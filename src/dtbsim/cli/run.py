"""`dtbsim run` and `dtbsim resume`: load, hand over to the conductor, show what came out."""

from __future__ import annotations

import contextlib
import math
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.cli.needs import installed
from dtbsim.cli.output import write
from dtbsim.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_RESUMABLE, InputError
from dtbsim.mpi import Comm, on_root, world_comm
from dtbsim.registry import known_entry_points, use_entry_points

if TYPE_CHECKING:
    from dtbsim.config import LocatedConfig
    from dtbsim.runtime.progress import ProgressSink
    from dtbsim.simulate import RunResult


@dataclass(frozen=True)
class Resumed:
    """A run that is to go on: from which checkpoint (None: the last), and whether it is known to have ended.

    A branch may name its checkpoint by the time.
    """

    checkpoint: str | None
    take_over: bool
    at_ms: float | None = None


@dataclass(frozen=True)
class RunOptions:
    """What the user asked for. `argv` is the command line for the provenance.

    Where it is `resumed`, `config` is the folder of the run, and with `out` a branch begins.
    """

    config: Path
    out: Path | None = None
    overrides: tuple[str, ...] = ()
    threads: str | None = None
    backend: str | None = None
    as_json: bool = False
    quiet: bool = False
    report: bool = True
    argv: tuple[str, ...] = ()
    max_hours: float | None = None
    resumed: Resumed | None = None


def run(options: RunOptions) -> int:
    """Simulate on all ranks and return the exit code, the same on every rank."""
    from dtbsim.runtime.faults import run_watched

    comm = world_comm()
    code = run_watched(comm, lambda watchdog: _simulate(comm, options))
    if comm.size > 1:
        from dtbsim.mpi.library import finalize

        finalize()
    return code


def _simulate(comm: Comm, options: RunOptions) -> int:
    from dtbsim.runtime.faults import describe_error
    from dtbsim.runtime.streams import say

    _share_entry_points(comm)
    if options.max_hours is not None and not 0 < options.max_hours < math.inf:
        raise InputError(f"got {options.max_hours:g}", where="--max-hours", remedy="allowed: hours, more than 0")
    loaded: list[LocatedConfig] = []  # on rank 0 alone
    if options.resumed is None:

        def separate() -> list[dict[str, Any]] | None:
            loaded.append(load(options))
            return _separate_members(loaded[0])

        members = on_root(comm, separate)
        if members is not None:
            return _one_by_one(comm, options, members)
    with _stdout_kept(options):
        result = (
            _started(comm, options, loaded) if options.resumed is None else _resumed(comm, options, options.resumed)
        )
    if comm.is_root:
        _show(result, options)
        if result.resumable:
            say(f"dtbsim: left after a checkpoint; to go on: dtbsim resume {shlex.quote(str(result.run_dir))}")
    if result.report_error is not None:
        code, text = describe_error(result.report_error)
        if comm.is_root:
            say(text if code != EXIT_INTERRUPTED else f"dtbsim: {result.report_error}")
        return code
    if result.resumable:
        return EXIT_RESUMABLE
    return EXIT_INTERRUPTED if result.interrupted else EXIT_OK


def _share_entry_points(comm: Comm) -> None:
    """Rank 0 alone reads what all installed packages offer."""
    if comm.size > 1:
        rows = on_root(comm, known_entry_points)
        if not comm.is_root:
            use_entry_points(rows)


def _separate_members(located: LocatedConfig) -> list[dict[str, Any]] | None:
    """What is set for each member of an ensemble with neurons, which are runs of their own; None for regions alone."""
    if located.config.ensemble is None:
        return None
    with installed():
        from dtbsim.sweeps.members import members_apart
    return members_apart(located.config, located.base_dir, located.locator)


def _one_by_one(comm: Comm, options: RunOptions, members: list[dict[str, Any]]) -> int:
    """Members with neurons are runs of their own, in processes and folders of their own."""
    if comm.size > 1:
        raise InputError(
            "members with neurons are runs of their own, and these are started by one process",
            where="ensemble",
            remedy="start dtbsim without mpiexec, or run the members from Python: dtbsim.sweep with an MPI executor",
        )
    with installed():
        from dtbsim.sweeps import sweep
    overrides = [*options.overrides, *_shorthands(options), "ensemble=null"]
    out = options.out if options.out is not None else Path("runs") / options.config.stem
    table = sweep(options.config, members, out=out, set=overrides, report=options.report, progress=not options.quiet)
    write(table.to_json(orient="records") if options.as_json else table.to_string())
    failed = [str(error) for error in table["error"] if error is not None]
    if failed:
        raise InputError(f"{len(failed)} of {len(members)} members failed; the first: {failed[0]}", where=str(out))
    return EXIT_OK


def _started(comm: Comm, options: RunOptions, loaded: list[LocatedConfig]) -> RunResult:
    """A new run; of the configuration that rank 0 has loaded."""
    with installed():
        from dtbsim.simulate.given import given_on_nodes
    located = given_on_nodes(comm, lambda: loaded[0])
    with installed():
        from dtbsim.simulate import run as simulate
        from dtbsim.simulate.stages import process_began_s
    with _progress(comm, options) as progress:
        return simulate(
            located.config,
            out=options.out,
            base_dir=located.base_dir,
            locator=located.locator,
            comm=comm,
            progress=progress,
            argv=options.argv,
            report=options.report,
            began_s=process_began_s(),
            max_hours=options.max_hours,
        )


def _resumed(comm: Comm, options: RunOptions, wanted: Resumed) -> RunResult:
    """A run that goes on."""
    with installed():
        from dtbsim.simulate.resume import resume
        from dtbsim.simulate.stages import process_began_s
    overrides = on_root(comm, lambda: [*options.overrides, *_shorthands(options)])
    with _progress(comm, options) as progress:
        return resume(
            options.config,
            overrides=overrides,
            checkpoint=wanted.checkpoint,
            out=options.out,
            at_ms=wanted.at_ms,
            take_over=wanted.take_over,
            comm=comm,
            progress=progress,
            argv=options.argv,
            report=options.report,
            began_s=process_began_s(),
            max_hours=options.max_hours,
        )


def load(options: RunOptions) -> LocatedConfig:
    """Read the configuration with everything that the command line changes in it."""
    with installed():
        from dtbsim.config import load_located
        from dtbsim.run_folder.repeat import check_repeat

    check_repeat(options.config)
    return load_located(options.config, [*options.overrides, *_shorthands(options)])


def _shorthands(options: RunOptions) -> list[str]:
    """The overrides that --threads and --backend stand for."""
    result = []
    for option, path, value in (
        ("--threads", "simulation.threads", options.threads),
        ("--backend", "simulation.backend", options.backend),
    ):
        if value is None:
            continue
        if any(override.partition("=")[0].strip() == path for override in options.overrides):
            raise InputError(f"{option} and --set {path} are both given", remedy="leave one of them out")
        if option == "--threads" and not (value.isascii() and value.isdigit() and int(value) > 0):
            raise InputError(f"got '{value}'", where=option, remedy="allowed: a whole number from 1 on")
        result.append(f"{path}={value}")
    return result


@contextlib.contextmanager
def _progress(comm: Comm, options: RunOptions) -> Iterator[ProgressSink]:
    from dtbsim.runtime.progress import make_progress

    progress = make_progress(sys.stderr, rank=comm.rank, quiet=options.quiet)
    try:
        yield progress
    except BaseException:
        if sys.stderr.isatty():  # a bar would stay in the way of the error; lines would say that the stage ended well
            progress.close()
        raise
    progress.close()


def _stdout_kept(options: RunOptions) -> contextlib.AbstractContextManager[object]:
    """With --json, stdout is for the one object: whatever a library or a model prints meanwhile goes to stderr."""
    return contextlib.redirect_stdout(sys.stderr) if options.as_json else contextlib.nullcontext()


def _show(result: RunResult, options: RunOptions) -> None:
    if options.as_json:
        from dtbsim.store.files import to_json

        write(to_json(result.summary))
    elif options.quiet:
        write(f"{result.run_dir}\n")
    else:
        from dtbsim.cli.summary import show_summary

        show_summary(result)
