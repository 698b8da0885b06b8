"""What the compiler makes of rules that list their synapses: tables of what is listed, and the pairs that occur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.models import NeuronModel
from dtbsim.models.connections import Span
from dtbsim.spec.channels import SMALLEST_WEIGHT, weight_keys
from dtbsim.spec.distributions import FloatArray, Table
from dtbsim.spec.places import Places
from dtbsim.spec.pools import Pools


def pairs_of(pools: Pools, expected: NDArray[np.float64], sources: Sequence[int]) -> Pools:
    """The pools without pairs that have no synapse; `weight` is the expected number of synapses of each pair.

    `expected` float64[target regions, source regions], `sources` the source populations.
    """
    number = expected[pools.piece, pools.source - sources[0]]
    kept = number > 0
    count = np.bincount(pools.piece[kept], minlength=pools.start.size - 1)
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
    return Pools(start, pools.source[kept], number[kept], pools.length_mm[kept])


def listed_table(span: Span, unit: float = 1.0) -> Table:
    """Bounds and means of listed values as a table. It has no quantiles, as nothing is drawn."""
    return Table(_nothing_drawn, span.low * unit, span.high * unit, span.mean * unit, span.size * unit)


def listed_weight(span: Span, model: NeuronModel, where: str, places: Places) -> Table:
    """The table of listed weights, whose unit must be one that the model takes."""
    keys = weight_keys(model, where, places)
    if span.key not in (None, "weight", *keys):
        raise places.error(
            where, f"model '{model.name}' takes {' or '.join(keys)}, not {span.key}", "rename the column"
        )
    size = max(abs(span.low), abs(span.high))
    if 0 < size < SMALLEST_WEIGHT:
        raise places.error(
            where, f"weights up to {size:g} are too small for float32", f"allowed: 0, or {SMALLEST_WEIGHT:g} on"
        )
    return listed_table(span)


def _nothing_drawn() -> FloatArray:
    raise TypeError("listed values are not drawn")
