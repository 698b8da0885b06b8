"""Where cores lie on the mesh, so that messages travel few links: annealing of traffic times distance.

Exchanging two cores is accepted where it shortens the way of messages, or with a probability that falls as it goes on
(Kirkpatrick et al. 1983, Science 220:671). The random numbers are fixed: the same traffic gives the same places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dtbsim.chips.chip import Chip
from dtbsim.mapping.links import I64

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MOST_ANNEALED = 4096
"""Cores whose places are looked for; of more, the order of the partition stays."""
SWAPS_PER_CORE = 400
MOST_SWAPS = 200_000


@dataclass(frozen=True, eq=False)
class Mesh:
    """int64[slots] each: chip and coordinates of every place for a core; `x` and `y` count tiles over all chips."""

    chip: I64
    x: I64
    y: I64
    known: bool
    """Whether the chip says how its cores are arranged; otherwise a chip counts as one tile."""


def mesh_of(chip: Chip, n_chips: int) -> Mesh:
    """Return the places of `n_chips` chips, laid out in a square; tiles count down columns, as in SANA-FE."""
    cores = round(chip["size.cores"])
    sizes = [chip.whole(f"size.{key}") for key in ("mesh_width", "mesh_height", "cores_per_tile")]
    known = None not in sizes
    width, height, per_tile = (int(size or 0) for size in sizes) if known else (1, 1, cores)
    across = math.ceil(math.sqrt(n_chips))
    core = np.arange(n_chips * cores)
    number, tile = core // cores, core % cores // per_tile
    x = number % across * width + tile // height
    y = number // across * height + tile % height
    return Mesh(number, x, y, known)


def place(traffic: csr_array, mesh: Mesh, *, seed: int = 1) -> I64:
    """Return int64[cores]: the slot of each core, of the first `cores` slots of the mesh.

    `traffic`: a sparse matrix [cores, cores], what goes from a core to another.
    """
    n = traffic.shape[0]
    slots = np.arange(n)
    if n < 3 or n > MOST_ANNEALED:
        return slots
    both = np.asarray((traffic + traffic.T).todense(), np.float64)
    np.fill_diagonal(both, 0.0)
    rng = np.random.default_rng(seed)
    n_swaps = min(MOST_SWAPS, SWAPS_PER_CORE * n)
    pairs = rng.integers(0, n, (n_swaps, 2))
    chances = rng.random(n_swaps)
    x, y = mesh.x[:n].astype(np.float64), mesh.y[:n].astype(np.float64)
    at_x, at_y = x.copy(), y.copy()
    start = float(both.sum()) / n / 4
    best, best_cost, cost = slots.copy(), 0.0, 0.0
    for k, (a, b) in enumerate(pairs.tolist()):
        if a == b:
            continue
        gap = np.abs(at_x - at_x[b]) + np.abs(at_y - at_y[b]) - np.abs(at_x - at_x[a]) - np.abs(at_y - at_y[a])
        difference = both[a] - both[b]
        difference[[a, b]] = 0.0
        change = float(difference @ gap)
        heat = start * (1 - k / n_swaps) ** 2 * 0.05
        if change <= 0 or (heat > 0 and chances[k] < math.exp(-change / heat)):
            at_x[[a, b]], at_y[[a, b]] = at_x[[b, a]], at_y[[b, a]]
            slots[[a, b]] = slots[[b, a]]
            cost += change
            if cost < best_cost - 1e-9:
                best_cost, best = cost, slots.copy()
    return best


def way(traffic: csr_array, mesh: Mesh, slots: I64) -> tuple[float, float]:
    """Return traffic times links along x, and along y, of cores at these slots."""
    between = traffic.tocoo()
    a, b = slots[between.row], slots[between.col]
    across, up = np.abs(mesh.x[a] - mesh.x[b]), np.abs(mesh.y[a] - mesh.y[b])
    return float(between.data @ across), float(between.data @ up)
