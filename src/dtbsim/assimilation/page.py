"""The report of an assimilation: the data, what was expected of each volume, the free run, parameters, scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dtbsim.assimilation.result import AssimilationResult
from dtbsim.report import figures_follow as figures
from dtbsim.report.figures_fit import matrices
from dtbsim.report.page import render_page
from dtbsim.report.parts import Headline, Panel, Section
from dtbsim.report.text import safe
from dtbsim.store.files import write_text

MOST_REGIONS = 6
"""Of which courses are drawn."""
_NAMES = {"assimilation": "assimilation", "persistence": "persistence", "linear": "linear model", "mean": "mean"}


def write_page(path: Path, found: AssimilationResult) -> None:
    """Write report.html. Raises StorageError."""
    summary = found.summary
    sections = [_courses(found), _parameters(found), *_held_out(found)]
    held = summary["held_out_volumes"]
    lead = f"{summary['followed_volumes']} volumes of {summary['regions']} regions were followed, {held} held out."
    write_text(
        path,
        render_page(
            "Assimilation", "Measured BOLD, followed", lead, [*summary["warnings"], *summary["notices"]],
            _tiles(summary), sections,
        ),
    )  # fmt: skip


def _tiles(summary: dict[str, Any]) -> list[Headline]:
    found = []
    if "skill" in summary:
        one, last = (summary["skill"][name]["rmse"] for name in ("assimilation", "linear"))
        note = f"linear model {last[0]:.2f}, persistence {summary['skill']['persistence']['rmse'][0]:.2f}"
        found.append(Headline("error of the next volume, held out", f"{one[0]:.2f}", "sd", note, accent=True))
        note = f"linear model {last[-1]:.2f}, persistence {summary['skill']['persistence']['rmse'][-1]:.2f}"
        found.append(Headline(f"error {len(one)} volumes ahead", f"{one[-1]:.2f}", "sd", note))
    if "fc" in summary and summary["fc"]["free_run"] is not None:
        fc = summary["fc"]
        note = ", ".join(f"{k.replace('_', ' ')} {v:.2f}" for k, v in fc.items() if k != "free_run" and v is not None)
        found.append(Headline("FC of the free run, held out", f"{fc['free_run']:.2f}", "r", note))
    rmse = summary["one_step_followed"]["rmse"][0]
    found.append(Headline("error of the next volume, followed", f"{rmse:.2f}", "sd", "before the volume was seen"))
    return found


def _courses(found: AssimilationResult) -> Section:
    """BOLD of some regions: measured, expected, free."""
    arrays, names = found.arrays, [str(name) for name in found.arrays["region"]]
    chosen = np.unique(np.linspace(0, len(names) - 1, min(MOST_REGIONS, len(names))).astype(int))
    followed, panels = found.summary["followed_volumes"], []
    for k in chosen.tolist():
        free = None
        if "free" in arrays:
            own = arrays["free"][:, :, k].astype(np.float64)
            free = own.mean(axis=1), own.std(axis=1, ddof=1)
        fig = figures.course(
            arrays["time_s"], arrays["measured"][:, k], arrays["forecast"][:, k], arrays["forecast_sd"][:, k], followed,
            free,
        )  # fmt: skip
        panels.append(Panel(safe(names[k]), "", fig, f"BOLD of {names[k]}: measured, expected and running freely"))
    lead = (
        "Measured BOLD, what the ensemble expected of each volume before it saw it, and, where data were held out, the "
    )
    lead += "free run: without data from there on. Bands are one standard deviation of members."
    return Section("bold", "BOLD", lead, panels)


def _parameters(found: AssimilationResult) -> Section:
    """How estimates moved, and where they ended."""
    arrays, panels = found.arrays, []
    names = [str(name) for name in arrays["region"]]
    followed = found.summary["followed_volumes"]
    for k, key in enumerate(arrays["parameter"].tolist()):
        mean, sd = arrays["parameters"][:followed, :, k], arrays["parameters_sd"][:followed, :, k]
        fig = figures.parameter(arrays["time_s"][:followed], mean, sd, names, key)
        panels.append(
            Panel(safe(key), "Every line is a region; the band is the spread over members, averaged.", fig, key)
        )
        fig = figures.by_region(names, np.array(list(found.parameters[key].values())), sd[-1], key)  # type: ignore[union-attr]
        panels.append(Panel(f"{safe(key)} by region", "Mean over the second half; bars: spread of members.", fig, key))
    for k, key in enumerate(arrays["shared_parameter"].tolist()):
        mean, sd = arrays["shared"][:followed, k], arrays["shared_sd"][:followed, k]
        fig = figures.parameter(arrays["time_s"][:followed], mean[:, None], sd[:, None], ["all regions"], key)
        panels.append(Panel(safe(key), "One value for all regions.", fig, key))
    return Section("parameters", "Parameters", "", panels)


def _held_out(found: AssimilationResult) -> list[Section]:
    summary, arrays = found.summary, found.arrays
    if "fc" not in summary:
        return []
    panels = []
    if "skill" in summary:
        tr = summary["tr_s"]
        for measure, text in (("rmse", "error, measured sd"), ("r", "correlation")):
            lines = {_NAMES[name]: np.array(one[measure]) for name, one in summary["skill"].items()}
            if measure == "r":
                lines.pop("mean")
            fig = figures.by_lead(tr, lines, text)
            panels.append(Panel(f"{text.capitalize()} by lead", "", fig, f"{text} of forecasts by lead", wide=False))
    first = arrays["fc_free"], arrays["fc_measured"]
    fig = matrices(*first, [str(name) for name in arrays["region"]], ("free run", "measured"), "FC")
    panels.append(Panel("Functional connectivity, held out", "", fig, "FC of the free run and measured"))
    rows = "".join(
        f"<tr><td>{safe(name.replace('_', ' '))}</td><td>{'' if value is None else f'{value:.3f}'}</td></tr>"
        for name, value in summary["fc"].items()
    )
    table = f"<table><thead><tr><th>FC of</th><th>r with that held out</th></tr></thead><tbody>{rows}</tbody></table>"
    panels.append(Panel("Beside what needs no model", "", None, "", table))
    lead = "Forecasts of volumes that the assimilation had not seen, from several of them on: means over members. The "
    lead += "linear model is a vector autoregression fitted to the volumes that were followed; "
    lead += "persistence repeats the last volume."
    return [Section("skill", "Held out", lead, panels)]
