"""From the arguments of a process to its exit code.

Errors are one line on stderr, without a traceback unless they are bugs. Of several ranks, the first one speaks, and
only `run` and `resume` are work for the others: which rank this is stands in the environment, so nothing of MPI is
loaded for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import typer

from dtbsim.cli import assimilate_commands, fit_commands, slurm_commands
from dtbsim.cli.app import ON_ALL_RANKS, app
from dtbsim.cli.output import stdout_errors
from dtbsim.cli.usage import UsageMistake, one_line
from dtbsim.errors import EXIT_INPUT, EXIT_INTERRUPTED, EXIT_OK, DtbsimError
from dtbsim.mpi.launch import detect_launch
from dtbsim.runtime.interrupt import Interrupt, active_interrupt
from dtbsim.runtime.logs import console_warnings
from dtbsim.runtime.streams import say

_REGISTERED = (slurm_commands, fit_commands, assimilate_commands)
"""Modules whose commands are those of `app`, besides its own."""
EXIT_BROKEN_PIPE = 141
"""What a shell reports for a program whose reader went away (128 + SIGPIPE)."""


def run_command_line(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments (default: those of this process), do what they ask for and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    first = is_first_rank(os.environ)
    interrupt = active_interrupt() or Interrupt()
    interrupt.speaks = first
    if not first:  # looking for plugins reads the metadata of all packages; those that there are only watch
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        code = _run(given, first=first)
    except BrokenPipeError:
        code = EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        interrupt.last_words()
        code = EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the outermost place: every error gets its exit code
        code = _describe(error, first) if not interrupt.leaving else EXIT_INTERRUPTED
    _leave_nothing_behind()
    if interrupt.leaving:
        interrupt.leave_at_once()
    return code


def _describe(error: Exception, first: bool) -> int:
    from dtbsim.runtime.faults import describe_error

    code, text = describe_error(error)
    _say(text, first or not isinstance(error, DtbsimError))
    return code


def _run(arguments: list[str], *, first: bool) -> int:
    if not first and _is_work_of_the_first_rank(arguments):
        return EXIT_OK
    command = typer.main.get_command(app)
    try:
        with stdout_errors():
            work = command.main(args=arguments, prog_name="dtbsim", standalone_mode=False, obj=tuple(arguments))
            sys.stdout.flush()
    except UsageMistake as mistake:
        _say(one_line(mistake), first)
        return EXIT_INPUT
    if not arguments or arguments[0] not in ON_ALL_RANKS:
        (active_interrupt() or Interrupt()).release()
    if not callable(work):  # help or version: done by typer
        return int(work or EXIT_OK)
    with console_warnings(sys.stderr, rank=0 if first else 1):
        return int(work())


def _is_work_of_the_first_rank(arguments: list[str]) -> bool:
    """Whether the other ranks have nothing to do: help, or a known command other than those of all ranks."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    return not names or {"-h", "--help"} & set(arguments) != set() or names[0] in known - {*ON_ALL_RANKS}


def is_first_rank(environ: Mapping[str, str]) -> bool:
    """Return whether this process is the one that prints: rank 0, or the only one."""
    try:
        return detect_launch(environ).rank == 0
    except DtbsimError:  # told by the command that needs the ranks, or by `doctor`
        return environ.get("SLURM_PROCID", "0") == "0"


def _say(text: str, speak: bool) -> None:
    if speak:
        say(text)


def _leave_nothing_behind() -> None:
    """Lead nowhere what stdout did not take: Python would complain at the very end and exit with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
