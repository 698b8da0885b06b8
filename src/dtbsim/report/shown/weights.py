"""Plastic weights in the report: their course, and their distribution at both ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.report import figures_recordings as draw
from dtbsim.report.collect_recordings import collect_weights
from dtbsim.report.data import RecordedWeights
from dtbsim.report.part import Part
from dtbsim.report.parts import RECORDINGS, Panel, Section
from dtbsim.report.text import milliseconds, plural, significant

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal


class WeightsPart(Part):
    """Of `record.weights`."""

    def collect(self, source: Source, kind: Signal) -> list[RecordedWeights]:
        """Return every entry that holds something."""
        return collect_weights(source)

    def sections(self, found: list[RecordedWeights]) -> list[Section]:
        """Return two panels for each entry."""
        return [RECORDINGS.of([panel for weights in found for panel in _weights(weights)])]


def _weights(data: RecordedWeights) -> list[Panel]:
    which = plural(data.synapses, "synapse")
    course = (
        f"Median and the range of 80 % of {which}, at {plural(len(data.time_s), 'moment')}. Delays are dendritic, at "
        "least one step: a spike of the target meets those of the source as if it came "
        f"{_delays(data.delays_ms)} later."
    )
    split = f"Share of {which} by weight, at the first and at the last moment recorded."
    return [
        Panel(
            f"Weights of {data.projection}",
            course,
            draw.weight_course(data),
            f"Weights of {data.projection} against time",
            wide=False,
        ),
        Panel(
            f"Distribution of weights, {data.projection}",
            split,
            draw.weight_distribution(data),
            f"Distribution of the weights of {data.projection}, first and last",
            wide=False,
        ),
    ]


def _delays(delays_ms: tuple[float, float]) -> str:
    shortest, longest = delays_ms
    same = shortest == longest
    return milliseconds(longest) if same else f"{significant(shortest)} to {milliseconds(longest)}"


WEIGHTS = WeightsPart()
