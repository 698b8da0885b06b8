"""What a lane keeps for the sources of projections whose synapses change: rows, and the state of each source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.candidates import Candidates
from dtbsim.build.sparse_rows import sparse_bytes, sparse_shift
from dtbsim.spec.network import Network

ROW_BYTES = 16
"""Where the synapses and the segments of a source begin."""
STATE_BYTES = 12
"""Step of the last spike of a source, and two numbers."""
USED_BYTES = 16 / 64
"""Of each source candidate where only used ones have rows: a bit, and its share of a count."""
HISTORY_BYTES, TARGET_BYTES = 64, 8 + 4 * (1 + 8 + 1)
"""Of each target of plastic synapses: eight spikes, for each word of them; counts and scratch."""
BUILDING_BYTES = 13
"""Of each row while it is built."""


def source_bytes(
    network: Network, candidates: Candidates, synapses: NDArray[np.float64], delay_bytes: int
) -> tuple[float, float]:
    """Bytes that stay, and bytes needed on top at some time while building, for the sources of dynamic projections.

    `synapses`, float64[n_projections]: those expected on the lane of each projection.
    """
    stay, building = 0.0, 0.0
    heard = _heard(network, candidates)
    for index in np.flatnonzero([p.dynamics is not None for p in network.projections]).tolist():
        n, own = int(heard[index]), float(synapses[index])
        if not n or not own:
            continue
        shift = sparse_shift(n, own)
        used = n * -np.expm1(-own / n) if shift else float(n)
        stay += used * (ROW_BYTES + STATE_BYTES) + (USED_BYTES * n if shift else 0.0)
        extra = sparse_bytes(n, own, shift, delay_bytes) if shift else 0.0
        building = max(building, extra + BUILDING_BYTES * ((n >> shift) + 1) + own * delay_bytes * (shift == 0))
    return stay, building


def target_bytes(network: Network, owned: NDArray[np.float64]) -> float:
    """Bytes for what targets of plastic synapses remember; `owned`, float64[n_populations], of the rank's neurons."""
    total = 0.0
    for p in network.projections:
        if p.dynamics is not None and p.dynamics.plastic:
            each = HISTORY_BYTES * p.dynamics.history_words + TARGET_BYTES
            total += each * float(owned[p.piece_target].sum())
    return total


def _heard(network: Network, candidates: Candidates) -> NDArray[np.int64]:
    """int64[n_projections]: candidates from the first to the last source of each projection."""
    entries = network.entries
    offset = candidates.offset[entries.source]
    here = offset >= 0
    first = np.full(len(network.projections), np.iinfo(np.int64).max)
    stop = np.zeros(len(network.projections), np.int64)
    np.minimum.at(first, entries.projection[here], offset[here])
    np.maximum.at(stop, entries.projection[here], (offset + network.sizes[entries.source])[here])
    heard: NDArray[np.int64] = np.maximum(stop - first, 0)
    return heard
