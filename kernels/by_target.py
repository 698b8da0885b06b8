"""Values of the synapses of a lane, from the order of its rows to that of their targets and back.

Rows are in the order of sources, each in that of delays. Walking through them once, target by target, gives the order
(target, source, delay), which is the same however the targets are spread over lanes. Several synapses that are equal in
all three keep their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.jit import cached_njit


@cached_njit
def to_targets(targets: Any, slot0: int, cursor: Any, values: Any, out: Any) -> None:
    """out[cursor[i]++] = the value of each synapse of target i; `targets` uint32 slots from `slot0` on.

    `cursor` int64[n targets]: where the values of each target begin in `out`; `values` one per synapse.
    """
    for j in range(targets.size):
        i = np.int64(targets[j]) - slot0
        out[cursor[i]] = values[j]
        cursor[i] += 1


@cached_njit
def from_targets(targets: Any, slot0: int, cursor: Any, values: Any, out: Any) -> None:
    """The way back: out[j] = values[cursor[i]++]."""
    for j in range(targets.size):
        i = np.int64(targets[j]) - slot0
        out[j] = values[cursor[i]]
        cursor[i] += 1
