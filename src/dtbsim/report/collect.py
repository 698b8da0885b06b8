"""From a run folder to `ReportData`: reads what was recorded, computes what the report shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.config.signals import SIGNALS, kinds_of
from dtbsim.report.collect_brain import collect_brain
from dtbsim.report.data import Performance, RankShare, ReportData, RunInfo, Stage
from dtbsim.report.members import collect_members
from dtbsim.report.part import forgiven, part_of
from dtbsim.report.source import Source, open_source
from dtbsim.report.standing import notice
from dtbsim.report.text import is_number
from dtbsim.signals.stream import Signal

MOST_SHOWN = 100_000
"""Characters of the configuration that a page shows at most."""


def collect(run_dir: Path) -> ReportData:
    """Read the run in `run_dir`, as far as it came.

    Raises InputError where the folder is no run, stopped before its network was known, or a piece of it is damaged.
    """
    source = open_source(Path(run_dir))
    found = collect_kinds(source)
    return ReportData(
        run=run_info(source),
        found=found,
        brain=collect_brain(source, found),
        performance=performance(source),
        members=collect_members(source),
        absent=source.absent,
        missing=source.missing,
    )


def collect_kinds(source: Source) -> dict[str, Any]:
    """Return what the run holds of every kind of recorder and signal, by their names, those with nothing left out."""
    found = {}
    for kind in _kinds(source.config):
        part, shown = part_of(kind.name), None
        with forgiven(kind.name, part, source.absent):
            shown = part.collect(source, kind)
        if shown is not None:
            found[kind.name] = shown
    return found


def _kinds(config: dict[str, Any]) -> list[Signal]:
    """The kinds that a run may have recorded; entries of packages that are not installed are read as signals."""
    entries = config.get("signals")
    items = entries.values() if isinstance(entries, dict) else ()
    named = dict.fromkeys(str(item.get("kind")) for item in items if isinstance(item, dict))
    unknown = [kind for kind in named if kind not in SIGNALS.names()]
    return [*kinds_of(config), *map(_unknown, unknown)]


def _unknown(name: str) -> Signal:
    kind = Signal()
    kind.name = name
    return kind


def run_info(source: Source) -> RunInfo:
    """Return name, description, configuration text, command and provenance."""
    run = source.run
    provenance = run.provenance
    return RunInfo(
        name=str(source.config.get("name") or run.path.name),
        description=str(source.config.get("description") or ""),
        config_text=_beginning(run.config_text),
        command=str(provenance.get("command") or ""),
        provenance=provenance,
        summary=source.summary,
        network=run.network,
        notice=notice(run, source.missing),
    )


def _beginning(text: str) -> str:
    """Return a text, or its beginning and how much is left out: a page is not to be as large as any configuration."""
    if len(text) <= MOST_SHOWN:
        return text
    shown = text[: text.rindex("\n", 0, MOST_SHOWN)]
    left = text.count("\n") - shown.count("\n") - 1
    return f"{shown}\n# and {left:,} more lines in config.yaml of the run folder"


def performance(source: Source) -> Performance | None:
    """Return stages and the shares of the ranks, as far as summary.json and network.json hold them."""
    ranks = source.run.ranks
    stages = [
        Stage(str(name), float(entry["sum_s"]), float(entry["max_s"]), _whole(entry.get("max_peak_rss_bytes")))
        for name, entry in (source.summary.get("stages") or {}).items()
        if isinstance(entry, dict) and is_number(entry.get("sum_s")) and is_number(entry.get("max_s"))
    ]
    if not stages:
        totals = [(key, source.summary.get(f"{key}_s")) for key in ("build", "compile", "simulate")]
        stages = [Stage(key, ranks * value, value) for key, value in totals if is_number(value)]
    keys = ("rank", "neurons", "synapses", "work")
    costs = {entry["rank"]: entry for entry in source.summary.get("shares") or [] if isinstance(entry, dict)}
    shares = [
        RankShare(
            rank=int(entry["rank"]),
            neurons=int(entry["neurons"]),
            synapses=int(entry["synapses"]),
            work=float(entry["work"]),
            **_cost(costs.get(entry["rank"], {})),
        )
        for entry in source.run.network.get("partition") or []
        if isinstance(entry, dict) and all(is_number(entry.get(key)) for key in keys)
    ]
    return Performance(stages, shares, ranks) if stages or shares else None


def _whole(value: Any) -> int | None:
    return int(value) if is_number(value) else None


def _cost(entry: dict[str, Any]) -> dict[str, Any]:
    """Time and memory of a rank, as far as they are numbers."""
    found = {key: entry[key] for key in ("build_s", "simulate_s") if is_number(entry.get(key))}
    return found | {"peak_bytes": _whole(entry.get("peak_rss_bytes"))}
