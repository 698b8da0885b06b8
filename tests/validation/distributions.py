"""Spike statistics as distributions that fit into a small file, and how far two of them are apart.

Every distribution is a list of counts over fixed bins, so that two stored ones can be compared as well as two new ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from dtbsim.analysis.spikes import (
    cv_per_neuron,
    inter_spike_intervals,
    population_activity_hz,
    power_spectrum,
    select_spikes,
    spike_count_correlations,
)

CV_BIN, CORRELATION_BIN = 0.01, 0.0025
MIN_SPIKES = 4
CORRELATION_BIN_MS, CORRELATION_NEURONS = 5.0, 200
ACTIVITY_BIN_MS, SEGMENT_S = 1.0, 0.25
QUANTITIES = ("rate", "cv", "correlation", "spectrum")
Counts = dict[str, Any]
"""`counts` from bin `first` on; bin k of width `bin` holds k * bin <= x < (k + 1) * bin."""


def counted(values: Any, width: float) -> Counts:
    """Values, float64[n], counted in bins of a width; NaN is left out."""
    present = np.asarray(values, dtype=np.float64)
    bins = np.floor(present[np.isfinite(present)] / width + 1e-9).astype(int)
    if not bins.size:
        return {"bin": width, "first": 0, "counts": []}
    return {"bin": width, "first": int(bins.min()), "counts": np.bincount(bins - bins.min()).tolist()}


def statistics(
    steps: Any, gids: Any, *, gid0: int, size: int, dt_ms: float, start_step: int, stop_step: int
) -> dict[str, Any]:
    """Distributions over neurons (spikes in the window, CV) and pairs (correlation), and the spectrum of the activity.

    Steps int64[k] and gids uint32[k]; the spectrum is a density over frequencies k / SEGMENT_S, without k = 0.
    """
    time, neuron = select_spikes(steps, gids, gid0=gid0, size=size, start_step=start_step, stop_step=stop_step)
    window = {"start_step": start_step, "stop_step": stop_step}
    seconds = (stop_step - start_step) * dt_ms * 1e-3
    cv = cv_per_neuron(inter_spike_intervals(time, neuron, gid0=gid0, size=size), min_spikes=MIN_SPIKES)
    correlations = spike_count_correlations(
        time,
        neuron,
        gid0=gid0,
        size=size,
        bin_steps=round(CORRELATION_BIN_MS / dt_ms),
        n_neurons=CORRELATION_NEURONS,
        **window,
    )
    activity = population_activity_hz(
        time, n_neurons=size, dt_ms=dt_ms, bin_steps=round(ACTIVITY_BIN_MS / dt_ms), **window
    )
    density = power_spectrum(activity, bin_s=ACTIVITY_BIN_MS * 1e-3, segment_s=SEGMENT_S)[1][1:]
    spikes = np.bincount(neuron.astype(np.int64) - gid0, minlength=size)
    return {
        "seconds": round(seconds, 6),
        "rate": counted(spikes, 1.0),
        "cv": counted(cv, CV_BIN),
        "correlation": counted(correlations, CORRELATION_BIN),
        "spectrum": [float(f"{value:.3g}") for value in density],
    }


def mean(counts: Counts) -> float:
    """Mean of a counted distribution: bins of whole numbers count as these, others with their middle."""
    weights = np.array(counts["counts"], dtype=np.float64)
    middle = 0.0 if counts["bin"] == 1.0 else 0.5
    return float(((np.arange(weights.size) + counts["first"] + middle) * weights).sum() / weights.sum() * counts["bin"])


def summary(one: dict[str, Any]) -> dict[str, float]:
    """Mean rate (Hz), CV, correlation, and the frequency (Hz) at which the spectrum has its peak."""
    peak = (int(np.argmax(one["spectrum"])) + 1) / SEGMENT_S
    return {
        "rate_hz": mean(one["rate"]) / one["seconds"],
        "cv": mean(one["cv"]),
        "correlation": mean(one["correlation"]),
        "peak_hz": peak,
    }


def distance(a: dict[str, Any], b: dict[str, Any], quantity: str) -> float:
    """Kolmogorov-Smirnov distance of two runs; of the spectra, as shares of power up to a frequency."""
    if quantity == "spectrum":
        x, y = (np.cumsum(one["spectrum"]) / np.sum(one["spectrum"]) for one in (a, b))
        return float(np.abs(x - y).max())
    x, y = a[quantity], b[quantity]
    first = min(x["first"], y["first"])
    last = max(item["first"] + len(item["counts"]) for item in (x, y))
    grids = []
    for item in (x, y):
        grid = np.zeros(last - first)
        grid[item["first"] - first :][: len(item["counts"])] = item["counts"]
        grids.append(np.cumsum(grid) / grid.sum())
    return float(np.abs(grids[0] - grids[1]).max())


def compare(ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]], quantity: str) -> dict[str, float]:
    """`between`: mean distance over all pairs of our run and their run. `within`: mean, `widest`: largest distance
    between two of their runs."""
    between = [distance(a, b, quantity) for a, b in itertools.product(ours, theirs)]
    within = [distance(a, b, quantity) for a, b in itertools.combinations(theirs, 2)]
    return {"between": float(np.mean(between)), "within": float(np.mean(within)), "widest": max(within)}
