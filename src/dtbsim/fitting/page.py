"""The pages of fits and sweeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.fitting.journal import Record
from dtbsim.store.files import write_text

if TYPE_CHECKING:
    from dtbsim.fitting.result import Fit

F64 = NDArray[np.float64]
MOST_SHOWN = 20_000
"""Evaluations that figures of a sweep show; of more, every so-manieth."""


def write_page(path: Path, found: Fit) -> None:
    """Write the report of a fit. Raises StorageError."""
    from dtbsim.report.page import render_page
    from dtbsim.report.parts import Headline, Section

    sections = [_landscape(found), _convergence(found)]
    if found.fc is not None and found.measured_fc is not None:
        sections.append(_matrices(found))
    if found.posterior is not None:
        sections += found.posterior.sections()
    words = "<br>".join(_escaped(line) for line in found.lines)
    sections.append(Section("words", "In words", f"<pre>{words}</pre>"))
    tiles = []
    for term in found.objective.terms:
        score, held = found.scores.get(term.key), found.held_out.get(term.key)
        if score is not None:
            note = f"{int(score['n'])} other seeds, {score['least']:.3f} to {score['most']:.3f}"
            tiles.append(Headline(term.objective.label or term.key, f"{score['mean']:.3f}", note=f"fitted; {note}"))
        if held is not None:
            note = found.held_out_name
            tiles.append(Headline(f"{term.key}, held out", f"{held['mean']:.3f}", note=note, accent=True))
    linear = found.baselines.get("linear_network")
    if linear is not None:
        held_text = "" if linear["held_out"] is None else f"; held out {linear['held_out']:.3f}"
        tiles.append(Headline("Linear network", f"{linear['fitted']:.3f}", note=f"needs no model{held_text}"))
    alone = found.baselines.get("structure_alone")
    if alone is not None:
        tiles.append(Headline("Connectome alone", f"{alone['fitted']:.3f}", note="correlation of weights and FC"))
    if "ceiling" in found.baselines:
        tiles.append(
            Headline("Ceiling", f"{found.baselines['ceiling']['r']:.3f}", note=found.baselines["ceiling"]["of"])
        )
    for name, rate in found.rates_hz.items():
        tiles.append(Headline(f"Rate, {name}", f"{rate:.2f}", "Hz", "of the best point"))
    title = ", ".join(f"{key} = {value:.5g}" for key, value in found.best.items())
    text = render_page("Fit report", title, found.title, found.summary["notes"], tiles, sections)
    write_text(path, text)


def write_sweep_page(path: Path, name: str, keys: Sequence[str], records: Iterable[Record]) -> None:
    """Write the report of a sweep: each number along what varied. Raises StorageError."""
    from dtbsim.report.figures_fit import landscape, map_of_two, parallel
    from dtbsim.report.page import render_page
    from dtbsim.report.parts import Panel, Section

    rows, measures, failed, total = _rows(records)
    panels = []
    numeric = [key for key in keys if all(isinstance(row[0][key], int | float) for row in rows)]
    for measure in measures:
        points = _points([(row[0], row[1][measure]) for row in rows if row[1].get(measure) is not None], numeric)
        if not points:
            continue
        values = np.array([point for point, _ in points], np.float64)
        scores = [np.array(several) for _, several in points]
        means = np.array([one.mean() for one in scores])
        best = values[int(np.argmax(means))]
        if len(numeric) == 1:
            fig = landscape(values[:, 0], scores, measure, numeric[0])
        elif len(numeric) == 2:
            fig = map_of_two(values[:, 0], values[:, 1], means, measure, (numeric[0], numeric[1]), tuple(best))
        else:
            fig = parallel(values, numeric, means, measure)
        panels.append(Panel(_escaped(measure), "", fig, f"{measure} over what varied"))
    lead = f"{total} evaluations, {failed} failed."
    if not panels:
        lead += " No number can be drawn: nothing but texts varied, or nothing was measured."
    sections = [Section("landscape", "Over what varied", _escaped(lead), panels)]
    write_text(path, render_page("Sweep report", name, f"{', '.join(keys)}: {lead}", [], [], sections))


def _rows(records: Iterable[Record]) -> tuple[list[tuple[dict[str, Any], dict[str, float]]], list[str], int, int]:
    """Values and numbers of evaluations that went well, thinned; names of the numbers; how many failed, and all."""
    rows: list[tuple[dict[str, Any], dict[str, float]]] = []
    measures: dict[str, None] = {}
    failed = total = 0
    every = 1
    for record in records:
        total += 1
        if record["error"] is not None:
            failed += 1
            continue
        if total % every:
            continue
        numbers = {name: record[name] for name in ("fc", "mean_abs_fc") if name in record} | record["scores"]
        numbers |= {f"rate of {name} (Hz)": rate for name, rate in (record.get("rates_hz") or {}).items()}
        numbers |= {k: v for k, v in (record.get("measured") or {}).items() if isinstance(v, int | float)}
        measures |= dict.fromkeys(numbers)
        rows.append((record["values"], numbers))
        if len(rows) >= 2 * MOST_SHOWN:
            rows, every = rows[::2], 2 * every
    return rows, list(measures), failed, total


def _points(rows: Sequence[tuple[dict[str, Any], float]], keys: Sequence[str]) -> list[tuple[list[float], list[float]]]:
    """Numbers of the same point together: those of its seeds."""
    found: dict[tuple[float, ...], list[float]] = {}
    if not keys:
        return []
    for values, number in rows:
        found.setdefault(tuple(float(values[key]) for key in keys), []).append(float(number))
    return [(list(point), numbers) for point, numbers in found.items()]


def _landscape(found: Fit) -> Any:
    from dtbsim.report.figures_fit import front, landscape, map_of_two, parallel
    from dtbsim.report.parts import Panel, Section

    term = found.objective.single
    largest = term is not None and term.objective.best == "largest"
    first = found.losses[:, 0]
    good = np.isfinite(first)
    label = (term.objective.label or term.key) if largest and term is not None else "loss"
    shown = 1.0 - first[good] if largest else first[good]
    values = np.array([list(found.space.values(unit).values()) for unit in found.units])[good]
    keys, panels = found.space.keys, []
    best = tuple(found.best[key] for key in keys)
    lines = {}
    if term is not None and term.key == "fc" and "linear_network" in found.baselines:
        lines = {"linear network": found.baselines["linear_network"]["fitted"]}
        lines["connectome alone"] = found.baselines["structure_alone"]["fitted"]
    if good.any():
        for k, one in enumerate(found.space.free):
            bands = _bands(found, one.key, values[:, k], shown)
            fig = landscape(values[:, k], bands, label, one.key, log=one.log, best=best[k], lines=lines)
            panels.append(
                Panel(_escaped(one.key), "Every point; the red line is the best.", fig, f"{label} along {one.key}")
            )
        if len(keys) == 2:
            fig = map_of_two(values[:, 0], values[:, 1], shown, label, (keys[0], keys[1]), (best[0], best[1]))
            panels.append(Panel("Both parameters", "The star is the best.", fig, f"{label} over both parameters"))
        if len(keys) > 1:
            fig = parallel(values, keys, shown, label)
            text = "A line for each point; drag along an axis to see a part of them."
            panels.append(Panel("All parameters", text, fig, "Parallel coordinates"))
    if found.front:
        points = np.array([one["losses"] for one in found.front])
        names = [" + ".join(term.key for term in one) for one in found.objective.sums]
        fig = front(points, (names[0], names[1]))
        panels.append(
            Panel("Pareto front", "No point is better in all objectives than one of these.", fig, "Pareto front")
        )
    return Section("landscape", "Landscape", "", panels)


def _bands(found: Fit, key: str, values: F64, shown: F64) -> list[F64]:
    """Scores of each point; with the range of the repeats of the best."""
    bands = [np.array([score]) for score in shown]
    term = found.objective.single
    if term is not None and term.key in found.scores:
        spread = found.scores[term.key]
        at = int(np.argmin(np.abs(values - found.best[key])))
        if term.objective.best == "largest":
            bands[at] = np.array([spread["least"], shown[at], spread["most"]])
    return bands if len(found.space) == 1 else [np.array([score]) for score in shown]


def _convergence(found: Fit) -> Any:
    from dtbsim.report.figures_fit import convergence
    from dtbsim.report.parts import Panel, Section

    term = found.objective.single
    largest = term is not None and term.objective.best == "largest"
    label = f"1 - {term.key}" if largest and term is not None else "loss"
    text = f"{_escaped(found.label)}: {found.n_evaluations} evaluations, {found.n_failed} failed."
    losses = found.losses.sum(axis=1) if found.losses.shape[1] > 1 else found.losses[:, 0]
    return Section(
        "convergence", "Convergence", "", [Panel("Point after point", text, convergence(losses, label), label)]
    )


def _matrices(found: Fit) -> Any:
    from dtbsim.report.figures_fit import matrices, pairs
    from dtbsim.report.parts import Panel, Section

    assert found.fc is not None
    assert found.measured_fc is not None
    titles = ("simulated", "measured")
    both = matrices(found.fc, found.measured_fc, found.regions, titles, "r")
    panels = [
        Panel("Beside each other", "The best point, one of the other seeds.", both, "FC matrices", wide=False),
        Panel(
            "Pair by pair",
            "A dot for every pair of regions.",
            pairs(found.fc, found.measured_fc, "FC"),
            "FC pairs",
            wide=False,
        ),
    ]
    return Section("fc", "Functional connectivity", "", panels)


def _escaped(text: str) -> str:
    from dtbsim.report.text import safe

    return safe(text)
