"""Wiring as the compiled loops read it: rows of several targets, entry after entry, with places in the history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.kernels.region_coupling import ROWS, WIDTH
from dtbsim.spec.region_network import Wiring

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
DENSE = 0.25
"""Share of pairs from which on all pairs are summed where a step is summed alone."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Entries in groups of ROWS targets: weights float32[e, ROWS], offsets int64[e, ROWS], starts int64[groups + 1]."""

    weights: F32
    offsets: I64
    starts: I64


def rows_of(wiring: Wiring, first: int, last: int, n_sources: int, columns: int, back: int, lanes: int) -> Rows:
    """Rows of the targets `first` to before `last`.

    What fills a group up points to the last row, of zeros, with the longest delay, so that a block ends within the row.
    """
    n = last - first
    n_groups = -(-n // ROWS)
    counts = np.zeros(n_groups * ROWS, np.int64)
    counts[:n] = np.diff(wiring.starts)[first:last]
    lengths = counts.reshape(n_groups, ROWS).max(axis=1, initial=0)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    weights = np.zeros((int(starts[-1]), ROWS), np.float32)
    offsets = np.full((int(starts[-1]), ROWS), (n_sources * columns - back) * lanes, np.int64)
    low, high = int(wiring.starts[first]), int(wiring.starts[last])
    target = np.repeat(np.arange(n), counts[:n])
    place = np.arange(low, high) - np.repeat(wiring.starts[first:last], counts[:n])
    at = starts[target // ROWS] + place, target % ROWS
    weights[at] = wiring.weights[low:high]
    sources, delays = wiring.sources[low:high].astype(np.int64), wiring.delays[low:high].astype(np.int64)
    offsets[at] = (sources * columns - delays) * lanes
    return Rows(weights, offsets, starts)


def transposed(wiring: Wiring, first: int, last: int, n_sources: int) -> F32:
    """float32[sources, targets filled up to whole vectors]: weights by source."""
    width = -(-(last - first) // WIDTH) * WIDTH
    dense = np.zeros((n_sources, width), np.float32)
    low, high = int(wiring.starts[first]), int(wiring.starts[last])
    target = np.repeat(np.arange(last - first), np.diff(wiring.starts)[first:last])
    dense[wiring.sources[low:high], target] = wiring.weights[low:high]
    return dense


def grouped(wiring: Wiring, first: int, last: int, n_sources: int) -> F32:
    """float32[groups, sources, ROWS]: weights of all pairs in groups of targets."""
    n_groups = -(-(last - first) // ROWS)
    dense = transposed(wiring, first, last, n_sources)
    wide = dense[:, : n_groups * ROWS]
    return np.ascontiguousarray(wide.reshape(n_sources, n_groups, ROWS).transpose(1, 0, 2))


def is_uniform(wiring: Wiring, n_sources: int) -> bool:
    """Whether all delays are the same and most pairs are connected."""
    if not wiring.weights.size or wiring.shortest != wiring.longest:
        return False
    return wiring.weights.size >= DENSE * (wiring.starts.size - 1) * n_sources


def total_weights(wiring: Wiring, first: int, last: int) -> F32:
    """float32[targets]: sums of weights, entry after entry in float32."""
    totals = np.zeros(last - first, np.float32)
    for k, target in enumerate(range(first, last)):
        total = np.float32(0.0)
        for weight in wiring.weights[wiring.starts[target] : wiring.starts[target + 1]]:
            total = np.float32(total + weight)
        totals[k] = total
    return totals
