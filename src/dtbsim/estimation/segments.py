"""Rows of synapses of one delay: a spike enters each of its rows into a queue, and is found there when it is due.

Where a source has k synapses on a lane, whose delays are d with probability p_d, it has sum_d 1 - exp(-k p_d) rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import nearest_steps
from dtbsim.spec.network import Network, Projection

F64 = NDArray[np.float64]
MOST_TABLES = 64
"""Distributions of delays that are looked at; the others count as flat over half of what they can draw."""
_LOG_K = np.linspace(np.log(1e-6), np.log(1e7), 128)


class Segments:
    """Rows of any rank of a network."""

    def __init__(self, network: Network) -> None:
        entries = network.entries
        self._source, self._sizes = entries.source, network.sizes.astype(np.float64)
        self._projection = entries.projection
        span = (entries.longest - entries.shortest + 1).astype(np.float64)
        self._flat = np.maximum(span / 2, 1.0)
        drawn = [p for p in network.projections if p.spread is not None or not (p.delay is None or p.delay.constant)]
        one = np.ones(len(network.projections), dtype=bool)
        one[[p.index for p in drawn]] = False
        self._flat[one[entries.projection]] = 1.0
        self._curves = [(p.index, _rows_of(_shares(p, network.dt_ms))) for p in drawn[:MOST_TABLES]]
        total = float(entries.synapses.sum())
        steps = float((entries.synapses * (entries.shortest + entries.longest)).sum()) / 2
        self.mean_delay_s = steps / total * network.dt_ms * 1e-3 if total else 0.0

    def rows_per_s(self, synapses: F64, rates: F64, n_lanes: int, stored: NDArray[np.bool_]) -> float:
        """Of `stored` entries with `synapses` float64[e] onto a rank, whose sources fire at `rates` (by population)."""
        neurons = self._sizes[self._source]
        each = synapses / (neurons * n_lanes)
        rows = self._flat * -np.expm1(-each / self._flat)
        for index, curve in self._curves:
            mine = (self._projection == index) & (each > 0)
            rows[mine] = np.exp(np.interp(np.log(each[mine]), _LOG_K, curve))
        return float((rows * neurons * rates[self._source] * n_lanes)[stored].sum())


def _shares(projection: Projection, dt_ms: float) -> F64:
    """float64[delays]: probabilities of those that are drawn; around a mean that differs, of the mean of all pairs."""
    table = projection.delay if projection.spread is None else projection.spread.table
    assert table is not None
    quantiles = table.quantiles
    values_ms = (quantiles[1:] + quantiles[:-1]) / 2
    if projection.spread is not None:
        mean_ms = float(projection.delay_steps.mean()) * dt_ms
        values_ms = values_ms * mean_ms if projection.spread.relative else values_ms + mean_ms
    steps = np.maximum(nearest_steps(values_ms, dt_ms), 1)
    return np.unique(steps, return_counts=True)[1] / values_ms.size


def _rows_of(shares: F64) -> F64:
    """Logarithm of the rows of exp(_LOG_K) synapses."""
    rows = -np.expm1(-np.multiply.outer(np.exp(_LOG_K), shares))
    return np.asarray(np.log(rows.sum(axis=1)))
