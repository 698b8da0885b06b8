"""What a backend on CPUs knows of the exchange of spikes with other ranks, however these are reached."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
NO_SPIKES: I64 = np.zeros(0, np.int64)


class Exchange(Protocol):
    """Moves spikes between ranks. A rank steps `window` steps without waiting for any other, then calls `tick`.

    What is posted at one tick is complete at a later one that is early enough for its delays.
    """

    window: int
    inside: bool
    """The compiled steps exchange by themselves, every `window` steps, and end early by themselves when time is up:
    they are called for a whole chunk, and `tick` follows its end."""
    late: bool
    """Whether a rank was past its deadline when last asked: all ranks have heard it."""

    def attach(self, rank: I64) -> None:
        """Enter into the rank's table (`kernels.layout`) what the compiled steps need, once, before the first."""

    def compile(self) -> None:
        """Compile, or load, the code that moves spikes, before the first step."""

    def tick(self, rank: I64, lanes: I64, *, late: bool, ask: bool, last: bool) -> I64:
        """Exchange what is due; entries (step << bits | gid) of other ranks that have arrived; collective.

        `late`: this rank is past its deadline. `ask`: find out until the next tick whether any rank is. `last`: the
        logs will be cleared. `ask` and `last` are the same on all ranks.
        """

    def complete(self) -> I64:
        """Take in everything that is under way, after a last tick; collective."""

    def collected(self) -> None:
        """The logs have been cleared."""

    def close(self) -> None:
        """Let go of channels; what is under way is not waited for."""


class InsideExchange:
    """What exchanges that happen inside the compiled steps have in common; on its own that of a single process."""

    window = 1 << 62
    inside = True
    late = False

    def attach(self, rank: I64) -> None:
        """Nothing to enter: spikes stay where they are."""

    def compile(self) -> None:
        """Nothing: the compiled steps have it all."""

    def tick(self, rank: I64, lanes: I64, *, late: bool, ask: bool, last: bool) -> I64:
        """No spikes: they have arrived already."""
        return NO_SPIKES

    def complete(self) -> I64:
        """No spikes."""
        return NO_SPIKES

    def collected(self) -> None:
        """Nothing is remembered of the logs."""

    def close(self) -> None:
        """Nothing is held."""
