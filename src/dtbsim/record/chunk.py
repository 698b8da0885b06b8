"""What one piece of a run brings: the spikes of this rank, and the counts of all ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.regions.series import RegionSeries
from dtbsim.record.counts import I64
from dtbsim.record.spike_order import Gids, Steps

Sample = tuple[Steps, NDArray[np.float32]]
"""Steps int64[k] after which was sampled, values float32[k, neurons, variables]."""


@dataclass(frozen=True, eq=False)
class Chunk:
    """The steps [start, stop). Chunks follow one another without gaps and are the same on every rank.

    `steps` int64[n] and `gids` uint32[n] are the spikes of this rank, in any order. `counts` int64[units, populations]
    are the spikes of all ranks in every unit of counting that ends in the chunk; no rows where nobody counts. `samples`
    are the states of neurons of this rank, one entry for each of the requests of the network (`Network.samples`).
    `regions` are sampled values of mean-field regions of this rank, one entry for each of `Network.regions.samples`.
    """

    start: int
    stop: int
    steps: Steps
    gids: Gids
    counts: I64
    samples: Sequence[Sample] = ()
    regions: Sequence[RegionSeries] = ()
