"""`dtbsim estimate` and `dtbsim calibrate`: how a run would go, and what this machine is."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show, write
from dtbsim.errors import EXIT_OK

if TYPE_CHECKING:
    from dtbsim.estimation.result import Estimate


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """Options of `dtbsim estimate`."""

    ranks: int
    ranks_per_node: int | None = None
    gpus_per_node: int | None = None
    threads: int | None = None
    machine: str | None = None
    rate_hz: float | None = None
    measure_ms: float | None = None


def estimate(config: Path, overrides: tuple[str, ...], wanted: Wanted, *, as_json: bool) -> int:
    """Print how the run would go; what it would be refused for is the error that this ends with."""
    found = estimated(config, overrides, wanted)
    if as_json:
        write(json.dumps(found.to_dict(), indent=1) + "\n")
    else:
        say(config, found)
    found.check()
    return EXIT_OK


def estimated(config: Path, overrides: tuple[str, ...], wanted: Wanted) -> Estimate:
    """Return the estimate of a configuration file."""
    with installed():
        from dtbsim.api import ASSUMED_RATE_HZ
        from dtbsim.api import estimate as work_out

    return work_out(
        config,
        wanted.ranks,
        ranks_per_node=wanted.ranks_per_node,
        gpus_per_node=wanted.gpus_per_node,
        threads=wanted.threads,
        machine=wanted.machine,
        rate_hz=ASSUMED_RATE_HZ if wanted.rate_hz is None else wanted.rate_hz,
        measure_ms=wanted.measure_ms,
        set=overrides,
    )


def say(config: Path, found: Estimate) -> None:
    """Print an estimate for people: numbers on stdout, what to mind on stderr."""
    from dtbsim.estimation.text import lines_of, untested

    rows = lines_of(found)
    if (note := untested(found)) is not None:
        rows.append(("note", note))
    show(pairs(rows, title=f"{config}: estimate for {found.machine.ranks:,} rank(s)"))
    warn(found)


def warn(found: Estimate) -> None:
    """Print warnings, and the refusals beside the one that the command ends with."""
    for text in found.warnings:
        _LOG.warning("%s", text)
    for refusal in found.refusals[1:]:
        print(f"dtbsim: error: {refusal.error}", file=sys.stderr)
    sys.stderr.flush()


def calibrate(out: Path) -> int:
    """Measure this machine and write its profile."""
    with installed():
        from dtbsim.estimation.calibrate import calibrate as measure
    from dtbsim.store.files import storage_errors

    profile = measure(lambda text: print(f"dtbsim: {text}", file=sys.stderr, flush=True))
    with storage_errors(out):
        out.write_text(profile.to_yaml(), encoding="utf-8")
    rows = [(path, f"{number.value:.4g} {number.unit} ({number.how})") for path, number in profile.numbers.items()]
    show(pairs(rows, title=f"{out}: profile of {profile.name}"))
    return EXIT_OK
