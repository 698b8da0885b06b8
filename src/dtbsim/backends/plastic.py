"""The plastic weights of one projection on a rank, as those who change them need them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.dynamic_tables import DynamicTables


class PlasticWeights:
    """Weights onto the neurons `gids` of the rank, int64[n], ascending."""

    def __init__(self, lanes: Sequence[DynamicTables], projection: int) -> None:
        found = [(tables, tables.index_of[projection]) for tables in lanes if projection in tables.index_of]
        self._parts = [(tables, index, tables.target_gids(index)) for tables, index in found]
        self.gids = np.unique(np.concatenate([*(gids for _, _, gids in self._parts), np.zeros(0, np.int64)]))

    def scale(self, now: int, factors: NDArray[np.int64]) -> None:
        """Multiply all weights onto each neuron by its factor, int64[n] in 2**-FACTOR_BITS; all steps before `now` are
        done."""
        for tables, index, gids in self._parts:
            tables.scale(index, now, factors[np.searchsorted(self.gids, gids)])
