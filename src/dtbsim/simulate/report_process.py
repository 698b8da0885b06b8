"""The report is written by a process of its own: plotting libraries never load on a simulation rank."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dtbsim.errors import DtbsimError
from dtbsim.report import REPORT_NAME
from dtbsim.runtime.launch import SWITCH
from dtbsim.runtime.watchdog import kick

_LOOK_S = 0.2


class ReportError(DtbsimError):
    """The run is complete, but its report could not be written."""


def report_in_own_process(run_dir: Path) -> Path:
    """Write the report of `run_dir` and return its path.

    Raises ReportError, with the reason and the exit code of the other process, when that failed.
    """
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PMI_", "OMPI_", "MPI_"))}
    command = [sys.executable, "-m", "dtbsim", "report", str(run_dir)]
    child = subprocess.Popen(
        command,
        env=environ | {SWITCH: "off"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while True:
        try:
            _, said = child.communicate(timeout=_LOOK_S)
            break
        except subprocess.TimeoutExpired:
            kick()
        except BaseException:
            child.kill()
            raise
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
