"""`dtbsim assimilate`: hand over, and show what came out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.cli.output import write
from dtbsim.errors import EXIT_OK
from dtbsim.runtime.interrupt import Interrupt, active_interrupt


@dataclass(frozen=True)
class Options:
    """What the user asked for."""

    config: Path
    to: Path
    out: Path
    free: tuple[str, ...]
    free_global: tuple[str, ...]
    tr_s: float | None
    hold_out_s: float | None
    overrides: tuple[str, ...]
    resume: bool
    report: bool
    as_json: bool
    quiet: bool
    settings: dict[str, Any]


def assimilate(options: Options) -> int:
    """Assimilate, on all ranks, and print the scores on the first."""
    from dtbsim.assimilation import assimilate as follow
    from dtbsim.mpi import world_comm

    (active_interrupt() or Interrupt()).release()
    comm = world_comm()
    found = follow(
        options.config, options.to, out=options.out, free=options.free, free_global=options.free_global,
        tr_s=options.tr_s, hold_out_s=options.hold_out_s, set=options.overrides, resume=options.resume,
        report=options.report, progress=not options.quiet, comm=comm, **options.settings,
    )  # fmt: skip
    if not comm.is_root:
        return EXIT_OK
    if options.as_json:
        write(json.dumps(found.summary, indent=1) + "\n")
    elif options.quiet:
        write(f"{options.out}\n")
    else:
        write("\n".join([*_lines(found.summary), f"results: {options.out}"]) + "\n")
    return EXIT_OK


def _lines(summary: dict[str, Any]) -> list[str]:
    """Scores in words; what was not held out is said first."""
    found = [*summary["warnings"]]
    held = summary["held_out_volumes"]
    found.append(f"{summary['followed_volumes']} volumes of {summary['regions']} regions followed, {held} held out")
    for key, value in summary["parameters"].items():
        values = list(value.values()) if isinstance(value, dict) else [value]
        middle = sum(values) / len(values)
        spread = f", {min(values):.4g} to {max(values):.4g} over regions" if len(values) > 1 else ""
        found.append(f"{key}: {middle:.4g}{spread}")
    if "skill" in summary:
        leads = sorted({1, len(summary["skill"]["linear"]["rmse"])})
        found.append("error of forecasts (measured sd) " + ", ".join(f"{k} ahead" for k in leads))
        for name, scores in summary["skill"].items():
            found.append(f"  {name:<14}" + "  ".join(f"{scores['rmse'][k - 1]:.3f}" for k in leads))
    if "fc" in summary:
        fc = ", ".join(f"{k.replace('_', ' ')} {v:.3f}" for k, v in summary["fc"].items() if v is not None)
        found.append(f"FC with that held out (r): {fc}")
    return found
