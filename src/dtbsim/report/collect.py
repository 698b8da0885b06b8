"""From a run folder to `ReportData`: reads what was recorded, computes what the report shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.report import collect_activity as activity
from dtbsim.report import collect_recordings as recordings
from dtbsim.report import collect_signals as signals
from dtbsim.report.collect_brain import collect_brain
from dtbsim.report.collect_spikes import collect_neurons, collect_raster
from dtbsim.report.data import Performance, RankShare, ReportData, RunInfo, Stage
from dtbsim.report.sections_entries import collect_panels
from dtbsim.report.source import Source, open_source
from dtbsim.report.standing import notice
from dtbsim.report.text import is_number

MOST_SHOWN = 100_000
"""Characters of the configuration that a page shows at most."""


def collect(run_dir: Path) -> ReportData:
    """Read the run in `run_dir`, as far as it came.

    Raises InputError where the folder is no run, stopped before its network was known, or a piece of it is damaged.
    """
    source = open_source(Path(run_dir))
    rates = activity.read_rates(source)
    population_rates = activity.collect_population_rates(source, rates)
    bold = signals.collect_bold(source)
    analysis = signals.analyse(source, bold)
    fc = signals.collect_fc(source, bold, analysis)
    return ReportData(
        run=run_info(source),
        raster=collect_raster(source),
        population_rates=population_rates,
        rate_course=activity.collect_rate_course(source, rates),
        region_rates=activity.collect_region_rates(source, rates),
        neurons=collect_neurons(source),
        spectra=[*activity.collect_rate_spectra(source, rates), *signals.collect_bold_spectrum(bold)],
        states=recordings.collect_states(source),
        weights=recordings.collect_weights(source),
        correlations=recordings.collect_correlations(source),
        bold=bold,
        fc=fc,
        fcd=signals.collect_fcd(source, bold, analysis),
        panels=collect_panels(source),
        brain=collect_brain(source, population_rates, bold, fc),
        performance=performance(source),
        absent=source.absent,
        missing=source.missing,
    )


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
