"""`dtbsim tune`: bring a configuration to a working point, and say what differs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dtbsim.cli.needs import installed
from dtbsim.cli.output import pairs, show, write
from dtbsim.errors import EXIT_OK, InputError

if TYPE_CHECKING:
    from dtbsim.tuning import Tuned

RUNS = Path("runs")


@dataclass(frozen=True)
class Asked:
    """Options of `dtbsim tune`."""

    config: Path
    rates: tuple[str, ...]
    knobs: tuple[str, ...]
    couplings: tuple[str, ...]
    span: str | None
    points: int
    below: float
    tolerance: float
    resolution: float
    measure_ms: float | None
    out: Path | None
    overrides: tuple[str, ...]
    workers: int | None
    report: bool
    as_json: bool
    quiet: bool


def tune(asked: Asked) -> int:
    """Tune, and print what differs, where the edge is, and what to mind."""
    with installed():
        from dtbsim.tuning import tune as work

    rates = {name: _rate(name, text) for name, text in _named(asked.rates, "--rates", "POPULATION=HZ").items()}
    out = asked.out if asked.out is not None else RUNS / f"{asked.config.stem}-tuned-{time.strftime('%Y%m%d-%H%M%S')}"
    found = work(
        asked.config,
        rates,
        knobs=_named(asked.knobs, "--knob", "POPULATION=KEY.PATH"),
        couplings=asked.couplings or None,
        span=_span(asked.span),
        points=asked.points,
        below=asked.below,
        tolerance=asked.tolerance,
        resolution=asked.resolution,
        measure_ms=asked.measure_ms,
        out=out,
        set=asked.overrides,
        workers=asked.workers,
        report=asked.report,
        progress=not asked.quiet,
    )
    if asked.as_json:
        write(json.dumps({**found.to_dict(), "folder": str(out)}, indent=1) + "\n")
    else:
        _say(found, out)
    return EXIT_OK


def _named(texts: tuple[str, ...], option: str, form: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in (part for given in texts for part in given.split(",")):
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"got '{text}'", where=option, remedy=f"give {form}")
        found[name.strip()] = value.strip()
    return found


def _rate(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"got '{text}'", where=f"--rates {name}", remedy="give a number, in Hz") from None


def _span(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise InputError(f"got '{text}'", where="--range", remedy="give LOW:HIGH, factors of the coupling") from None


def _say(found: Tuned, out: Path) -> None:
    rows = [(one.key, f"{_number(one.old)} -> {_number(one.new)}") for one in found.changes]
    show(pairs(rows or [("nothing", "the numbers given are at their targets")], title="What differs"))
    seen = found.check
    facts = []
    if found.edge is not None:
        edge = found.edge
        facts.append(("edge", f"{edge.factor:.4g} times the given coupling ({edge.low:.4g} to {edge.high:.4g})"))
        facts.append(("what happens", edge.why))
    distance = "" if found.distance is None else f", {100 * found.distance:.0f} % below the edge"
    facts.append(("point", f"{found.point.factor:.4g} times the given coupling{distance}"))
    for key, value in seen.items():
        if value is not None and not key.startswith(("together.", "burst.", "slowest.", "fastest.")):
            facts.append((key.replace("_", " "), _number(value)))
    facts += [(f"FC of {key.replace('_', ' ')}", f"{value:.3f}") for key, value in found.baselines.items()]
    facts += [("mind", text) for text in found.warnings]
    facts.append(("written", str(out / "tuned.yaml")))
    show(pairs(facts, title="Working point (a longer run with another seed)"))


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
