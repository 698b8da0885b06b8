"""The hash of a run's spikes: equal spikes, equal hash, however the run was distributed.

SHA-256 over the spikes sorted by step and then gid, each as 12 bytes: the step as little-endian int64, then the gid as
little-endian uint32. There is no header and no padding; a run without spikes has the SHA-256 of nothing.
"""

from __future__ import annotations

import hashlib

import numpy as np

from dtbsim.record.spike_order import Gids, SpikeSorter, Steps

PACKED_SPIKE = np.dtype([("step", "<i8"), ("gid", "<u4")])


class SpikeHasher:
    """Computes the hash while the spikes come in, window after window of time."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._sorter = SpikeSorter(self._add_sorted)
        self._spikes = 0

    @property
    def spikes(self) -> int:
        """Number of spikes so far."""
        return self._spikes + self._sorter.pending

    def update(self, steps: Steps, gids: Gids) -> None:
        """Add all spikes of the next window of time (int64[n], uint32[n], any order).

        Windows follow one another without overlap; otherwise ValueError, at the latest from `hexdigest`.
        """
        self._sorter.append(steps, gids)

    def hexdigest(self) -> str:
        """Return the hash of the spikes so far, 64 hexadecimal digits; more may follow."""
        self._sorter.flush()
        return self._sha.hexdigest()

    def _add_sorted(self, steps: Steps, gids: Gids) -> None:
        packed = np.empty(len(steps), PACKED_SPIKE)
        packed["step"] = steps
        packed["gid"] = gids
        self._sha.update(packed.data)
        self._spikes += len(steps)
