"""Morton order: points along a curve through space on which neighbours are near each other.

Source: Morton (1966), A computer oriented geodetic data base and a new technique in file sequencing, IBM.
"""

from __future__ import annotations

import numpy as np

from dtbsim.partition.table import Float64, Int64

BITS = 21
"""Of each coordinate: three make a code of 63 bits."""


def morton_order(xyz: Float64) -> Int64:
    """Return int64[n]: the points float64[n, 3] in Morton order; equal points keep their order."""
    low = xyz.min(axis=0, initial=np.inf)
    size = float((xyz - low).max(initial=0.0))
    cells = ((xyz - low) * ((2**BITS - 1) / size) if size > 0 else np.zeros_like(xyz)).astype(np.int64)
    code = np.zeros(len(xyz), dtype=np.int64)
    for bit in range(BITS):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable").astype(np.int64)
