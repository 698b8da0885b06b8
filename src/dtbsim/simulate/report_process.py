"""The report is written by a process of its own: plotting libraries never load on a simulation rank."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dtbsim.errors import EXIT_INTERRUPTED, DtbsimError
from dtbsim.mpi.launch import environ_alone
from dtbsim.report import REPORT_NAME
from dtbsim.runtime.interrupt import active_interrupt
from dtbsim.runtime.watchdog import tick

_LOOK_S = 0.2


class ReportError(DtbsimError):
    """The run is complete, but its report could not be written."""


def report_in_own_process(run_dir: Path) -> Path:
    """Write the report of `run_dir` and return its path.

    Raises ReportError, with the reason and the exit code of the other process, when that failed, and with
    EXIT_INTERRUPTED as soon as the user wants to stop.
    """
    if _stop():
        raise _interrupted(run_dir)
    command = [sys.executable, "-m", "dtbsim", "report", str(run_dir)]
    child = subprocess.Popen(
        command,
        env=environ_alone(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while True:
        try:
            _, said = child.communicate(timeout=_LOOK_S)
            break
        except subprocess.TimeoutExpired:
            tick()
            if _stop():
                child.kill()
                child.communicate()
                raise _interrupted(run_dir) from None
        except BaseException:
            child.kill()
            raise
    if _stop() and child.returncode != 0:  # a terminal sends its Ctrl-C to this process and to that one
        raise _interrupted(run_dir)
    if child.returncode != 0:
        reason = said.decode(errors="replace").strip().splitlines() or [f"exit code {child.returncode}"]
        error = ReportError(
            f"the run is complete, but its report could not be written: {reason[-1].removeprefix('dtbsim: error: ')}",
            where=str(run_dir),
            remedy=f"try again: dtbsim report {run_dir}",
        )
        error.exit_code = max(child.returncode, 1)
        raise error
    return run_dir / REPORT_NAME


def _stop() -> bool:
    interrupt = active_interrupt()
    return interrupt is not None and interrupt.requested


def _interrupted(run_dir: Path) -> ReportError:
    error = ReportError(
        "the run is complete; its report was not written: interrupted",
        where=str(run_dir),
        remedy=f"write it: dtbsim report {run_dir}",
    )
    error.exit_code = EXIT_INTERRUPTED
    return error
