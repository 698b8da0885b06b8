"""Inter-spike intervals and their irregularity, without a loop over neurons.

Spikes come as `steps` int64[k] and `gids` uint32[k], in any order. Times are in steps: CV and CV2 have no unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dtbsim.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Intervals:
    """All inter-spike intervals of a population, neuron by neuron, in time order.

    Attributes:
        neuron: int64[m] index of the neuron within the population (gid - gid0), not decreasing.
        steps: int64[m] the interval (steps).
        spikes: int64[size] spikes of each neuron.
    """

    neuron: Ints
    steps: Ints
    spikes: Ints


def inter_spike_intervals(steps: ArrayLike, gids: ArrayLike, *, gid0: int, size: int) -> Intervals:
    """Intervals between successive spikes of the same neuron.

    Args:
        steps: int64[k] time steps, not negative.
        gids: uint32[k] neurons, all within gid0 <= gid < gid0 + size.
        gid0: first gid of the population.
        size: neurons in the population.

    Raises:
        InputError: lengths differ, a gid outside the population, or a negative step.
    """
    time, neuron = check_spikes(steps, gids, gid0=gid0, size=size)
    spikes = np.bincount(neuron, minlength=size).astype(np.int64)
    if not time.size:
        return Intervals(np.empty(0, np.int64), np.empty(0, np.int64), spikes)
    # one sort of (neuron, step) packed into an integer is several times faster than an argsort of two keys
    step_bits = int(time.max()).bit_length()
    if step_bits + size.bit_length() > 63:
        raise InputError(
            f"{size} neurons and step {int(time.max())} exceed 64 bits together; cut the recording in parts"
        )
    key = neuron << step_bits
    key |= time
    key.sort()
    neuron = key >> step_bits
    same = neuron[1:] == neuron[:-1]
    return Intervals(neuron[1:][same], np.diff(key)[same], spikes)


def cv_per_neuron(intervals: Intervals, *, min_spikes: int = 4) -> Floats:
    """Coefficient of variation of the intervals of every neuron: standard deviation (ddof 0) over mean.

    Args:
        intervals: of `inter_spike_intervals`.
        min_spikes: neurons with fewer spikes give NaN; at least 3 (two intervals).

    Returns:
        float64[size]. With few spikes per neuron the value depends on the length of the recording: compare only at
        equal length. (A Poisson train of k intervals has an expected squared CV of (k - 1) / (k + 1).)

    Raises:
        InputError: min_spikes below 3.
    """
    _check_min_spikes(min_spikes)
    size = intervals.spikes.size
    enough = intervals.spikes >= min_spikes
    count = np.where(enough, intervals.spikes - 1, 1)
    mean = np.bincount(intervals.neuron, intervals.steps, minlength=size) / count
    deviation = intervals.steps - mean[intervals.neuron]
    variance = np.bincount(intervals.neuron, deviation * deviation, minlength=size) / count
    cv = np.full(size, np.nan)
    cv[enough] = np.sqrt(variance[enough]) / mean[enough]
    return cv


def cv2_per_neuron(intervals: Intervals, *, min_spikes: int = 4) -> Floats:
    """CV2 of every neuron: mean of 2 |b - a| / (a + b) over successive intervals a, b.

    Holt et al. 1996, J Neurophysiol 75:1806. It is insensitive to slow changes of the rate.

    Args:
        intervals: of `inter_spike_intervals`.
        min_spikes: neurons with fewer spikes give NaN; at least 3.

    Returns:
        float64[size].
    """
    _check_min_spikes(min_spikes)
    size = intervals.spikes.size
    enough = intervals.spikes >= min_spikes
    first, second = intervals.steps[:-1], intervals.steps[1:]
    same = intervals.neuron[1:] == intervals.neuron[:-1]
    terms = 2 * np.abs(second[same] - first[same]) / (first[same] + second[same])
    total = np.bincount(intervals.neuron[1:][same], terms, minlength=size)
    cv2 = np.full(size, np.nan)
    cv2[enough] = total[enough] / (intervals.spikes[enough] - 2)
    return cv2


def check_spikes(steps: ArrayLike, gids: ArrayLike, *, gid0: int, size: int) -> tuple[Ints, Ints]:
    """Return steps int64[k] and neuron indices int64[k] (gid - gid0) after checking them.

    Raises:
        InputError: see `inter_spike_intervals`.
    """
    time, neuron = np.asarray(steps), np.asarray(gids)
    if time.ndim != 1 or time.shape != neuron.shape:
        raise InputError(f"steps have shape {time.shape} and gids {neuron.shape}; two equal vectors are needed")
    if time.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if time.dtype.kind not in "iu" or neuron.dtype.kind not in "iu":
        raise InputError(f"steps are {time.dtype} and gids {neuron.dtype}; integers are needed")
    time = time.astype(np.int64, copy=False)
    neuron = neuron.astype(np.int64) - gid0
    if neuron.min() < 0 or neuron.max() >= size:
        raise InputError(
            f"gids from {int(neuron.min()) + gid0} to {int(neuron.max()) + gid0} are not all in the population "
            f"{gid0} to {gid0 + size - 1}"
        )
    if time.min() < 0:
        raise InputError(f"a spike at step {int(time.min())}; steps are not negative")
    return time, neuron


def _check_min_spikes(min_spikes: int) -> None:
    if min_spikes < 3:
        raise InputError(f"min_spikes is {min_spikes}; at least 3 are needed for two intervals")
