"""Mean events per step of each neuron that a Poisson drive reaches, where they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.numerics.philox import PURPOSE_RATE, PURPOSE_SHIFT, philox_array
from dtbsim.spec.distributions import Table
from dtbsim.spec.numbers import PerNeuron

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OwnMeans:
    """Rates in Hz drawn from `table`, or `listed`, in the region at a position among those of the population."""

    table: Table | None
    listed: PerNeuron | None
    position: int
    dt_ms: float
    low: float = 0.0
    high: float = 0.0
    """Bounds of the rates in Hz."""

    def means(self, neurons: NDArray[np.int64], gids: NDArray[np.integer], drive: int, seed: int) -> FloatArray:
        """float64[n]: mean events per step of neurons, given by index in the population and gid, of drive `drive`.

        A rate depends on seed, drive and gid alone, wherever the neuron lies.
        """
        if self.listed is not None:
            rates_hz: FloatArray = self.listed.of(self.position, neurons)
        else:
            assert self.table is not None
            rates_hz = self.table.draw(philox_array(gids, 0, 0, (PURPOSE_RATE << PURPOSE_SHIFT) | drive, seed)[0])
        return rates_hz * self.dt_ms * 1e-3
