"""The most spikes that neurons can have in one step: one, but for those that emit several."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.lanes import Lane
from dtbsim.models.base import MOST_SPIKES
from dtbsim.spec.network import Network
from dtbsim.spec.numbers import Quantity, extremes

CERTAIN = 2.0**-33
"""What is less likely than this is never drawn."""


def most_spikes(network: Network) -> NDArray[np.int64]:
    """int64[n_populations]: the most spikes of a neuron of each population in one step."""
    most = np.ones(len(network.populations), np.int64)
    for index, population in enumerate(network.populations):
        family = network.families[population.family]
        if family.model.emits == "listed":
            spikes = network.emitted.get(index)
            if spikes is not None and spikes.size:
                most[index] = np.unique(spikes, axis=0, return_counts=True)[1].max()
        elif family.model.emits == "poisson":
            most[index] = _most_drawn(family.parameters.get("rate_hz", 0.0), network.dt_ms)
        elif family.model.counts_spikes:
            most[index] = MOST_SPIKES
    return most


def most_spikes_of(network: Network, lane: Lane) -> int:
    """The most spikes of a lane in one step."""
    if not any(family.model.counts_spikes for family in network.families):
        return lane.n_local
    return int(lane.per_population(len(network.populations)) @ most_spikes(network))


def _most_drawn(rate_hz: Quantity, dt_ms: float) -> int:
    from scipy.special import gammainc

    mean = max(extremes(rate_hz)[1], 0.0) * dt_ms * 1e-3
    k = np.arange(1, MOST_SPIKES + 1)
    return max(1, int((gammainc(k, mean) >= CERTAIN).sum()))
