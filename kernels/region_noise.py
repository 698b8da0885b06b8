"""Standard normal numbers of regions: a pure function of seed, region, target and step.

Number of step s is entry s % 4 of philox(region, s // 4, 0, purpose and term), mapped by the inverse-CDF table of
`dtbsim.kernels.noise`. The key is the seed of the member: an ensemble whose members have the same draws it once.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from dtbsim.kernels import region_layout as R
from dtbsim.kernels.intrinsics import view_f32, view_i64, view_u32
from dtbsim.kernels.noise import TABLE, standard_normal
from dtbsim.kernels.numba_support import NoAliasCompiler
from dtbsim.kernels.philox import philox4x32


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _own_words(nodes: Any, seeds: Any, c1: Any, c3: Any, k1: Any, w0: Any, w1: Any, w2: Any, w3: Any) -> None:
    for i in range(nodes.size):
        w0[i], w1[i], w2[i], w3[i] = philox4x32(nodes[i], c1, np.uint32(0), c3, seeds[i], k1)


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _shared_words(nodes: Any, c1: Any, c3: Any, k0: Any, k1: Any, w0: Any, w1: Any, w2: Any, w3: Any) -> None:
    for i in range(nodes.size):
        w0[i], w1[i], w2[i], w3[i] = philox4x32(nodes[i], c1, np.uint32(0), c3, k0, k1)


@nb.njit(nogil=True, pipeline_class=NoAliasCompiler)
def _normals(words: Any, table: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = standard_normal(words[i], table)


@nb.njit(nogil=True)
def fill_lines(table: Any, place: int, number: int, states: Any, first: int, last: int) -> None:
    """Fill the lines of own delays with the states that they are of, as they are: address and steps from `place` on."""
    lanes = table[R.LANES]
    row = 4 * table[R.NODES] * lanes
    here, m = 4 * first * lanes, (last - first) * lanes
    for k in range(number):
        value = view_f32(table[R.STATES] + states[k] * row + here, m)
        for step in range(table[place + 2 * k + 1]):
            view_f32(table[place + 2 * k] + step * row + here, m)[:] = value


@nb.njit(nogil=True)
def drawn(table: Any, group: int, first: int, last: int) -> bool:
    """Whether the numbers of steps 4 group to 4 group + 3 are there for regions first to last - 1."""
    marks = view_i64(table[R.DRAWN], table[R.NODES])
    missing = 0
    for i in range(first, last):
        missing += marks[i] != group
    return missing == 0


@nb.njit(nogil=True)
def mark(table: Any, group: int, first: int, last: int) -> None:
    """Note that they are."""
    marks = view_i64(table[R.DRAWN], table[R.NODES])
    for i in range(first, last):
        marks[i] = group


@nb.njit(nogil=True)
def draw(table: Any, term: int, purpose: Any, shared: bool, group: int, first: int, last: int) -> None:
    """Draw the numbers of steps 4 group to 4 group + 3 of a noise term for regions first to last - 1."""
    lanes = table[R.LANES]
    size = table[R.NODES] * lanes
    k0, k1 = np.uint32(table[R.KEY_0]), np.uint32(table[R.KEY_1])
    c1 = np.uint32(group)
    normal = view_f32(table[R.NORMAL], TABLE)
    m = (last - first) * lanes
    here = 4 * first * lanes
    row = 4 * size
    at = table[R.WORDS] + here
    w0, w1 = view_u32(at, m), view_u32(at + row, m)
    w2, w3 = view_u32(at + 2 * row, m), view_u32(at + 3 * row, m)
    if shared:
        n = last - first
        nodes = view_u32(table[R.NODE_KEYS] + 4 * first, n)
        _shared_words(nodes, c1, purpose, k0, k1, w0[:n], w1[:n], w2[:n], w3[:n])
        if lanes > 1:
            for w in (w0, w1, w2, w3):
                for i in range(n - 1, -1, -1):
                    w[i * lanes : (i + 1) * lanes] = w[i]
    else:
        nodes = view_u32(table[R.ELEMENT_NODES] + here, m)
        seeds = view_u32(table[R.ELEMENT_SEEDS] + here, m)
        _own_words(nodes, seeds, c1, purpose, k1, w0, w1, w2, w3)
    at = table[R.NUMBERS] + 4 * term * row + here
    _normals(w0, normal, view_f32(at, m))
    _normals(w1, normal, view_f32(at + row, m))
    _normals(w2, normal, view_f32(at + 2 * row, m))
    _normals(w3, normal, view_f32(at + 3 * row, m))
