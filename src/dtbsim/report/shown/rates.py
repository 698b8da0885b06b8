"""Rates of populations in the report: over time, by region, by population, and their spectra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report import collect_activity as activity
from dtbsim.report import figures_activity as draw
from dtbsim.report.data import PopulationRates, RatesShown, RegionValue
from dtbsim.report.figures_signals import spectrum
from dtbsim.report.part import Part
from dtbsim.report.parts import ACTIVITY, Panel, Section
from dtbsim.report.tables import rate_table
from dtbsim.report.text import milliseconds, safe, significant

if TYPE_CHECKING:
    from dtbsim.report.source import Source
    from dtbsim.signals.stream import Signal

RATES, SPECTRUM = 10, 30
"""Where the panels stand among those of the activity."""


class RatesPart(Part):
    """Of `record.rate_bin_ms`; mean rates also where there are spikes alone."""

    def collect(self, source: Source, kind: Signal) -> RatesShown:
        """Return what follows from the rates."""
        rates = activity.read_rates(source)
        return RatesShown(
            activity.collect_population_rates(source, rates),
            activity.collect_rate_course(source, rates),
            activity.collect_region_rates(source, rates),
            activity.collect_rate_spectra(source, rates),
        )

    def sections(self, found: RatesShown) -> list[Section]:
        """Return panels of the activity."""
        panels = _over_time(found)
        if found.population_rates is not None:
            panels += _population_panels(found.population_rates)
        for group in found.spectra:
            text = "Power of the fluctuations of the population rates (Welch's method) by frequency."
            alt = "Power spectra of population rates"
            panels.append(Panel("Rate spectrum", text, spectrum(group), alt, order=SPECTRUM))
        return [ACTIVITY.of(panels)]

    def region_values(self, found: RatesShown, source: Source) -> list[RegionValue]:
        """Return the mean rate of every family that lives in regions."""
        rates, atlas = found.population_rates, source.atlas
        if rates is None or atlas is None:
            return []
        position = {name: i for i, name in enumerate(atlas.display_names)}
        result = []
        for family in dict.fromkeys(rates.families[i] for i in rates.choose(in_regions=True)):
            values = np.full(atlas.n_regions, np.nan)
            for name, region, rate in zip(rates.families, rates.regions, rates.rate_hz, strict=True):
                if name == family and region in position:
                    values[position[region]] = rate
            result.append(RegionValue(f"mean rate, {family}", "Hz", values, "Mean over the region's neurons and time."))
        return result


def _over_time(found: RatesShown) -> list[Panel]:
    panels = []
    if found.rate_course is not None:
        course = found.rate_course
        band = " Bands hold 80 % of the regions." if course.low_hz is not None else ""
        text = f"Mean rate over all neurons of a population, in bins of {milliseconds(course.bin_ms)}.{band}"
        drawn = draw.rate_course(course)
        panels.append(Panel("Rates over time", text, drawn, "Population rates over time", order=RATES))
    if found.region_rates is not None:
        image = found.region_rates
        text = f"The rate of {safe(image.family)} in every region, in bins of {milliseconds(image.bin_ms)}."
        drawn = draw.region_rates(image)
        panels.append(Panel("Rates over time, by region", text, drawn, "Rate by region", order=RATES))
    return panels


def _population_panels(rates: PopulationRates) -> list[Panel]:
    window = f"Mean over neurons and time, from {significant(rates.start_s)} to {significant(rates.stop_s)} s."
    table = f"<details><summary>Numbers</summary>{rate_table(rates)}</details>"
    panels = []
    if rates.choose(in_regions=True):
        text = window
        if rates.cortical:
            low, high = draw.GUIDE_RATE_HZ
            text += (
                f" The shaded band, {low:g} to {high:g} Hz, is a guide to spontaneous rates of cortical populations in "
                "awake animals; single cells spread beyond it (Roxin et al. 2011, J Neurosci 31:16217)."
            )
        drawn, alt = draw.rates_by_region(rates, guide=rates.cortical), "Mean rate of every population by region"
        panels.append(Panel("Rates by region", text, drawn, alt, table, order=RATES))
    outside = rates.choose(in_regions=False)
    if outside:
        text = window
        if len(outside) > draw.MOST_BARS:
            text += f" The {draw.MOST_BARS} largest of {len(outside)} populations; all are under Numbers."
        if rates.published_hz:
            text += f" Diamonds: {safe(rates.published_source)}."
        body = "" if panels else table
        drawn = draw.rates_by_population(rates)
        panels.append(Panel("Rates by population", text, drawn, "Mean rates", body, order=RATES))
    return panels


RATES_PART = RatesPart()
