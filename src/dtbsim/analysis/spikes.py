"""Spike statistics of a population: rates, silent neurons, irregularity, correlations.

Spikes come as `steps` int64[k] and `gids` uint32[k]; a population is gid0 <= gid < gid0 + size. The definitions are
those of studies of the full-scale microcircuit (Potjans & Diesmann 2014, Cereb Cortex 24:785), for comparison.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.analysis.activity import population_activity_hz, power_spectrum, spike_count_correlations
from dtbsim.analysis.isi import (
    Intervals,
    check_spikes,
    cv2_per_neuron,
    cv_per_neuron,
    inter_spike_intervals,
)
from dtbsim.errors import InputError

__all__ = [
    "QUANTILES",
    "Intervals",
    "PopulationStatistics",
    "cv2_per_neuron",
    "cv_per_neuron",
    "inter_spike_intervals",
    "neuron_rates_hz",
    "population_activity_hz",
    "population_statistics",
    "power_spectrum",
    "select_spikes",
    "spike_count_correlations",
    "split_spikes",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class PopulationStatistics:
    """Statistics of one population within a window.

    Attributes:
        neurons: size of the population.
        spikes: spikes in the window.
        duration_s: length of the window (s).
        rate_hz: mean over neurons.
        silent_fraction: share of neurons without a spike.
        rate_quantiles_hz: quantiles 5, 25, 50, 75, 95 % over neurons.
        cv_isi: mean over the neurons with at least `min_spikes` spikes; None where there is none.
        cv2_isi: the same for CV2.
        cv_neurons: number of those neurons.
        min_spikes: their smallest number of spikes.
        correlation: mean pairwise correlation of spike counts; None where fewer than 2 neurons fired.
        correlation_neurons: neurons in the sample behind it, at most.
        correlation_bin_ms: its bin (ms).
    """

    neurons: int
    spikes: int
    duration_s: float
    rate_hz: float
    silent_fraction: float
    rate_quantiles_hz: tuple[float, ...]
    cv_isi: float | None
    cv2_isi: float | None
    cv_neurons: int
    min_spikes: int
    correlation: float | None
    correlation_neurons: int
    correlation_bin_ms: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self) | {"rate_quantiles_hz": list(self.rate_quantiles_hz)}


def select_spikes(
    steps: ArrayLike, gids: ArrayLike, *, gid0: int, size: int, start_step: int, stop_step: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the steps and gids of one population within [start_step, stop_step), in the order given."""
    time, neuron = np.asarray(steps), np.asarray(gids)
    if time.shape != neuron.shape or time.ndim != 1:
        raise InputError(f"steps have shape {time.shape} and gids {neuron.shape}; two equal vectors are needed")
    inside = (time >= start_step) & (time < stop_step) & (neuron >= int(gid0)) & (neuron < int(gid0) + int(size))
    return time[inside], neuron[inside]


def split_spikes(
    steps: ArrayLike, gids: ArrayLike, *, gid0: ArrayLike, sizes: ArrayLike
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Split spikes into those of each population in one pass: much faster than `select_spikes` for many populations.

    Args:
        steps: int64[k].
        gids: uint32[k].
        gid0: int[p] first gid of each population, increasing, ranges without overlap.
        sizes: int[p] neurons of each.

    Returns:
        p pairs of steps and gids, in the order given; spikes of no population are left out.

    Raises:
        InputError: ranges that overlap or are out of order, or arrays that do not fit together.
    """
    time, neuron = np.asarray(steps), np.asarray(gids)
    first, size = np.asarray(gid0, dtype=np.int64), np.asarray(sizes, dtype=np.int64)
    if time.shape != neuron.shape or time.ndim != 1:
        raise InputError(f"steps have shape {time.shape} and gids {neuron.shape}; two equal vectors are needed")
    if first.ndim != 1 or first.shape != size.shape or (first[1:] < (first + size)[:-1]).any():
        raise InputError("populations must be gid ranges in increasing order without overlap")
    # intervals between all range bounds: 2 j + 1 is population j, even numbers are gaps
    part = np.searchsorted(np.stack([first, first + size], axis=1).ravel(), neuron, side="right")
    order = np.argsort(part.astype(np.uint16 if first.size < 2**14 else np.int64), kind="stable")
    cuts = np.searchsorted(part[order], np.arange(1, 2 * first.size + 1))
    time, neuron = time[order], neuron[order]
    ends = np.append(cuts, time.size)
    return [(time[ends[2 * j] : ends[2 * j + 1]], neuron[ends[2 * j] : ends[2 * j + 1]]) for j in range(first.size)]


def neuron_rates_hz(gids: ArrayLike, *, gid0: int, size: int, duration_s: float) -> Floats:
    """Return float64[size]: rate of every neuron (Hz) from the gids of its population's spikes in `duration_s`.

    Raises:
        InputError: a duration that is not positive, or a gid outside the population.
    """
    if not duration_s > 0:
        raise InputError(f"duration_s is {duration_s}; it must be positive")
    given = np.asarray(gids)
    _, neuron = check_spikes(np.zeros(given.shape, np.int64), given, gid0=gid0, size=size)
    return np.asarray(np.bincount(neuron, minlength=size) / duration_s, dtype=np.float64)


def population_statistics(
    steps: ArrayLike,
    gids: ArrayLike,
    *,
    gid0: int,
    size: int,
    dt_ms: float,
    start_step: int,
    stop_step: int,
    min_spikes: int = 4,
    correlation_bin_ms: float = 2.0,
    correlation_neurons: int = 200,
) -> PopulationStatistics:
    """Statistics of one population within [start_step, stop_step).

    Args:
        steps: int64[k] spikes, of this or of all populations.
        gids: uint32[k].
        gid0: first gid of the population.
        size: neurons in it.
        dt_ms: length of a step (ms).
        start_step: first step of the window.
        stop_step: its end.
        min_spikes: neurons with fewer have no CV; 4 is what is used for windows of about 2 s.
        correlation_bin_ms: bin of the spike counts (ms), rounded to whole steps.
        correlation_neurons: size of the sample for correlations.

    Raises:
        InputError: an empty window, a size below 1, or arrays that do not fit together.
    """
    if size < 1 or stop_step <= start_step:
        raise InputError(f"{size} neurons from step {start_step} to {stop_step}: nothing to analyse")
    time, neuron = select_spikes(steps, gids, gid0=gid0, size=size, start_step=start_step, stop_step=stop_step)
    duration_s = (stop_step - start_step) * dt_ms * 1e-3
    rates = neuron_rates_hz(neuron, gid0=gid0, size=size, duration_s=duration_s)
    intervals = inter_spike_intervals(time, neuron, gid0=gid0, size=size)
    cv, cv2 = cv_per_neuron(intervals, min_spikes=min_spikes), cv2_per_neuron(intervals, min_spikes=min_spikes)
    bin_steps = max(1, round(correlation_bin_ms / dt_ms))
    correlations = np.empty(0)
    if stop_step - start_step >= 2 * bin_steps:
        correlations = spike_count_correlations(
            time,
            neuron,
            gid0=gid0,
            size=size,
            start_step=start_step,
            stop_step=stop_step,
            bin_steps=bin_steps,
            n_neurons=correlation_neurons,
        )
    return PopulationStatistics(
        neurons=size,
        spikes=int(time.size),
        duration_s=duration_s,
        rate_hz=float(rates.mean()),
        silent_fraction=float((rates == 0).mean()),
        rate_quantiles_hz=tuple(float(quantile) for quantile in np.quantile(rates, QUANTILES)),
        cv_isi=_mean(cv),
        cv2_isi=_mean(cv2),
        cv_neurons=int(np.isfinite(cv).sum()),
        min_spikes=min_spikes,
        correlation=_mean(correlations),
        correlation_neurons=min(correlation_neurons, int((rates > 0).sum())),
        correlation_bin_ms=bin_steps * dt_ms,
    )


def _mean(values: Floats) -> float | None:
    """Mean of what is not NaN; None where nothing is."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else None
