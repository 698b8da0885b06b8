"""The log of spikes on a GPU: one part fills while the other travels to the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device, Future

I64 = NDArray[np.int64]
ENTRIES = 1 << 24
"""Room for spikes between two looks of the host, at least one step's."""


def parts_of(n_most: int) -> int:
    """Parts of the log of a rank: one where a single step could fill more than ENTRIES."""
    return 1 if n_most > ENTRIES else 2


def log_bytes(n_most: int) -> int:
    """Device memory of the log."""
    return 8 * parts_of(n_most) * max(ENTRIES, n_most)


class SpikeLog:
    """int64[size] (step << 32 | gid) that kernels fill; `take` hands over what is in it.

    There are two parts of this size, unless one step of the rank could fill more than ENTRIES: then memory counts more
    than time, and there is one.
    """

    def __init__(self, device: Device, n_most: int) -> None:
        self.size = max(ENTRIES, n_most)
        self._device = device
        self._parts: list[Any] = [device.xp.zeros(self.size, np.int64) for _ in range(parts_of(n_most))]
        self._travelling: list[Future | None] = [None] * len(self._parts)
        self._filling = 0

    @property
    def address(self) -> int:
        """Where kernels write now; another one after `take`."""
        return self._device.address(self._parts[self._filling])

    def take(self, n: int) -> Future:
        """The first `n` entries, on their way to the host; the part to be filled next is free when this returns."""
        taken = self._device.download_later(self._parts[self._filling][:n])
        self._travelling[self._filling] = taken
        self._filling = (self._filling + 1) % len(self._parts)
        before = self._travelling[self._filling]
        if before is not None:
            before.values()
            self._travelling[self._filling] = None
        return taken


def joined(parts: list[Future | I64]) -> I64:
    """Entries of parts of the log, once they have arrived."""
    arrived = [part if isinstance(part, np.ndarray) else part.values() for part in parts]
    return np.concatenate([np.zeros(0, np.int64), *arrived])
