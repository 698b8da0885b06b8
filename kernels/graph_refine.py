"""Moves of single vertices between the parts of a partitioned graph (`kernels.graph_coarsen`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.graph_coarsen import stride
from dtbsim.kernels.jit import cached_njit


@cached_njit
def refine_parts(start: Any, other: Any, weight: Any, load: Any, part: Any, loads: Any, limit: int, passes: int) -> Any:
    """Move vertices, in place, to the part that they talk most to, as long as less goes between parts; returns moves.

    `part` int32[n], `loads` int64[p]. No move lifts a part above `limit` or empties one; vertices of parts above it
    move to where there is room even if more goes between parts then.
    """
    n = np.int64(load.size)
    toward, members = np.zeros(loads.size, np.int64), np.zeros(loads.size, np.int64)
    near = np.empty(loads.size, np.int32)
    for u in range(n):
        members[part[u]] += 1
    moves, step, v = np.int64(0), stride(n), np.int64(0)
    for _ in range(passes):
        before = moves
        for _ in range(n):
            v = (v + step) % n
            here = part[v]
            if members[here] < 2:
                continue
            n_near = 0
            for e in range(start[v], start[v + 1]):
                p = part[other[e]]
                if toward[p] == 0:
                    near[n_near] = p
                    n_near += 1
                toward[p] += weight[e]
            too_much = loads[here] > limit
            best = -1
            for k in range(n_near):
                p = near[k]
                if p == here or loads[p] + load[v] > limit:
                    continue
                if not too_much:
                    if toward[p] < toward[here]:
                        continue
                    if toward[p] == toward[here] and loads[p] + load[v] >= loads[here]:
                        continue
                if best < 0 or toward[p] > toward[best] or (toward[p] == toward[best] and loads[p] < loads[best]):
                    best = p
            for k in range(n_near):
                toward[near[k]] = 0
            if best >= 0:
                part[v] = best
                loads[here] -= load[v]
                loads[best] += load[v]
                members[here] -= 1
                members[best] += 1
                moves += 1
        if moves - before <= n // 1000:
            break
    return moves
