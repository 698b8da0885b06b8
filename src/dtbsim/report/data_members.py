"""What a report shows of an ensemble, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Members:
    """`values` float64[members] by entry of summary.json; `coordinates` (members,) by name, those that differ."""

    n: int
    coordinates: dict[str, NDArray[Any]]
    values: dict[str, NDArray[np.float64]]
