"""The values of a noise current, by their definition (`dtbsim.kernels.noise`), as the network gets them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.api import build
from dtbsim.config.values import Normal
from dtbsim.numerics.philox import PURPOSE_NOISE, PURPOSE_SHIFT, philox_array
from dtbsim.spec.distributions import as_table


def noise_of(state: Any, drive: str, population: str, neuron: int, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the current in pA that a drive gives a neuron in some steps, 0 where it is off."""
    if not state.has_run or not steps.size:
        return np.zeros(steps.size)
    built = build(state.configuration())
    part = next((item for item in built.network.drives if item.name == drive), None)
    if part is None:
        return np.zeros(steps.size)
    assert part.noise is not None
    gid = int(built.populations[population].gids[neuron])
    numbers = np.maximum(steps - part.start, 0) // part.noise.interval
    words = np.stack(
        [
            philox_array(
                np.array([gid], np.uint32),
                block,
                0,
                (PURPOSE_NOISE << PURPOSE_SHIFT) | part.index,
                built.network.noise_seed_at(0),
            )
            for block in range(int(numbers.max()) // 4 + 1)
        ]
    )
    word = words.reshape(-1)[numbers]
    table = as_table(Normal(distribution="normal", mean=0.0, sd=1.0)).quantiles.astype(np.float32)
    low, fraction = word >> np.uint32(16), (word & np.uint32(0xFFFF)).astype(np.float32) * np.float32(2.0**-16)
    normals = table[low] + (table[low + np.uint32(1)] - table[low]) * fraction
    waves = part.noise_waveform(steps, state.dt)
    return np.asarray(waves[:, 0] + waves[:, 1] * normals, np.float64)
