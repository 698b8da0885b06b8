"""State variables in the report: traces of a few of the recorded neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.report import figures_recordings as draw
from dtbsim.report.collect_recordings import collect_states
from dtbsim.report.data import RecordedStates
from dtbsim.report.part import Part
from dtbsim.report.parts import RECORDINGS, Panel, Section
from dtbsim.report.text import milliseconds, plural, safe, significant

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal


class StatesPart(Part):
    """Of `record.states`."""

    def collect(self, source: Source, kind: Signal) -> list[RecordedStates]:
        """Return every entry that holds something."""
        return collect_states(source)

    def sections(self, found: list[RecordedStates]) -> list[Section]:
        """Return a panel for each entry."""
        return [RECORDINGS.of([_states(states) for states in found])]


def _states(data: RecordedStates) -> Panel:
    names = " and ".join(", ".join(trace.variable for trace in data.traces).rsplit(", ", 1))
    shown = len(data.neurons)
    which = f"{shown} of {data.recorded:,} recorded {data.what}s" if shown < data.recorded else plural(shown, data.what)
    start_s = max(0.0, float(data.time_s[0]) - 1e-3 * data.interval_ms)
    text = (
        f"{safe(names)} of {which}, a sample every {milliseconds(data.interval_ms)}, from "
        f"{significant(start_s, 4)} to {significant(float(data.time_s[-1]), 4)} s."
    )
    if data.spikes_s is not None:
        text += " Ticks mark spikes."
    if any(trace.mean is not None for trace in data.traces):
        text += f" Grey: the mean over all recorded {data.what}s."
    alt = f"{names} of {data.population} against time"
    return Panel(f"States of {data.population}", text, draw.states(data), alt)


STATES = StatesPart()
