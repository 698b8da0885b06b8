"""Where streams leave what they have made of a chunk, for those that follow them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


class Board:
    """The samples of the last chunk of every signal, on rank 0; a stream publishes in `take`, also where there is none.

    A stream that follows another one comes after it, so it finds those of the same chunk.
    """

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, F64]] = {}

    def publish(self, name: str, first: int, values: F64) -> None:
        """Leave samples float64[k, channels], the first of which was taken after step `first`."""
        self._rows[name] = first, values

    def rows(self, name: str) -> tuple[int, F64]:
        """The step of the first sample, and the samples."""
        return self._rows[name]
