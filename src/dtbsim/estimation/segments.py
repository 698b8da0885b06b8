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
    """Rows of any rank of a network; synapses of one delay share a row, whatever projection they are of."""

    def __init__(self, network: Network) -> None:
        entries, n = network.entries, len(network.projections)
        self._source, self._sizes = entries.source, network.sizes.astype(np.float64)
        drawn = [p for p in network.projections if p.spread is not None or not (p.delay is None or p.delay.constant)]
        tables: dict[tuple[float, ...], int] = {}
        of_projection = np.full(n, -1, dtype=np.int64)
        self._curves: list[F64] = []
        for projection in drawn:
            key = _identity(projection)
            if key not in tables and len(tables) < MOST_TABLES:
                tables[key] = len(tables)
                self._curves.append(_rows_of(_shares(projection, network.dt_ms)))
            of_projection[projection.index] = tables.get(key, -2)
        curve = of_projection[entries.projection]
        self._flat = np.maximum((entries.longest - entries.shortest + 1) / 2.0, 1.0)
        self._is_flat = curve == -2
        # what shares rows: of a source, one delay (numbered behind the distributions) or one distribution
        kind = np.where(curve == -1, len(tables) + entries.shortest, curve)
        most = len(tables) + network.max_delay_steps + 1
        keys, self._group = np.unique(entries.source * most + np.maximum(kind, 0), return_inverse=True)
        self._group_source, group_kind = keys // most, keys % most
        self._group_curve = np.where(group_kind < len(tables), group_kind, -1)
        total = float(entries.synapses.sum())
        steps = float((entries.synapses * (entries.shortest + entries.longest)).sum()) / 2
        self.mean_delay_s = steps / total * network.dt_ms * 1e-3 if total else 0.0

    def rows_per_s(self, synapses: F64, rates: F64, n_lanes: int, stored: NDArray[np.bool_]) -> float:
        """Of `stored` entries with `synapses` float64[e] onto a rank, whose sources fire at `rates` (by population)."""
        each = np.where(stored, synapses, 0.0) / (self._sizes[self._source] * n_lanes)
        grouped = np.bincount(self._group, np.where(self._is_flat, 0.0, each), self._group_source.size)
        rows = -np.expm1(-grouped)
        for index, curve in enumerate(self._curves):
            mine = (self._group_curve == index) & (grouped > 0)
            rows[mine] = np.exp(np.interp(np.log(grouped[mine]), _LOG_K, curve))
        spikes = self._sizes * rates * n_lanes
        flat = (self._flat * -np.expm1(-each / self._flat))[self._is_flat]
        return float(rows @ spikes[self._group_source] + flat @ spikes[self._source[self._is_flat]])


def _identity(projection: Projection) -> tuple[float, ...]:
    """Numbers that tell distributions of delays apart."""
    if projection.spread is None:
        table, mean, relative = projection.delay, 0.0, 0.0
    else:
        table, mean = projection.spread.table, float(projection.delay_steps.mean())
        relative = float(projection.spread.relative)
    assert table is not None
    return table.low, table.high, table.mean, table.size, mean, relative


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
