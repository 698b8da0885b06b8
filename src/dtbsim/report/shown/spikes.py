"""Spikes in the report: a raster, and rates and irregularity of single neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.report import figures_activity as draw
from dtbsim.report.collect_spikes import collect_neurons, collect_raster
from dtbsim.report.data import NeuronStatistics, Raster, SpikesShown
from dtbsim.report.part import Part
from dtbsim.report.parts import ACTIVITY, Panel, Section
from dtbsim.report.text import significant

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal

RASTER, NEURONS = 0, 20
"""Where the panels stand among those of the activity."""


class SpikesPart(Part):
    """Of `record.spikes`."""

    def collect(self, source: Source, kind: Signal) -> SpikesShown:
        """Return the raster and the values of single neurons."""
        return SpikesShown(collect_raster(source), collect_neurons(source))

    def sections(self, found: SpikesShown) -> list[Section]:
        """Return panels of the activity."""
        panels = [] if found.raster is None else [_raster(found.raster)]
        panels += [] if found.neurons is None else _neurons(found.neurons)
        return [ACTIVITY.of(panels)]


def _raster(data: Raster) -> Panel:
    part = f", one in {data.shown_of} of all" if data.shown_of > 1 else ""
    text = (
        f"Each dot is a spike. {data.n_rows:,} of {data.n_neurons:,} neurons, drawn at random in every population, "
        f"from {significant(data.start_s)} to {significant(data.stop_s)} s; {len(data.time_s):,} spikes{part}. Drag to "
        "move; the toolbar zooms."
    )
    return Panel("Spike raster", text, draw.raster(data), "Spike raster of sampled neurons", order=RASTER)


def _neurons(data: NeuronStatistics) -> list[Panel]:
    window = f"from {significant(data.start_s)} to {significant(data.stop_s)} s"
    rates = f"Distribution over single neurons, {window}. The box spans the quartiles; silent neurons are left out."
    irregularity = (
        "Coefficient of variation of the intervals between a neuron's spikes: 0 is a clock, 1 a Poisson process. "
        f"Neurons with at least {data.min_spikes} spikes {window}; the value grows with the length of this window."
    )
    drawn, how = draw.neuron_rates(data), draw.neuron_irregularity(data)
    return [
        Panel("Rates of single neurons", rates, drawn, "Violins of rates", wide=False, order=NEURONS),
        Panel("Single neurons: irregularity", irregularity, how, "Violins of CV", wide=False, order=NEURONS),
    ]


SPIKES = SpikesPart()
