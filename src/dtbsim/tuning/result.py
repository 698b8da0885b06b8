"""What tuning came to, and its folder: tuned.yaml, scan.csv, tune.json, report.html."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dtbsim.config import RunConfig
from dtbsim.store.files import storage_errors, write_checked
from dtbsim.tuning.edge import Edge, Point

if TYPE_CHECKING:
    import pandas as pd

CONFIG, TABLE, SAID, REPORT = "tuned.yaml", "scan.csv", "tune.json", "report.html"
FORMAT = 1
_LAST = ("stage", "beyond", "error")


@dataclass(frozen=True)
class Change:
    """One number of the configuration: as it was given, and as it is now."""

    key: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Tuned:
    """A configuration at its working point.

    Attributes:
        config: the configuration, ready to run.
        changes: in which numbers it differs from the given one.
        edge: where regions begin to move as one, in factors of the given coupling; None: at none that was looked at.
        point: the coupling that was chosen, and what was seen there in the scan.
        check: what was seen there in a longer run with another seed: rate.NAME (Hz), cv.NAME, together, burst, ...
        distance: how far the point is below the edge, as a share of the edge; None without an edge.
        table: a row for every coupling of the scan.
        baselines: what needs no simulation: correlations of SC and of the best linear network with the measured FC.
        warnings: what to mind before it is used.
        folder: where all of it was written; None: nowhere.
    """

    config: RunConfig
    changes: tuple[Change, ...]
    edge: Edge | None
    point: Point
    check: Mapping[str, Any]
    table: pd.DataFrame
    baselines: Mapping[str, float]
    warnings: tuple[str, ...]
    folder: Path | None = None
    text: str = field(default="", repr=False)

    @property
    def distance(self) -> float | None:
        """See above."""
        return None if self.edge is None else 1 - self.point.factor / self.edge.factor

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, without the table."""
        edge = self.edge
        return {
            "changes": [{"key": one.key, "old": one.old, "new": one.new} for one in self.changes],
            "edge": None
            if edge is None
            else {"factor": edge.factor, "low": edge.low, "high": edge.high, "kind": edge.kind, "why": edge.why},
            "point": {"factor": self.point.factor, "distance": self.distance, "seen": dict(self.point.seen)},
            "check": dict(self.check),
            "baselines": dict(self.baselines),
            "warnings": list(self.warnings),
        }


def table_of(points: Sequence[Point]) -> pd.DataFrame:
    """A row for every coupling of a scan: its factor, the numbers that were set, and what was seen."""
    import pandas as pd

    rows = [
        {"factor": point.factor, **point.values, **point.seen, "stage": point.stage, "beyond": point.beyond}
        for point in points
    ]
    names = dict.fromkeys(name for row in rows for name in row if name not in _LAST)
    last = [name for name in _LAST if any(name in row for row in rows)]
    return pd.DataFrame(rows, columns=[*names, *last])


def write(tuned: Tuned, folder: Path, page: str | None) -> None:
    """Write configuration, table and what was found into the folder. Raises StorageError."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(tuned.text, encoding="utf-8")
        tuned.table.to_csv(folder / TABLE, index=False)
        if page is not None:
            (folder / REPORT).write_text(page, encoding="utf-8")
    write_checked(folder / SAID, {"tune_format": FORMAT, **tuned.to_dict()})
