"""`dtbsim run`: load, hand over to the conductor, show what came out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import write
from dtbsim.errors import EXIT_INTERRUPTED, EXIT_OK, InputError
from dtbsim.mpi import Comm, on_root, world_comm

if TYPE_CHECKING:
    from dtbsim.config import LocatedConfig
    from dtbsim.runtime.progress import ProgressSink
    from dtbsim.simulate import RunResult


@dataclass(frozen=True)
class RunOptions:
    """What the user asked for. `argv` is the command line for the provenance."""

    config: Path
    out: Path | None = None
    overrides: tuple[str, ...] = ()
    threads: str | None = None
    backend: str | None = None
    as_json: bool = False
    quiet: bool = False
    report: bool = True
    argv: tuple[str, ...] = ()


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

    located = on_root(comm, lambda: load(options))
    with installed():
        from dtbsim.simulate import run as simulate
        from dtbsim.simulate.stages import process_began_s
    with _stdout_kept(options), _progress(comm, options) as progress:
        result = simulate(
            located.config,
            out=options.out,
            base_dir=located.base_dir,
            locator=located.locator,
            comm=comm,
            progress=progress,
            argv=options.argv,
            report=options.report,
            began_s=process_began_s(),
        )
    if comm.is_root:
        _show(result, options)
    if result.report_error is not None:
        code, text = describe_error(result.report_error)
        if comm.is_root:
            say(text if code != EXIT_INTERRUPTED else f"dtbsim: {result.report_error}")
        return code
    return EXIT_INTERRUPTED if result.interrupted else EXIT_OK


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
