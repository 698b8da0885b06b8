"""What the parts of the page of the documentation have in common: rows of its table, and links to tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.validation.distributions import Counts
from tests.validation.svg import Series

REPEATED = 3
"""Seeds of a simulator that are drawn in a picture."""


@dataclass(frozen=True)
class Row:
    """One comparison: the result holds or it does not."""

    what: str
    against: str
    tolerance: str
    result: str
    holds: bool
    test: str

    def markdown(self) -> str:
        """The row of a table; the test is a file below tests/."""
        name = self.test.rsplit("/", 1)[-1].removesuffix(".py")
        link = f"[{name}](../tests/{self.test})"
        return f"| {self.what} | {self.against} | {self.tolerance} | {self.result} | {shown(self.holds)} | {link} |"


HEAD = "| what | against | tolerance | result | holds | test |\n| --- | --- | --- | --- | --- | --- |"


def shown(holds: bool) -> str:
    """Yes or no, the latter easily seen."""
    return "yes" if holds else "**no**"


def curve(counts: Counts, colour: str, label: str, scale: float = 1.0, merge: int = 1) -> Series:
    """A counted distribution as a line: share per bin over its middle, `merge` bins taken together."""
    x, y = merged(counts, merge)
    return Series([value * scale for value in x], y, colour, label)


def merged(counts: Counts, merge: int) -> tuple[list[float], list[float]]:
    """Middles of bins (in the unit of the value) and shares; an empty bin at either end."""
    first, values = counts["first"], counts["counts"]
    groups: dict[int, int] = {}
    for k, value in enumerate(values, first):
        groups[k // merge] = groups.get(k // merge, 0) + value
    keys = range(min(groups) - 1, max(groups) + 2)
    total = sum(values)
    width = counts["bin"] * merge
    return [(key + 0.5) * width for key in keys], [groups.get(key, 0) / total for key in keys]


def dated(origin: dict[str, Any]) -> str:
    """When and from what a result was made."""
    changed = " with changes" if origin["modified"] else ""
    nest = f", NEST {origin['nest']}" if "nest" in origin else ""
    return f"{origin['date']}, commit {origin['commit']}{changed}{nest}"
