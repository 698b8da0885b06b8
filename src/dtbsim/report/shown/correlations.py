"""Cross-correlation histograms in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.report import figures_recordings as draw
from dtbsim.report.collect_recordings import collect_correlations
from dtbsim.report.data import Correlogram
from dtbsim.report.part import Part
from dtbsim.report.parts import RECORDINGS, Panel, Section
from dtbsim.report.text import count, milliseconds, safe

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal


class CorrelationsPart(Part):
    """Of `record.correlations`."""

    def collect(self, source: Source, kind: Signal) -> list[Correlogram]:
        """Return every entry that holds something."""
        return collect_correlations(source)

    def sections(self, found: list[Correlogram]) -> list[Section]:
        """Return a panel for each entry."""
        return [RECORDINGS.of([_correlogram(pair) for pair in found])]


def _correlogram(data: Correlogram) -> Panel:
    same = data.first == data.second
    text = (
        f"Covariance of the numbers of spikes in bins of {milliseconds(data.bin_ms)}, over {count(data.bins)} bins: 0 "
        "is what independent spikes would give. "
    )
    if same:
        text += "Lag 0 is left out, where every spike meets itself."
        title = f"Autocorrelation of {data.first}"
    else:
        text += f"At positive lags {safe(data.second)} fires after {safe(data.first)}."
        title = f"Correlation of {data.first} and {data.second}"
    return Panel(title, text, draw.correlogram(data), f"{title} by lag", wide=False)


CORRELATIONS = CorrelationsPart()
