"""HTML tables: rates, stages, ranks, provenance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dtbsim.report.data import Performance, PopulationRates
from dtbsim.report.text import count, is_number, safe, seconds, significant, size_of


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    name: str,
    *,
    numbers: bool = True,
) -> str:
    """Return a table of cells that are already escaped; with `numbers` all columns but the first are right-aligned."""
    align = _align if numbers else (lambda column: "")
    head = "".join(f"<th scope='col'{align(i)}>{safe(cell)}</th>" for i, cell in enumerate(header))
    body = "".join(
        "<tr>" + "".join(f"<td{align(i)}>{cell}</td>" for i, cell in enumerate(row)) + "</tr>" for row in rows
    )
    return scrollable(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", name)


def scrollable(content: str, name: str) -> str:
    """Return HTML in a box that scrolls where it is too large, also by the keyboard; `name` is read out."""
    return f"<div class='scroll' tabindex='0' role='region' aria-label='{safe(name)}'>{content}</div>"


def _align(column: int) -> str:
    return " class='num'" if column else ""


def rate_table(rates: PopulationRates) -> str:
    """Return populations with neurons, mean rate and the published rate where known."""
    header = ["population", "neurons", "rate (Hz)"] + (["published (Hz)"] if rates.published_hz else [])
    rows = []
    for name, size, rate in zip(rates.names, rates.sizes, rates.rate_hz, strict=True):
        row = [safe(name), count(int(size)), "" if np.isnan(rate) else f"{rate:.3f}"]
        if rates.published_hz:
            row.append(f"{rates.published_hz[name]:.3f}" if name in rates.published_hz else "")
        rows.append(row)
    return table(header, rows, "Rates of all populations")


def stage_table(performance: Performance) -> str:
    """Return stages with mean, slowest rank, share of the whole (parts of a stage not counted again) and memory."""
    whole = sum(stage.sum_s for stage in performance.stages if not stage.is_part) or 1.0
    rows = [
        [
            safe(stage.name),
            seconds(stage.sum_s / performance.n_ranks),
            seconds(stage.max_s),
            f"{100 * stage.sum_s / whole:.1f} %",
            "" if stage.peak_bytes is None else size_of(stage.peak_bytes),
        ]
        for stage in performance.stages
    ]
    return table(
        ["stage", "mean over ranks", "slowest rank", "share", "peak memory of a rank by its end"], rows, "Stages"
    )


def rank_table(performance: Performance) -> str:
    """Return what each rank held, and the time and memory that it took."""
    total = sum(share.work for share in performance.ranks)
    rows = [
        [
            str(share.rank),
            count(share.neurons),
            count(share.synapses),
            f"{100 * share.work / total:.1f} %" if total > 0 else "",
            "" if share.build_s is None else seconds(share.build_s),
            "" if share.simulate_s is None else seconds(share.simulate_s),
            "" if share.peak_bytes is None else size_of(share.peak_bytes),
        ]
        for share in performance.ranks
    ]
    header = ["rank", "neurons", "synapses", "predicted work", "build", "simulate", "peak memory"]
    return table(header, rows, "Shares of the ranks")


def provenance_table(entries: dict[str, Any]) -> str:
    """Return key-value pairs, nested mappings as `outer.inner`."""
    rows = [[safe(key), _value(value)] for key, value in _flatten(entries)]
    body = "".join(f"<tr><th scope='row'>{key}</th><td>{value}</td></tr>" for key, value in rows)
    return scrollable(f"<table class='pairs'><tbody>{body}</tbody></table>", "Provenance")


def _flatten(entries: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in entries.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(value: Any) -> str:
    if value is None or value == []:
        return "<span class='soft'>none</span>"
    if isinstance(value, (list, tuple)):
        return safe(" ".join(str(item) for item in value))
    if isinstance(value, float) and is_number(value):
        return safe(significant(value, 6))
    return safe(value)
