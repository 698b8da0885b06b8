"""The summary of a run in lines for people, as `dtbsim run` and `dtbsim info` show it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.cli.output import pairs, show
from dtbsim.report.text import count, is_number, plural, seconds, significant, size_of

if TYPE_CHECKING:
    from dtbsim.simulate import RunResult

Rows = list[tuple[str, str]]


def show_summary(result: RunResult) -> None:
    """Print the summary of a run that has just ended."""
    rows = summary_rows(result.summary)
    rows.append(("run folder", str(result.run_dir)))
    if result.report is not None:
        rows.append(("report", str(result.report)))
    state = "interrupted; what was recorded is kept" if result.interrupted else "done"
    show(pairs(rows, title=f"{result.summary.get('name') or result.run_dir.name}: {state}"))


def summary_rows(summary: dict[str, Any]) -> Rows:
    """Return label and value of everything that the summary knows."""
    regional = not summary.get("neurons") and is_number(summary.get("regions"))
    if regional:
        members = summary.get("members")
        rows = [
            ("regions", _number(summary, "regions", count)),
            ("members", count(members) if is_number(members) and members != 1 else ""),
            ("simulate", _simulate(summary)),
            ("parallel", _division(summary)),
            ("peak memory", _memory(summary)),
            ("FC correlation", _correlation(summary)),
            ("state hash", str(summary.get("state_hash") or "")),
        ]
        return [row for row in rows if row[1]]
    rows = [
        ("neurons", _number(summary, "neurons", count)),
        ("synapses", _synapses(summary)),
        ("spikes", _spikes(summary)),
        ("build", _number(summary, "build_s", seconds)),
        ("simulate", _simulate(summary)),
        ("parallel", _division(summary)),
        ("peak memory", _memory(summary)),
        ("FC correlation", _correlation(summary)),
        ("spike hash", str(summary.get("spike_hash") or "")),
        ("state hash", str(summary.get("state_hash") or "")),
    ]
    return [row for row in rows if row[1]]


def report_of(run_dir: Path) -> Path | None:
    """Return the report in a run folder, if there is one."""
    from dtbsim.report import REPORT_NAME

    path = run_dir / REPORT_NAME
    return path if path.is_file() else None


def _number(summary: dict[str, Any], key: str, text: Any) -> str:
    return str(text(summary[key])) if is_number(summary.get(key)) else ""


def _correlation(summary: dict[str, Any]) -> str:
    """Return the correlation with measured FC, of an ensemble the range."""
    found = summary.get("fc_correlation")
    known = [value for value in found if is_number(value)] if isinstance(found, list) else []
    if known:
        return f"{min(known):.3f} to {max(known):.3f} with the measured FC"
    return _number(summary, "fc_correlation", lambda value: f"{value:.3f} with the measured FC")


def _synapses(summary: dict[str, Any]) -> str:
    each = _number(summary, "bytes_per_synapse", lambda value: f" ({significant(value)} bytes each)")
    return _number(summary, "synapses", count) + each


def _spikes(summary: dict[str, Any]) -> str:
    rate = _number(summary, "mean_rate_hz", lambda value: f", mean rate {significant(value)} Hz")
    return _number(summary, "spikes", count) + rate


def _simulate(summary: dict[str, Any]) -> str:
    took, of = _number(summary, "simulate_s", seconds), _number(summary, "biological_s", seconds)
    text = f"{took} for {of} of the network" if took and of else took
    factor = _number(summary, "rtf", lambda value: f"real-time factor {significant(value)}")
    return ", ".join(part for part in (text, factor) if part)


def _division(summary: dict[str, Any]) -> str:
    """Return `2 ranks x 1 thread`, or `2 ranks on NVIDIA H100`."""
    ranks, threads = summary.get("ranks"), summary.get("threads")
    if not (isinstance(ranks, int) and isinstance(threads, int)):
        return ""
    if summary.get("gpu"):
        return f"{plural(ranks, 'rank')} on {summary['gpu']}"
    return f"{plural(ranks, 'rank')} x {plural(threads, 'thread')}"


def _memory(summary: dict[str, Any]) -> str:
    peak = summary.get("peak_rss_bytes")
    if not isinstance(peak, dict) or not is_number(peak.get("sum")):
        return ""
    largest = f" ({size_of(peak['max'])} in the largest rank)" if summary.get("ranks") != 1 else ""
    return f"{size_of(peak['sum'])}{largest}"
