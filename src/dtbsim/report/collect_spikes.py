"""Spikes of a run: a raster of sampled neurons, and rates and irregularity of single neurons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dtbsim.report.collect_activity import largest_families
from dtbsim.report.data import Groups, IntArray, NeuronStatistics, Raster

if TYPE_CHECKING:
    from dtbsim.report.source import Source

RASTER_SPIKES = 40_000
MOST_RASTER_SPIKES = 50_000
RASTER_ROWS = 1200
MOST_RASTER_ROWS = 3000
STATISTICS_NEURONS = 1_000_000
STATISTICS_SPIKES = 4_000_000
FEWEST_INTERVAL_SPIKES = 4
FEWEST_IN_LONG_WINDOWS = 10
LONG_WINDOW_MS = 10_000.0


def collect_raster(source: Source) -> Raster | None:
    """Return the spikes of neurons drawn at random in every recorded population, in a window at the start."""
    window = source.spike_window_ms()
    if window is None:
        source.absent.append("spikes (they were not recorded)")
        return None
    table = source.run.network_table
    entries = _sorted_populations(source)
    neurons = sum(int(table.populations[i]["size"]) for i in entries)
    rate_per_ms = source.spikes_per_ms()
    if rate_per_ms <= 0:
        source.absent.append("the raster (no neuron fired)")
        return None
    start_ms, stop_ms, n_rows = _raster_extent(window, neurons, rate_per_ms, source.run.dt_ms)
    sizes = np.array([int(table.populations[i]["size"]) for i in entries])
    rows = shares(sizes, n_rows)
    gids, row_family = _sampled(source, entries, rows)
    time_ms, row = _spikes_of(source, gids, start_ms, stop_ms)
    if len(time_ms) == 0:
        source.absent.append("the raster (no sampled neuron fired in its window)")
        return None
    thin = -(-len(time_ms) // MOST_RASTER_SPIKES)
    time_ms, row = time_ms[::thin], row[::thin]
    families = list(dict.fromkeys(source.label(table.populations[i]["family"]) for i in sorted(entries)))
    place = {family: index for index, family in enumerate(families)}
    return Raster(
        time_s=1e-3 * time_ms,
        row=row,
        family=np.array([place[name] for name in row_family])[row],
        families=families,
        groups=_row_groups(source, entries, rows),
        n_rows=len(gids),
        n_neurons=neurons,
        start_s=1e-3 * start_ms,
        stop_s=1e-3 * stop_ms,
        shown_of=thin,
    )


def _raster_extent(
    window: tuple[float, float], neurons: int, rate_per_ms: float, dt_ms: float
) -> tuple[float, float, int]:
    """Return start, stop (ms) and number of rows for about RASTER_SPIKES spikes, the window a round length."""
    start, stop = window
    each_per_ms = rate_per_ms / neurons
    rows = min(neurons, RASTER_ROWS)
    wanted = RASTER_SPIKES / (rows * each_per_ms)
    if wanted < stop - start:
        power = 10.0 ** np.floor(np.log10(wanted))
        wanted = power * max(step for step in (1, 2, 5) if step * power <= wanted * (1 + 1e-9))
        return start, min(stop, start + max(wanted, dt_ms)), rows
    rows = int(RASTER_SPIKES / (each_per_ms * (stop - start)))
    return start, stop, min(neurons, max(rows, RASTER_ROWS), MOST_RASTER_ROWS)


def shares(sizes: IntArray, total: int) -> IntArray:
    """Divide `total` rows over populations in proportion to their sizes: at least one each, at most all neurons."""
    rows: IntArray = np.maximum((sizes * min(1.0, total / sizes.sum())).astype(np.int64), 1)
    return rows


def _sorted_populations(source: Source) -> list[int]:
    """Return the recorded populations as shown: regions in their order, then what lives in none."""
    position = {int(region): i for i, region in enumerate(source.regions.order)}
    populations = source.run.network_table.populations
    recorded = sorted(source.recorded_populations())
    return sorted(recorded, key=lambda i: (position.get(int(populations[i]["region_index"]), len(position)), i))


def _sampled(source: Source, entries: list[int], rows: IntArray) -> tuple[IntArray, list[str]]:
    """Return the gid of every row and its family; the same run gives the same neurons."""
    rng = np.random.default_rng(0)
    gids, families = [], []
    for index, count in zip(entries, rows, strict=True):
        entry = source.run.network_table.populations[index]
        chosen = rng.choice(int(entry["size"]), int(count), replace=False, shuffle=False)
        gids.append(int(entry["gid0"]) + np.sort(chosen))
        families += [source.label(entry["family"])] * int(count)
    return np.concatenate(gids), families


def _spikes_of(source: Source, gids: IntArray, start_ms: float, stop_ms: float) -> tuple[IntArray, IntArray]:
    """Return times (ms, the ends of steps) and rows of the spikes of the neurons in `gids` (row i is gids[i])."""
    by_gid = np.argsort(gids)
    ascending = gids[by_gid]
    times, rows = [np.empty(0)], [np.empty(0, np.int64)]
    for steps, fired in source.spike_chunks(start_ms, stop_ms):
        place = np.searchsorted(ascending, fired)
        place[place == len(ascending)] = 0
        chosen = ascending[place] == fired
        times.append(source.run.network_table.time_ms(steps[chosen]))
        rows.append(by_gid[place[chosen]])
    return np.concatenate(times), np.concatenate(rows)


def _row_groups(source: Source, entries: list[int], rows: IntArray) -> Groups:
    """Name runs of rows: by the groups of regions, and by population outside of regions."""
    groups = source.regions.groups
    position = {int(region): i for i, region in enumerate(source.regions.order)}
    labels: list[str] = []
    edges = [0]
    for index, count in zip(entries, rows, strict=True):
        entry = source.run.network_table.populations[index]
        place = position.get(int(entry["region_index"]))
        label = source.label(entry["name"])
        if place is not None:
            label = groups.labels[int(np.searchsorted(groups.edges, place, side="right")) - 1]
        if labels and labels[-1] == label:
            edges[-1] += int(count)
        else:
            labels.append(label)
            edges.append(edges[-1] + int(count))
    return Groups(labels, edges)


def collect_neurons(source: Source) -> NeuronStatistics | None:
    """Return rates and CVs of single neurons, from as much of the start as holds STATISTICS_SPIKES spikes.

    Of a population those of its first STATISTICS_NEURONS neurons.
    """
    window = source.spike_window_ms()
    if window is None or source.spikes_per_ms() <= 0:
        return None
    from dtbsim.analysis.isi import cv_per_neuron, inter_spike_intervals
    from dtbsim.analysis.spikes import neuron_rates_hz, split_spikes

    dt_ms = source.run.dt_ms
    start, stop = window[0], min(window[1], window[0] + max(STATISTICS_SPIKES / source.spikes_per_ms(), dt_ms))
    steps, gids = source.run.spike_steps(None, start, stop)
    populations = source.run.network_table.populations
    recorded = sorted(source.recorded_populations())
    firsts = [int(populations[i]["gid0"]) for i in recorded]
    sizes = [int(populations[i]["size"]) for i in recorded]
    fewest = FEWEST_IN_LONG_WINDOWS if stop - start >= LONG_WINDOW_MS else FEWEST_INTERVAL_SPIKES
    parts = split_spikes(steps, gids, gid0=firsts, sizes=sizes)
    of_family = [source.label(populations[i]["family"]) for i in recorded]
    families = largest_families(of_family, np.array(sizes))
    rates: dict[str, list[np.ndarray]] = {family: [] for family in families}
    irregularity: dict[str, list[np.ndarray]] = {family: [] for family in families}
    for family, (when, who), first, size in zip(of_family, parts, firsts, sizes, strict=True):
        if family not in rates:
            continue
        if size > STATISTICS_NEURONS:
            among, size = who < first + STATISTICS_NEURONS, STATISTICS_NEURONS
            when, who = when[among], who[among]
        rates[family].append(neuron_rates_hz(who, gid0=first, size=size, duration_s=1e-3 * (stop - start)))
        cv = cv_per_neuron(inter_spike_intervals(when, who, gid0=first, size=size), min_spikes=fewest)
        irregularity[family].append(cv[np.isfinite(cv)])
    if not len(steps):
        return None
    return NeuronStatistics(
        families=families,
        rate_hz=[np.concatenate(rates[family]) for family in families],
        cv_isi=[np.concatenate(irregularity[family]) for family in families],
        start_s=1e-3 * start,
        stop_s=1e-3 * stop,
        min_spikes=fewest,
    )
