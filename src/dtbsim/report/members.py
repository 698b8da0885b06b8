"""What the members of an ensemble gave, over the values in which they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dtbsim.report.data_members import Members
from dtbsim.report.figures_common import figure
from dtbsim.report.parts import Panel, Section
from dtbsim.report.source import Source
from dtbsim.report.text import is_number, plural, safe, significant
from dtbsim.report.theme import ACCENT, translucent
from dtbsim.store.region_reader import member_coordinates

SHOWN = {"fc_correlation": "FC correlation with the measured FC", "mean_abs_fc": "mean |FC|"}
"""Entries of summary.json that are lists of an ensemble, and what they are called."""
F64 = NDArray[np.float64]


def collect_members(source: Source) -> Members | None:
    """Return what the members of a run differ in and gave; None for a run without an ensemble, or without numbers."""
    found = member_coordinates(source.run.network)
    n = len(found.get("member", ()))
    summary = source.run.summary if (source.run.path / "summary.json").exists() else {}
    entries = {name: summary.get(name) for name in SHOWN}
    values = {
        name: np.array([item if is_number(item) else np.nan for item in given], np.float64)
        for name, given in entries.items()
        if isinstance(given, list) and len(given) == n
    }
    if n < 2 or not values:
        return None
    others = {name: np.asarray(entry[1]) for name, entry in found.items() if name != "member"}
    differing = {name: entry for name, entry in others.items() if len(np.unique(entry.astype(str))) > 1}
    return Members(n, differing, values)


def members_section(members: Members | None) -> Section | None:
    """Return a section with a panel for each number of the members."""
    if members is None:
        return None
    over = _axis(members)
    rest = [name for name in members.coordinates if name != over]
    lead = f"{plural(members.n, 'run')} of this network side by side, which differ in "
    lead += ", ".join(f"<em>{safe(name)}</em>" for name in members.coordinates) or "nothing"
    text = f"A point for each member over <em>{safe(over or 'member')}</em>"
    text += "; the line is the mean of those of one value." if rest else "."
    panels = [
        Panel(
            SHOWN[name][0].upper() + SHOWN[name][1:],
            text + _best(members, over, values if name == "fc_correlation" else None),
            _scatter(members, over, values, SHOWN[name]),
            f"{SHOWN[name]} of all members",
        )
        for name, values in members.values.items()
    ]
    return Section("members", "Members of the ensemble", f"{lead}.", panels, order=5)


def _axis(members: Members) -> str | None:
    """The coordinate along which members are drawn: the first number that is no seed, else the first of all."""
    names = list(members.coordinates)
    numbers = [name for name in names if members.coordinates[name].dtype.kind in "fiu" and name != "seed"]
    return next(iter(numbers or names), None)


def _along(members: Members, over: str | None) -> NDArray[Any]:
    given = np.arange(members.n) if over is None else members.coordinates[over]
    return given if given.dtype.kind in "fiu" else given.astype(str)


def _means(along: NDArray[Any], values: F64) -> tuple[NDArray[Any], F64]:
    at, which = np.unique(along, return_inverse=True)
    known = np.isfinite(values)
    sums = np.bincount(which[known], values[known], at.size)
    counts = np.bincount(which[known], minlength=at.size)
    return at, np.divide(sums, counts, out=np.full(at.size, np.nan), where=counts > 0)


def _best(members: Members, over: str | None, values: F64 | None) -> str:
    if values is None or not np.isfinite(values).any():
        return ""
    at, means = _means(_along(members, over), values)
    best = int(np.nanargmax(means))
    where = significant(float(at[best])) if at.dtype.kind in "fiu" else safe(str(at[best]))
    return f" Best at {where}: {means[best]:.3f}."


def _scatter(members: Members, over: str | None, values: F64, label: str) -> go.Figure:
    along = _along(members, over)
    at, means = _means(along, values)
    told = [
        ", ".join(f"{name} {members.coordinates[name][k]}" for name in members.coordinates) for k in range(members.n)
    ]
    fig = figure(340)
    fig.add_scatter(x=at, y=means, mode="lines", line={"color": ACCENT, "width": 2}, hoverinfo="skip")
    fig.add_scatter(
        x=along, y=values, mode="markers", marker={"color": translucent(ACCENT, 0.6), "size": 7}, text=told,
        hovertemplate="%{text}<br>%{y:.3f}<extra></extra>",
    )  # fmt: skip
    fig.update_xaxes(title=over or "member")
    fig.update_yaxes(title=label)
    return fig
