"""Global ids of neurons: 32 bits where a network has no more neurons than these count, else 64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_NARROW = 2**32 - 1
"""Neurons of a network whose ids are uint32; those of larger ones are int64."""
Gids = NDArray[Any]
"""Of one of these types."""


def gid_bits(n_neurons: int) -> int:
    """Bits of an id where it shares a word of 64 with a step; at least 32."""
    return max(32, (n_neurons - 1).bit_length())


def gid_dtype(n_neurons: int) -> type[np.uint32] | type[np.int64]:
    """What ids are stored as."""
    return np.uint32 if n_neurons <= MOST_NARROW else np.int64


def as_gids(values: NDArray[Any]) -> Any:
    """The same ids as uint32, or as int64 where one is beyond 32 bits."""
    return values.astype(gid_dtype(int(values.max(initial=0)) + 1), copy=False)
