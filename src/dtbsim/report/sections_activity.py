"""The part of the report about spikes: raster, rates, single neurons, rate spectra."""

from __future__ import annotations

from dtbsim.report import figures_activity as draw
from dtbsim.report.data import PopulationRates, ReportData
from dtbsim.report.figures_signals import spectrum
from dtbsim.report.parts import Panel, Section
from dtbsim.report.tables import rate_table
from dtbsim.report.text import milliseconds, safe, significant


def activity_section(data: ReportData) -> Section | None:
    """Return raster, rates, single-neuron statistics and rate spectra."""
    panels: list[Panel] = []
    if data.raster is not None:
        r = data.raster
        part = f", one in {r.shown_of} of all" if r.shown_of > 1 else ""
        text = (
            f"Each dot is a spike. {r.n_rows:,} of {r.n_neurons:,} neurons, drawn at random in every population, from "
            f"{significant(r.start_s)} to {significant(r.stop_s)} s; {len(r.time_s):,} spikes{part}. Drag to move; "
            "the toolbar zooms."
        )
        panels.append(Panel("Spike raster", text, draw.raster(r), "Spike raster of sampled neurons"))
    panels += _rate_panels(data)
    if data.neurons is not None:
        n = data.neurons
        window = f"from {significant(n.start_s)} to {significant(n.stop_s)} s"
        text = f"Distribution over single neurons, {window}. The box spans the quartiles; silent neurons are left out."
        panels.append(Panel("Rates of single neurons", text, draw.neuron_rates(n), "Violins of rates", wide=False))
        text = (
            "Coefficient of variation of the intervals between a neuron's spikes: 0 is a clock, 1 a Poisson process. "
            f"Neurons with at least {n.min_spikes} spikes {window}; the value grows with the length of this window."
        )
        panels.append(
            Panel("Single neurons: irregularity", text, draw.neuron_irregularity(n), "Violins of CV", wide=False)
        )
    for group in data.spectra:
        if group.kind == "rate":
            text = "Power of the fluctuations of the population rates (Welch's method) by frequency."
            panels.append(Panel("Rate spectrum", text, spectrum(group), "Power spectra of population rates"))
    return Section("activity", "Spiking activity", "", panels) if panels else None


def _rate_panels(data: ReportData) -> list[Panel]:
    panels = []
    if data.rate_course is not None:
        course = data.rate_course
        band = " Bands hold 80 % of the regions." if course.low_hz is not None else ""
        text = f"Mean rate over all neurons of a population, in bins of {milliseconds(course.bin_ms)}.{band}"
        panels.append(Panel("Rates over time", text, draw.rate_course(course), "Population rates over time"))
    if data.region_rates is not None:
        image = data.region_rates
        text = f"The rate of {safe(image.family)} in every region, in bins of {milliseconds(image.bin_ms)}."
        panels.append(Panel("Rates over time, by region", text, draw.region_rates(image), "Rate by region"))
    if data.population_rates is not None:
        panels += _population_panels(data.population_rates)
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
        drawn = draw.rates_by_region(rates, guide=rates.cortical)
        panels.append(Panel("Rates by region", text, drawn, "Mean rate of every population by region", table))
    outside = rates.choose(in_regions=False)
    if outside:
        text = window
        if len(outside) > draw.MOST_BARS:
            text += f" The {draw.MOST_BARS} largest of {len(outside)} populations; all are under Numbers."
        if rates.published_hz:
            text += f" Diamonds: {safe(rates.published_source)}."
        body = "" if panels else table
        panels.append(Panel("Rates by population", text, draw.rates_by_population(rates), "Mean rates", body))
    return panels
