"""What a fit has found, and its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.fitting.honest import rates_text
from dtbsim.fitting.journal import Record
from dtbsim.fitting.objectives import Goal
from dtbsim.fitting.space import Space

if TYPE_CHECKING:
    import pandas as pd

    from dtbsim.fitting.posterior import Posterior

F64 = NDArray[np.float64]
NOTHING_HELD_OUT = (
    "no data are held out: scores are of the data that were fitted, and say nothing about others (--hold-out)"
)


@dataclass(eq=False)
class Fit:
    """The best point of a fit and what its scores have to be read beside; `print` shows it in words.

    Attributes:
        folder: of the study, None without one.
        best: {key: value} of the best point.
        scores: by objective, of the best point with seeds that the search has not seen: mean, sd, least, most, n.
        held_out: the same of the data that were held out; {} without.
        expected: FC correlation of the mean FC of these seeds, which has less of the noise of finite recordings, as the
            linear network has none: {"fitted": r, "held_out": r}; {} without FC.
        baselines: FC correlations of the best linear network, of the connectome alone, and the ceiling.
        rates_hz, rates_sd_hz: mean rate of each population, and the standard deviation of its regions.
        notes: parameters at a bound, flat landscapes, parameters that are not told apart.
        units, losses: float64[n, p] points of the unit cube and float64[n, objectives], in the order of the search.
        front: the Pareto front, where several objectives were given.
        fc, measured_fc: float64[n, n] of the best point (one seed), and of the data.
        posterior: of `method="sbi"`.
    """

    folder: Path | None
    label: str
    objective: Goal
    best: dict[str, float]
    scores: dict[str, dict[str, float]]
    held_out: dict[str, dict[str, float]]
    held_out_name: str
    data: str
    baselines: dict[str, Any]
    expected: dict[str, float]
    rates_hz: dict[str, float]
    rates_sd_hz: dict[str, float]
    n_evaluations: int
    n_failed: int
    notes: list[str]
    units: F64
    losses: F64
    front: list[dict[str, Any]]
    fc: F64 | None
    measured_fc: F64 | None
    regions: tuple[str, ...]
    space: Space
    records: Sequence[Record] | None = None
    posterior: Posterior | None = None
    table_path: Path | None = field(default=None)

    @property
    def table(self) -> pd.DataFrame:
        """A row for every evaluation: values, seed, scores, rates, error, seconds (the only column that may differ)."""
        from dtbsim.fitting.table import frame_of, read_table

        if self.records is not None:
            return frame_of(self.records)
        assert self.table_path is not None
        return read_table(self.table_path)

    @property
    def title(self) -> str:
        """The first line: whether the score is of data that were not fitted."""
        if not self.held_out:
            return f"{NOTHING_HELD_OUT[0].upper()}{NOTHING_HELD_OUT[1:]}."
        parts = []
        for key, held in self.held_out.items():
            parts.append(f"{key} {held['mean']:.3f} ({self.scores[key]['mean']:.3f} on the data that were fitted)")
        return f"Held out, {self.held_out_name}: {', '.join(parts)}."

    @property
    def lines(self) -> list[str]:
        """All that is to be said, line by line."""
        best = ", ".join(f"{key} = {value:.6g}" for key, value in self.best.items())
        failed = f", of which {self.n_failed} failed" if self.n_failed else ""
        found = [self.title, f"Best of {self.n_evaluations} evaluations{failed} ({self.label}): {best}", ""]
        rows = [("", "fitted", "held out", "")]
        for term in self.objective.terms:
            score, held = self.scores.get(term.key), self.held_out.get(term.key)
            name = f"{term.objective.label or term.key}, {int(score['n']) if score else 0} other seeds"
            rows.append((name, _spread(score), _spread(held), ""))
        if self.expected:
            pair = (_number(self.expected["fitted"]), _number(self.expected.get("held_out")))
            rows.append(("FC correlation r, mean FC of these seeds", *pair, ""))
        for key, name in (("linear_network", "best linear network, r"), ("structure_alone", "connectome alone, r")):
            if key in self.baselines:
                pair = self.baselines[key]
                rows.append((name, _number(pair["fitted"]), _number(pair["held_out"]), ""))
        if "ceiling" in self.baselines:
            ceiling = self.baselines["ceiling"]
            rows.append(("ceiling, r", f"{ceiling['r']:.3f}", "", f"  ({ceiling['of']})"))
        width = max(len(row[0]) for row in rows)
        found += [f"{name:{width}}{fitted:>18}{held:>18}{more}".rstrip() for name, fitted, held, more in rows]
        if not self.baselines:
            found.append("no baseline: the data have no FC, or the model no connectome")
        if self.rates_hz:
            found.append(f"rates: {rates_text(self.rates_hz, self.rates_sd_hz)}")
        found += [f"note: {note}" for note in [*self.notes, *self._beside]]
        if self.posterior is not None:
            found += self.posterior.lines
        if self.folder is not None:
            found += [
                "",
                f"{self.folder}: best.yaml, {self.table_path.name if self.table_path else 'table'}, report.html",
            ]
        return found

    @property
    def _beside(self) -> list[str]:
        """Where the model is no better than what needs no model."""
        column, scores = ("held_out", self.held_out) if self.held_out else ("fitted", self.scores)
        linear = (self.baselines.get("linear_network") or {}).get(column)
        if linear is None or "fc" not in scores:
            return []
        gain = scores["fc"]["mean"] - linear
        seeds = scores["fc"]["sd"] if np.isfinite(scores["fc"]["sd"]) else 0.0
        if gain > seeds:
            return [f"the model is above the linear network by {gain:.3f}"]
        more = self.expected.get(column, -1.0) - linear
        if more > 0:
            text = f"one run is no nearer to the data than the linear network ({gain:+.3f}), but the mean FC of seeds"
            return [f"{text} is ({more:+.3f})"]
        return [f"the linear network does as well or better ({-gain:+.3f}): the fit is no evidence for the model"]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def summary(self) -> dict[str, Any]:
        """What summary.json holds."""
        return {
            "title": self.title,
            "method": self.label,
            "data": self.data,
            "held_out_data": self.held_out_name or None,
            "best": self.best,
            "scores": _plain(self.scores),
            "held_out": _plain(self.held_out),
            "baselines": self.baselines,
            "expected": self.expected,
            "rates_hz": self.rates_hz,
            "rates_sd_hz": self.rates_sd_hz,
            "evaluations": self.n_evaluations,
            "failed": self.n_failed,
            "notes": [*self.notes, *self._beside],
            "front": self.front,
            "posterior": None if self.posterior is None else self.posterior.summary,
        }


def _spread(found: Mapping[str, float] | None) -> str:
    if found is None:
        return "-"
    return f"{found['mean']:.3f}" + (f" +- {found['sd']:.3f}" if np.isfinite(found["sd"]) else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _plain(found: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    return {
        key: {name: value if np.isfinite(value) else None for name, value in one.items()} for key, one in found.items()
    }
