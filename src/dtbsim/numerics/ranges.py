"""Numbers in ranges that follow one another: of which population is a neuron, of which region a population?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def range_of(starts: NDArray[Any], numbers: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the range that each number (any shape) is in, int64: range k begins at starts[k], and none is empty.

    Numbers below starts[0] give -1, those beyond the last start the last range.
    """
    return np.asarray(np.searchsorted(starts, numbers, side="right") - 1, dtype=np.int64)
