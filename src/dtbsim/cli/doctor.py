"""`dtbsim doctor`: what this machine has, what is missing and how to get it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import dtbsim
from dtbsim.cli import doctor_machine, doctor_mpi, doctor_packages
from dtbsim.cli.findings import MISSING, OK, OPTIONAL, Finding
from dtbsim.cli.output import write
from dtbsim.errors import EXIT_ENVIRONMENT, EXIT_OK
from dtbsim.runtime.logs import LOGGER

Check = Callable[[], Iterable[Finding]]

CHECKS: dict[str, Check] = {
    "Python": doctor_packages.python,
    "packages": doctor_packages.packages,
    "extensions": doctor_packages.extensions,
    "cores": doctor_machine.cores,
    "memory": doctor_machine.memory,
    "kernel cache": doctor_machine.kernel_cache,
    "this folder": doctor_machine.working_folder,
    "MPI": doctor_mpi.mpi,
    "shared memory": doctor_mpi.leftovers,
    "GPU": doctor_machine.gpu,
}

_MARKS = {OK: "ok", OPTIONAL: "-", MISSING: "MISSING"}


def doctor(*, as_json: bool) -> int:
    """Look at everything, print it, and return EXIT_OK when a run on the CPU is possible, else EXIT_ENVIRONMENT."""
    logger = logging.getLogger(LOGGER)
    level = logger.level
    logger.setLevel(logging.ERROR)  # what would be warned of is found here as well
    try:
        findings = examine(CHECKS)
    finally:
        logger.setLevel(level)
    possible = all(finding.state != MISSING for finding in findings)
    if as_json:
        _print_json(findings, possible)
    else:
        _print_lines(findings, possible)
    return EXIT_OK if possible else EXIT_ENVIRONMENT


def examine(checks: dict[str, Check]) -> list[Finding]:
    """Return what all checks find; a check that fails itself is a finding too."""
    found: list[Finding] = []
    for name, check in checks.items():
        try:
            found += check()
        except Exception as error:  # noqa: BLE001 - on a broken machine everything may fail, and the rest is wanted
            reason = " ".join(str(error).split()) or type(error).__name__
            found.append(Finding(name, OPTIONAL, f"could not be looked at: {reason}"))
    return found


def _print_json(findings: list[Finding], possible: bool) -> None:
    import json

    content: dict[str, Any] = {
        "dtbsim": dtbsim.__version__,
        "cpu_run_possible": possible,
        "findings": [asdict(finding) for finding in findings],
    }
    write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _print_lines(findings: list[Finding], possible: bool) -> None:
    """Plainly, without the libraries that may be what is missing."""
    mark_width = max(len(mark) for mark in _MARKS.values())
    name_width = max(len(finding.name) for finding in findings)
    lines = [f"dtbsim {dtbsim.__version__}"]
    for finding in findings:
        lines.append(f"{_MARKS[finding.state]:<{mark_width}}  {finding.name:<{name_width}}  {finding.text}")
        if finding.remedy:
            lines.append(f"{'':<{mark_width + name_width + 4}}-> {finding.remedy}")
    lines.append("Runs on the CPU are possible." if possible else "Not possible before what is MISSING is there.")
    write("\n".join(lines) + "\n")
