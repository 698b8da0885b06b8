"""Weights as mantissas with an exponent that all synapses of a core and a receptor share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Group:
    """Weights that share exponents core by core: `wanted` float64[m] in the unit of the chip, `core` int64[m]."""

    receptor: str
    wanted: F64
    core: I64


@dataclass(frozen=True)
class Format:
    """Mantissas from -`most` (0 where `unsigned`) to `most`, and the exponents that there are."""

    most: int
    low: int
    high: int
    unsigned: bool = False


def exponents_of(groups: list[Group], form: Format) -> dict[tuple[int, str], int]:
    """Return the smallest exponent for each core and receptor with which its largest weight fits.

    It is `form.high` where none fits; those weights are then clipped to the largest there is.
    """
    largest: dict[tuple[int, str], float] = {}
    for group in groups:
        if not group.wanted.size:
            continue
        most = np.zeros(int(group.core.max()) + 1)
        np.maximum.at(most, group.core, np.abs(group.wanted))
        for core in np.unique(group.core).tolist():
            key = core, group.receptor
            largest[key] = max(largest.get(key, 0.0), float(most[core]))
    return {key: exponent_for(size, form) for key, size in sorted(largest.items())}


def exponent_for(size: float, form: Format) -> int:
    """Return the exponent for weights up to `size`."""
    if size == 0:
        return form.low
    needed = int(np.ceil(np.log2(size / (form.most + 0.5))))
    if np.rint(size / 2.0**needed) > form.most:
        needed += 1
    return int(np.clip(needed, form.low, form.high))


def rounded(
    group: Group, exponents: dict[tuple[int, str], int], form: Format
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Return mantissas, rounded to nearest (halves to even) and clipped, and the exponents they go with."""
    table = np.zeros(int(group.core.max(initial=0)) + 1, np.int8)
    for (core, receptor), own in exponents.items():
        if receptor == group.receptor and core < table.size:
            table[core] = own
    exponent = table[group.core]
    scaled = np.rint(np.ldexp(group.wanted, -exponent.astype(np.int64)))
    low = 0 if form.unsigned else -form.most
    return np.clip(scaled, low, form.most).astype(np.int32), exponent
