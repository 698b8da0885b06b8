"""Rates of a run: over time, per population, and their spectra. Single neurons are in `collect_spikes`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report.data import (
    FloatArray,
    IntArray,
    PopulationRates,
    RateCourse,
    RegionRates,
    Spectrum,
    SpectrumGroup,
)
from dtbsim.report.layout import each
from dtbsim.report.published import published_rates

if TYPE_CHECKING:
    from dtbsim.report.source import Source

MOST_FAMILIES = 12
"""Lines that can be told apart in one figure."""

MOST_BINS = 700
MOST_IMAGE_CELLS = 60_000
LONGEST_SEGMENT_S = 10.0
FEWEST_FOR_RANGE = 5


@dataclass(frozen=True)
class RateTable:
    """Recorded rates [bin, column] in Hz; `index` says which population of the network a column is."""

    hz: FloatArray
    start_ms: float
    bin_ms: float
    index: IntArray
    family: list[str]
    region_index: IntArray
    size: FloatArray

    @cached_property
    def families(self) -> list[str]:
        """The largest families, in the order of the network."""
        return largest_families(self.family, self.size)

    def columns(self, family: str) -> IntArray:
        """Return the populations of a family."""
        return np.array([i for i, name in enumerate(self.family) if name == family])


def largest_families(family: list[str], size: FloatArray | IntArray) -> list[str]:
    """Return at most MOST_FAMILIES family names: those with most neurons, in the order given."""
    totals: dict[str, float] = {}
    for name, neurons in zip(family, size, strict=True):
        totals[name] = totals.get(name, 0.0) + float(neurons)
    kept = set(sorted(totals, key=lambda name: -totals[name])[:MOST_FAMILIES])
    return [name for name in totals if name in kept]


def read_rates(source: Source) -> RateTable | None:
    """Return the recorded population rates, or None where none were recorded."""
    if not source.recorded("rates.zarr"):
        return None
    stored = source.run.rates()
    if stored.shape[0] == 0:
        return None
    table = source.run.network_table
    position = {name: i for i, name in enumerate(table.names)}
    recorded = [str(name) for name in stored["population"].values]
    columns = [column for column, name in enumerate(recorded) if name in position]
    index = [position[recorded[column]] for column in columns]
    entries = [table.populations[i] for i in index]
    hz = np.asarray(stored.values, dtype=np.float64)
    return RateTable(
        hz=hz if len(columns) == hz.shape[1] else hz[:, columns],
        start_ms=float(stored["time_ms"].values[0]),
        bin_ms=float(stored.attrs["bin_ms"]),
        index=np.array(index),
        family=[source.label(entry["family"]) for entry in entries],
        region_index=np.array([int(entry["region_index"]) for entry in entries]),
        size=np.array([float(entry["size"]) for entry in entries]),
    )


def collect_rate_course(source: Source, rates: RateTable | None) -> RateCourse | None:
    """Return rates over time per family, in at most MOST_BINS bins."""
    if rates is None:
        source.absent.append("rates over time (population rates were not recorded)")
        return None
    if len(set(rates.family)) > len(rates.families):
        source.absent.append(f"rates over time of all but the {len(rates.families)} largest populations")
    coarse, bin_ms = _rebinned(rates.hz, rates.bin_ms, MOST_BINS)
    members = [coarse[:, rates.columns(family)] for family in rates.families]
    weights = [rates.size[rates.columns(family)] for family in rates.families]
    ranged = all(part.shape[1] >= FEWEST_FOR_RANGE for part in members)
    return RateCourse(
        time_s=_bin_centres_s(rates, len(coarse), bin_ms),
        families=rates.families,
        mean_hz=np.array([part @ (size / size.sum()) for part, size in zip(members, weights, strict=True)]),
        low_hz=np.array([np.quantile(part, 0.1, axis=1) for part in members]) if ranged else None,
        high_hz=np.array([np.quantile(part, 0.9, axis=1) for part in members]) if ranged else None,
        bin_ms=bin_ms,
    )


def collect_region_rates(source: Source, rates: RateTable | None) -> RegionRates | None:
    """Return the first family's rate in every region over time, where at least three regions have it."""
    if rates is None:
        return None
    for family in rates.families:
        columns = rates.columns(family)
        at = {int(region): column for region, column in zip(rates.region_index[columns], columns, strict=True)}
        shown = [int(region) for region in source.regions.order if int(region) in at]
        if len(shown) < 3:
            continue
        bins = max(50, min(MOST_BINS, MOST_IMAGE_CELLS // len(shown)))
        coarse, bin_ms = _rebinned(rates.hz[:, [at[region] for region in shown]], rates.bin_ms, bins)
        names = [source.regions.names[region] for region in shown]
        complete = len(shown) == len(source.regions.order)
        return RegionRates(
            time_s=_bin_centres_s(rates, len(coarse), bin_ms),
            hz=coarse.T,
            family=family,
            regions=names,
            groups=source.regions.groups if complete else each(names),
            bin_ms=bin_ms,
        )
    return None


def collect_population_rates(source: Source, rates: RateTable | None) -> PopulationRates | None:
    """Return the mean rate of every population from the start of the statistics on."""
    table = source.run.network_table
    found = _mean_rates(source, rates)
    if found is None:
        return None
    hz, start_ms, stop_ms = found
    published, citation = published_rates(source.config)
    names = source.regions.names
    indices = [int(entry["region_index"]) for entry in table.populations]
    return PopulationRates(
        names=[source.label(name) for name in table.names],
        families=[source.label(entry["family"]) for entry in table.populations],
        regions=[names[index] if 0 <= index < len(names) else None for index in indices],
        sizes=np.array([int(entry["size"]) for entry in table.populations]),
        rate_hz=hz,
        start_s=1e-3 * start_ms,
        stop_s=1e-3 * stop_ms,
        published_hz={source.label(name): rate for name, rate in published.items() if name in table.names},
        published_source=citation,
        cortical=_cortical(source),
    )


def _cortical(source: Source) -> bool:
    """Whether all regions are cortex of a bundled atlas: what others hold, their files do not say for certain."""
    from dtbsim.atlas import is_bundled

    return source.atlas is not None and is_bundled(source.atlas) and bool(source.atlas.is_cortex.all())


def _mean_rates(source: Source, rates: RateTable | None) -> tuple[FloatArray, float, float] | None:
    """Return rates [population] (Hz) and the window (ms): from the recorded rates, else from the spikes."""
    table = source.run.network_table
    if rates is not None:
        starts = rates.start_ms + rates.bin_ms * np.arange(len(rates.hz))
        used = starts >= source.statistics_start_ms - 1e-6
        if not used.any():
            used[:] = True
        hz = np.full(len(table.populations), np.nan)
        hz[rates.index] = rates.hz[used].mean(axis=0)
        return hz, float(starts[used][0]), float(starts[used][-1] + rates.bin_ms)
    window = source.spike_window_ms()
    if window is None:
        return None
    counts = np.zeros(len(table.populations))
    for _, gids in source.spike_chunks(*window):
        counts += np.bincount(table.population_of(gids), minlength=len(counts))
    sizes = np.array([float(entry["size"]) for entry in table.populations])
    hz = counts / (sizes * 1e-3 * (window[1] - window[0]))
    recorded = source.recorded_populations()
    return np.array([rate if i in recorded else np.nan for i, rate in enumerate(hz)]), *window


def collect_rate_spectra(source: Source, rates: RateTable | None) -> list[SpectrumGroup]:
    """Return the spectrum of each family's rate: of the population, or the median and range over its regions."""
    if rates is None:
        return []
    from dtbsim.analysis.activity import power_spectrum

    first = max(0, int(np.ceil((source.statistics_start_ms - rates.start_ms) / rates.bin_ms - 1e-6)))
    hz, bin_s = rates.hz[first:], 1e-3 * rates.bin_ms
    segment_s = min(LONGEST_SEGMENT_S, len(hz) * bin_s / 4)
    if segment_s < 16 * bin_s or not np.isfinite(hz).all():
        return []
    spectra = []
    inner = slice(1, -1)  # without the mean and the Nyquist frequency, which one-sided densities halve
    for family in rates.families:
        frequency, power = power_spectrum(hz[:, rates.columns(family)], bin_s=bin_s, segment_s=segment_s)
        low, middle, high = np.quantile(power[inner], [0.1, 0.5, 0.9], axis=1)
        ranged = power.shape[1] >= FEWEST_FOR_RANGE
        spectra.append(Spectrum(family, frequency[inner], middle, low if ranged else None, high if ranged else None))
    return [SpectrumGroup("rate", "Hz² / Hz", spectra)] if any(s.power.max() > 0 for s in spectra) else []


def _rebinned(hz: FloatArray, bin_ms: float, most: int) -> tuple[FloatArray, float]:
    """Return means over bins of equal length, at most `most` of them, and this length.

    The number averaged is 1, 2 or 5 times a power of ten, so that bins have round lengths; an incomplete last bin is
    left out.
    """
    needed = -(-len(hz) // most)
    steps = (step * 10**power for power in range(12) for step in (1, 2, 5))
    factor = next(step for step in steps if step >= needed)
    whole = len(hz) // factor * factor
    return hz[:whole].reshape(-1, factor, hz.shape[1]).mean(axis=1), factor * bin_ms


def _bin_centres_s(rates: RateTable, bins: int, bin_ms: float) -> FloatArray:
    return 1e-3 * (rates.start_ms + bin_ms * (np.arange(bins) + 0.5))
