"""What was recorded on request: state variables of single neurons, plastic weights, correlation histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.report.data import Correlogram, FloatArray, IntArray, RecordedStates, RecordedWeights, StateTrace

if TYPE_CHECKING:
    from dtbsim.report.source import Source

MOST_TRACES = 3
MOST_SAMPLES = 2500
MOST_VALUES = 20_000_000
"""Numbers that are read of one recording; of more, fewer samples are read."""

MOST_WEIGHT_SAMPLES = 300
WEIGHT_BINS = 50
UNITS = ("mV", "pA", "nS", "pF", "ms", "Hz")


def collect_states(source: Source) -> list[RecordedStates]:
    """Return every entry of record.states that holds samples, in a window from the start of the statistics on."""
    found = []
    for k, entry in enumerate(_entries(source, "states")):
        what = f"recorded states of {entry.get('population')}"
        if source.recorded(f"states/{k}"):
            states = _states(source, k, str(entry.get("population")))
            if states is not None:
                found.append(states)
                continue
            source.absent.append(f"{what} (the run ended before the first sample)")
        else:
            source.absent.append(f"{what} (nothing was stored)")
    return found


def _entries(source: Source, key: str) -> list[dict[str, Any]]:
    entries = (source.config.get("record") or {}).get(key) or []
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def _states(source: Source, k: int, population: str) -> RecordedStates | None:
    run = source.run
    nothing = run.states(k, -1.0, 0.0)  # a sample comes at the end of a step
    if "region" in nothing.dims:
        return _region_states(source, k, population, float(nothing.attrs["interval_ms"]))
    gids, interval_ms = nothing["gid"].values, float(nothing.attrs["interval_ms"])
    if not len(gids):
        return None
    samples = min(MOST_SAMPLES, max(1, MOST_VALUES // (len(gids) * len(nothing.data_vars))))
    length_ms = samples * interval_ms
    stored = run.states(k, source.statistics_start_ms, source.statistics_start_ms + length_ms)
    if not stored.sizes["time_ms"]:
        stored = run.states(k, None, length_ms)
    if not stored.sizes["time_ms"]:
        return None
    shown = np.unique(np.linspace(0, len(gids) - 1, min(MOST_TRACES, len(gids))).round().astype(int))
    traces = []
    for name, values in stored.data_vars.items():
        variable, unit = split_unit(str(name))
        mean = values.values.mean(axis=1, dtype=np.float64) if len(shown) < len(gids) else None
        traces.append(StateTrace(variable, unit, values.values[:, shown], mean))
    time_ms = stored["time_ms"].values
    return RecordedStates(
        population=source.label(population),
        neurons=[_neuron(source, int(gids[i])) for i in shown],
        recorded=len(gids),
        time_s=1e-3 * time_ms,
        interval_ms=interval_ms,
        traces=traces,
        spikes_s=_spikes(source, gids[shown], float(time_ms[0]) - interval_ms, float(time_ms[-1])),
    )


def _region_states(source: Source, k: int, population: str, interval_ms: float) -> RecordedStates | None:
    """Of mean-field regions; of an ensemble those of its first member."""
    length_ms = MOST_SAMPLES * interval_ms
    stored = source.run.states(k, source.statistics_start_ms, source.statistics_start_ms + length_ms)
    if not stored.sizes["time_ms"]:
        stored = source.run.states(k, None, length_ms)
    if not stored.sizes["time_ms"]:
        return None
    members = stored.sizes.get("member", 1)
    if "member" in stored.dims:
        stored = stored.isel(member=0)
    names = [str(name) for name in stored["region"].values]
    shown = np.unique(np.linspace(0, len(names) - 1, min(MOST_TRACES, len(names))).round().astype(int))
    traces = []
    for name, values in stored.data_vars.items():
        variable, unit = split_unit(str(name))
        mean = values.values.mean(axis=1, dtype=np.float64) if len(shown) < len(names) else None
        traces.append(StateTrace(variable, unit, values.values[:, shown], mean))
    return RecordedStates(
        population=population if members == 1 else f"{population}, member 0 of {members}",
        neurons=[names[i] for i in shown],
        recorded=len(names),
        time_s=1e-3 * stored["time_ms"].values,
        interval_ms=interval_ms,
        traces=traces,
        spikes_s=None,
        what="region",
    )


def split_unit(name: str) -> tuple[str, str]:
    """Return a state's name and unit: `V_m_mV` is V_m in mV; a name without a unit has none."""
    stem, _, unit = name.rpartition("_")
    return (stem, unit) if stem and unit in UNITS else (name, "")


def _neuron(source: Source, gid: int) -> str:
    entry = source.run.network_table.populations[int(source.run.network_table.population_of(np.array([gid]))[0])]
    return f"{source.label(entry['name'])} {gid - int(entry['gid0'])}"


def _spikes(source: Source, gids: IntArray, start_ms: float, stop_ms: float) -> list[FloatArray] | None:
    """Return the times (s) of the spikes of each neuron in start_ms < t <= stop_ms, None unless all were recorded."""
    window, table = source.spike_window_ms(), source.run.network_table
    if window is None or not set(table.population_of(gids)) <= source.recorded_populations():
        return None
    settings = (source.config.get("record") or {}).get("spikes") or {}
    first = float(settings.get("start_ms") or 0.0)
    if first > start_ms + table.dt_ms / 2 or window[1] < stop_ms - table.dt_ms / 2:
        return None
    when: list[list[FloatArray]] = [[] for _ in gids]
    for steps, fired in source.spike_chunks(max(0.0, start_ms), stop_ms):
        for times, gid in zip(when, gids, strict=True):
            times.append(1e-3 * table.time_ms(steps[fired == gid]))
    return [np.concatenate([np.empty(0), *times]) for times in when]


def collect_weights(source: Source) -> list[RecordedWeights]:
    """Return every entry of record.weights that holds samples and synapses."""
    found = []
    for k, entry in enumerate(_entries(source, "weights")):
        projection = str(entry.get("projection"))
        what = f"recorded weights of {projection}"
        if not source.recorded(f"weights/{k}"):
            source.absent.append(f"{what} (nothing was stored)")
            continue
        weights = _weights(source, k, entry, projection)
        if weights is None:
            source.absent.append(f"{what} (no synapse or no sample)")
        else:
            found.append(weights)
    return found


def _weights(source: Source, k: int, entry: dict[str, Any], projection: str) -> RecordedWeights | None:
    run = source.run
    first = run.weights(k, None, 0.0)
    synapses = first.sizes["synapse"]
    if not synapses or not first.sizes["time_ms"]:
        return None
    end_ms = run.network_table.n_steps * run.dt_ms
    interval_ms = float(entry.get("interval_ms") or end_ms)
    samples = min(MOST_WEIGHT_SAMPLES, max(1, MOST_VALUES // synapses))
    every = interval_ms * max(1, -(-int(end_ms / interval_ms) // samples))
    times, quantiles, last = [0.0], [_deciles(first.values[0])], first.values[0]
    while times[-1] < end_ms:
        # the sample that ends a stretch; the last stretch may be shorter, and the run may have ended in it
        stop_ms = min(times[-1] + every, end_ms)
        stretch = run.weights(k, stop_ms - interval_ms / 2 if stop_ms < end_ms else times[-1], stop_ms)
        if not stretch.sizes["time_ms"]:
            break
        last = stretch.values[-1]
        times.append(float(stretch["time_ms"].values[-1]))
        quantiles.append(_deciles(last))
        if times[-1] < stop_ms - interval_ms / 2:
            break
    low, median, high = np.array(quantiles).T
    both = np.concatenate([first.values[0], last])
    edges = np.histogram_bin_edges(both[np.isfinite(both)], WEIGHT_BINS)
    counts = [np.histogram(values, edges)[0] / synapses for values in (first.values[0], last)]
    return RecordedWeights(
        projection=projection,
        unit=_weight_unit(source, projection),
        synapses=synapses,
        delays_ms=(float(first["delay_ms"].min()), float(first["delay_ms"].max())),
        time_s=1e-3 * np.array(times),
        low=low,
        median=median,
        high=high,
        bin_edges=edges,
        first=counts[0],
        last=counts[1],
    )


def _deciles(values: FloatArray) -> FloatArray:
    return np.asarray(np.quantile(values, [0.1, 0.5, 0.9]), dtype=np.float64)


def _weight_unit(source: Source, projection: str) -> str:
    """Return the unit in which the projection's weight was given, empty where it has none."""
    given = (source.config.get("projections") or {}).get(projection) or {}
    units = [unit for unit in ("pA", "mV", "nS") if given.get(f"weight_{unit}") is not None]
    return units[0] if units else ""


def collect_correlations(source: Source) -> list[Correlogram]:
    """Return every entry of record.correlations in which bins were counted."""
    found = []
    for k, entry in enumerate(_entries(source, "correlations")):
        first, second = source.label(entry.get("first")), source.label(entry.get("second"))
        what = f"the correlation of {first} and {second}"
        if not source.recorded(f"correlations/{k}.zarr"):
            source.absent.append(f"{what} (nothing was stored)")
            continue
        stored = source.run.correlation(k)
        bins = int(stored.attrs["bins"])
        if not bins or not (stored.attrs["spikes_first"] and stored.attrs["spikes_second"]):
            source.absent.append(f"{what} (no spikes in the bins that were counted)")
            continue
        covariance = np.array(stored["covariance"].values, dtype=np.float64)
        chance = stored["pairs"].values * (stored.attrs["spikes_first"] / bins) * (stored.attrs["spikes_second"] / bins)
        if first == second:  # lag 0 holds every spike with itself
            covariance[len(covariance) // 2] = np.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(np.isfinite(covariance), stored["count"].values / chance, np.nan)
        found.append(
            Correlogram(first, second, stored["tau_ms"].values, covariance, ratio, float(stored.attrs["bin_ms"]), bins)
        )
    return found
