"""In-degrees that differ between the target neurons of a projection: drawn, or listed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.numerics.philox import PURPOSE_DEGREE, PURPOSE_SHIFT, philox_array
from dtbsim.spec.numbers import PerNeuron, Quantity, Spread, extremes, typical, values_of

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Degrees:
    """`number` of the target neurons times `scale` float64[pieces]; the nearest whole number counts."""

    number: Quantity
    scale: NDArray[np.float64]

    def of(self, piece: int, gids: I64, neurons: I64, projection: int, seed: int) -> I64:
        """int64[n] of target neurons of a piece, by gid and index in the population, whoever has them."""

        def words() -> NDArray[np.uint32]:
            key = (PURPOSE_DEGREE << PURPOSE_SHIFT) | projection
            return philox_array(gids, 0, 0, key, seed)[0]

        values = values_of(self.number, piece, neurons, words)
        return np.asarray(np.rint(np.broadcast_to(values, gids.shape) * self.scale[piece]), dtype=np.int64)

    @property
    def mean(self) -> I64:
        """int64[pieces]: the nearest whole number to the mean of each piece."""
        return np.rint(self._means() * self.scale).astype(np.int64)

    @property
    def largest(self) -> I64:
        """int64[pieces]: an upper bound for each piece."""
        most = self.number if isinstance(self.number, np.ndarray) else extremes(self.number)[1]
        return np.asarray(np.rint(most * self.scale), dtype=np.int64)

    def _means(self) -> NDArray[np.float64]:
        pieces = range(self.scale.size)
        if isinstance(self.number, np.ndarray):
            return self.number
        if isinstance(self.number, Spread):
            return np.array([self.number.table_of(piece).mean for piece in pieces])
        if isinstance(self.number, PerNeuron):
            ends = np.append(self.number.starts[1:], self.number.values.size)
            if not self.number.starts.any():
                return np.full(self.scale.size, self.number.values.mean())
            return np.array([self.number.values[a:b].mean() for a, b in zip(self.number.starts, ends, strict=True)])
        return np.full(self.scale.size, typical(self.number))
