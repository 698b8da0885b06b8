"""Binned activity: population rates, their power spectra, and correlations between neurons."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.analysis.isi import check_spikes
from dtbsim.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CHUNK_VALUES = 1 << 23


def population_activity_hz(
    steps: ArrayLike, *, n_neurons: int, dt_ms: float, start_step: int, stop_step: int, bin_steps: int
) -> Floats:
    """Mean rate per neuron in successive bins.

    Args:
        steps: int64[k] spikes of the population; those outside [start_step, stop_step) are ignored.
        n_neurons: neurons in the population.
        dt_ms: length of a step (ms).
        start_step: first step.
        stop_step: end; a last bin that would be incomplete is left out.
        bin_steps: steps per bin.

    Returns:
        float64[bins] (Hz).

    Raises:
        InputError: less than one bin between start and stop.
    """
    n_bins = _whole_bins(start_step, stop_step, bin_steps)
    time = np.asarray(steps)
    inside = (time >= start_step) & (time < start_step + n_bins * bin_steps)
    counts = np.bincount((time[inside].astype(np.int64) - start_step) // bin_steps, minlength=n_bins)
    return np.asarray(counts / (n_neurons * bin_steps * dt_ms * 1e-3), dtype=np.float64)


def power_spectrum(activity: ArrayLike, *, bin_s: float, segment_s: float = 1.0) -> tuple[Floats, Floats]:
    """Power spectral density by Welch's method: Hann windows, half overlapping, mean of each segment removed.

    Args:
        activity: [bins] or [bins, populations] (Hz, for instance of `population_activity_hz`).
        bin_s: length of a bin (s).
        segment_s: length of a segment (s); the frequency resolution is its inverse.

    Returns:
        frequencies float64[f] (Hz) and density float64[f] or [f, populations] (the unit of activity squared, per Hz);
        one-sided: it integrates to the variance. N independent Poisson neurons of rate r give 2 r / N.

    Raises:
        InputError: activity shorter than a segment, a segment of fewer than 8 bins, or NaN.
    """
    signal = np.asarray(activity, dtype=np.float64)
    segment = round(segment_s / bin_s)
    if signal.ndim not in (1, 2) or not np.isfinite(signal).all():
        raise InputError(f"activity of shape {signal.shape} must be [bins] or [bins, populations], and finite")
    if segment < 8 or signal.shape[0] < segment:
        raise InputError(
            f"segments of {segment_s:g} s are {segment} bins of {bin_s:g} s; at least 8, and no more than the "
            f"{signal.shape[0]} there are, are needed"
        )
    from scipy.signal import welch

    frequencies, density = welch(signal, fs=1 / bin_s, nperseg=segment, axis=0)
    return np.asarray(frequencies, dtype=np.float64), np.asarray(density, dtype=np.float64)


def sample_active_neurons(spikes: ArrayLike, n_neurons: int) -> Ints:
    """Choose neurons evenly spaced among those that fired.

    Args:
        spikes: int64[size] spikes of each neuron.
        n_neurons: how many; all that fired, where there are fewer.

    Returns:
        int64[<= n_neurons] increasing indices. No random numbers: the same spikes give the same choice.
    """
    active = np.flatnonzero(np.asarray(spikes) > 0)
    if active.size <= n_neurons:
        return active.astype(np.int64)
    return active[(np.arange(n_neurons) * active.size) // n_neurons].astype(np.int64)


def spike_count_correlations(
    steps: ArrayLike,
    gids: ArrayLike,
    *,
    gid0: int,
    size: int,
    start_step: int,
    stop_step: int,
    bin_steps: int,
    n_neurons: int = 200,
) -> Floats:
    """Pearson correlations of the binned spike counts of all pairs among some neurons of a population.

    The neurons are those of `sample_active_neurons`: silent ones have no correlation. Bins of 2 ms and 200 neurons are
    what the microcircuit literature uses.

    Args:
        steps: int64[k] spikes; those outside [start_step, stop_step) are ignored.
        gids: uint32[k].
        gid0: first gid of the population.
        size: neurons in the population.
        start_step: first step.
        stop_step: end; an incomplete last bin is left out.
        bin_steps: steps per bin.
        n_neurons: neurons in the sample (memory: 8 n_neurons^2 bytes).

    Returns:
        float64[pairs], pairs of increasing index; empty where fewer than 2 neurons fired. A neuron with the same count
        in every bin gives NaN.

    Raises:
        InputError: bad spikes, or less than 2 bins.
    """
    n_bins = _whole_bins(start_step, stop_step, bin_steps)
    if n_bins < 2:
        raise InputError(f"{n_bins} bin of {bin_steps} steps; correlations need at least 2")
    time, neuron = check_spikes(steps, gids, gid0=gid0, size=size)
    inside = (time >= start_step) & (time < start_step + n_bins * bin_steps)
    time, neuron = time[inside] - start_step, neuron[inside]
    chosen = sample_active_neurons(np.bincount(neuron, minlength=size), n_neurons)
    if chosen.size < 2:
        return np.empty(0)
    position = np.full(size, -1, dtype=np.int64)
    position[chosen] = np.arange(chosen.size)
    row = position[neuron]
    bins, row = time[row >= 0] // bin_steps, row[row >= 0]
    products, totals = _count_products(bins, row, chosen.size, n_bins)
    covariance = products / n_bins - np.outer(totals, totals) / n_bins**2
    variance = np.diag(covariance).copy()
    variance[variance <= 1e-12 * np.diag(products) / n_bins] = np.nan
    scale = 1 / np.sqrt(variance)
    correlation = covariance * np.outer(scale, scale)
    return np.asarray(correlation[np.triu_indices(chosen.size, k=1)], dtype=np.float64)


def _count_products(bins: Ints, row: Ints, n_rows: int, n_bins: int) -> tuple[Floats, Floats]:
    """Sum over bins of count_i count_j, float64[n, n], and of count_i, float64[n]; exact, in bounded memory."""
    order = np.argsort(bins, kind="stable")
    bins, row = bins[order], row[order]
    products = np.zeros((n_rows, n_rows))
    width = max(1, _CHUNK_VALUES // n_rows)
    for first in range(0, n_bins, width):
        n = min(width, n_bins - first)
        low, high = np.searchsorted(bins, [first, first + n])
        flat = row[low:high] * n + (bins[low:high] - first)
        counts = np.bincount(flat, minlength=n_rows * n).reshape(n_rows, n).astype(np.float64)
        products += counts @ counts.T
    return products, np.bincount(row, minlength=n_rows).astype(np.float64)


def _whole_bins(start_step: int, stop_step: int, bin_steps: int) -> int:
    if bin_steps < 1 or stop_step - start_step < bin_steps:
        raise InputError(
            f"steps {start_step} to {stop_step} hold no bin of {bin_steps} steps; bins are at least one step long"
        )
    return (stop_step - start_step) // bin_steps
