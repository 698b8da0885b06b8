"""Does a network act as one? An index of synchrony from its spike counts, and what to say of it and of its FC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.fc import MIN_REGIONS, MIN_SAMPLES

SYNCHRONY_ABOVE = 0.5
"""From here on a run is said to fire as one: half of the variance of a neuron's spike count is shared by all."""

MEAN_ABS_FC_ABOVE = 0.9
SHORT_FC_S = 300.0
"""Correlations of resting BOLD settle after about five minutes (Van Dijk et al. 2010, J Neurophysiol 103:297)."""

FEWEST_NEURONS = 10
FEWEST_BINS = 20


class SynchronyMeter:
    """Mean pairwise correlation of spike counts, from the counts of all neurons together, fed while a run goes on.

    With N neurons whose single counts have the variance of a Poisson process, the variance of the whole count is
    mean (1 + (N - 1) rho). The index is rho = (variance / mean - 1) / (N - 1), cut to -1 and 1: about 0 for independent
    neurons, 1 where all fire in the same bins. It is the largest over bins of `unit_ms`, 2, 4, ... times it, as far as
    they are 1 to 50 ms long.

    Args:
        neurons: how many neurons are counted together.
        unit_ms: length of the bins that are fed.
    """

    SHORTEST_MS, LONGEST_MS = 1.0, 50.0

    def __init__(self, neurons: int, unit_ms: float) -> None:
        self._neurons = neurons
        widths = [2**power for power in range(64) if unit_ms * 2**power <= self.LONGEST_MS * (1 + 1e-9)]
        self._bins = [_Moments(width) for width in widths if unit_ms * width >= self.SHORTEST_MS * (1 - 1e-9)]

    def add(self, counts: NDArray[np.int64]) -> None:
        """Go on by the spikes of all neurons in the next bins, int64[bins]."""
        for moments in self._bins:
            moments.add(counts)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all that is needed to go on later."""
        found: dict[str, NDArray[Any]] = {}
        for k, moments in enumerate(self._bins):
            found[f"started_{k}"] = moments.started.copy()
            found[f"sums_{k}"] = np.array([moments.bins, moments.sum, moments.squares])
        return found

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` of a meter of the same neurons and bins returned."""
        for k, moments in enumerate(self._bins):
            moments.started = np.array(state[f"started_{k}"], np.int64)
            bins, moments.sum, moments.squares = state[f"sums_{k}"].tolist()
            moments.bins = int(bins)

    def index(self) -> float | None:
        """The index so far; None with fewer than 10 neurons, without spikes, or before 20 bins are full."""
        if self._neurons < FEWEST_NEURONS:
            return None
        found = [ratio for moments in self._bins if (ratio := moments.variance_over_mean()) is not None]
        if not found:
            return None
        return float(np.clip((max(found) - 1.0) / (self._neurons - 1), -1.0, 1.0))


class _Moments:
    """Mean and variance of the sums of `width` successive counts."""

    def __init__(self, width: int) -> None:
        self._width = width
        self.started = np.zeros(0, dtype=np.int64)
        self.bins, self.sum, self.squares = 0, 0.0, 0.0

    def add(self, counts: NDArray[np.int64]) -> None:
        everything = np.concatenate([self.started, counts])
        whole = len(everything) // self._width * self._width
        self.started = everything[whole:]
        bins = everything[:whole].reshape(-1, self._width).sum(axis=1).astype(np.float64)
        self.bins += len(bins)
        self.sum += float(bins.sum())
        self.squares += float(bins @ bins)

    def variance_over_mean(self) -> float | None:
        if self.bins < FEWEST_BINS or self.sum == 0:
            return None
        mean = self.sum / self.bins
        return (self.squares / self.bins - mean * mean) / mean


def activity_warnings(synchrony: float | None) -> list[str]:
    """What is to be said of a run whose neurons have this index of synchrony."""
    if synchrony is None or synchrony <= SYNCHRONY_ABOVE:
        return []
    return [
        f"the network fires as one: synchrony {synchrony:.2f} is above {SYNCHRONY_ABOVE:g} (mean correlation of the "
        "spike counts of two neurons); unless meant, weaken excitation or common input, or strengthen inhibition"
    ]


def fc_warnings(volumes: int, tr_s: float, mean_abs_fc: float | None) -> list[str]:
    """What is to be said of the FC of `volumes` BOLD volumes of at least three regions; None: there is no FC."""
    found = []
    if mean_abs_fc is None:
        found.append(
            f"there is no FC: {volumes} volumes of BOLD are too few (at least {MIN_SAMPLES}), or fewer than "
            f"{MIN_REGIONS} regions have a signal that changes; simulate longer, or see why nothing happens"
        )
    elif mean_abs_fc > MEAN_ABS_FC_ABOVE:
        found.append(
            f"all regions go up and down together: mean |FC| {mean_abs_fc:.2f} is above {MEAN_ABS_FC_ABOVE:g}, so that "
            "FC says nothing about single connections; weaken the coupling between regions, or simulate longer"
        )
    if mean_abs_fc is not None and volumes * tr_s < SHORT_FC_S:
        found.append(
            f"BOLD is short for FC: {volumes * tr_s:.4g} s ({volumes} volumes); correlations settle after about "
            f"{SHORT_FC_S:g} s, shorter ones are largely chance"
        )
    return found
