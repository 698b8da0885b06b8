"""Bundles: spikes for ranks of other nodes, many bundles in one message between node leaders.

A bundle is a header, rank << 32 | n, and the n entries (step << 32 | gid) that this rank is to get.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.packets import COUNT

_SHIFT = np.uint64(32)


@cached_njit
def write_bundles(at: Any, messages: Any, to: Any, rest_at: Any, rest: Any, out: Any) -> Any:
    """Put the entries of message m (`packets.pack`; beyond its room: rest[rest_at[m]] and on) into a bundle to rank
    to[m], none where there are no entries; returns the words of all bundles."""
    n = 0
    for m in range(at.size - 1):
        count = np.int64(messages[at[m]] & COUNT)
        if count == 0:
            continue
        out[n] = np.uint64(to[m]) << _SHIFT | np.uint64(count)
        n += 1
        held = min(count, at[m + 1] - at[m] - 1)
        out[n : n + held] = messages[at[m] + 1 : at[m] + 1 + held]
        n += held
        if count > held:
            out[n : n + count - held] = rest[rest_at[m] : rest_at[m + 1]]
            n += count - held
    return n


@cached_njit
def count_bundles(bundles: Any, place: Any, header: Any, sizes: Any) -> None:
    """Add the words of each bundle to sizes[place[rank]], its header as `header` words."""
    i = np.int64(0)
    while i < bundles.size:
        n = np.int64(bundles[i] & COUNT)
        sizes[place[np.int64(bundles[i] >> _SHIFT)]] += n + header
        i += n + 1


@cached_njit
def deal_bundles(bundles: Any, place: Any, header: Any, cursor: Any, out: Any) -> None:
    """Copy each bundle to `out` from cursor[place[rank]] on, with or without its header (`header` 1 or 0)."""
    i = np.int64(0)
    while i < bundles.size:
        n = np.int64(bundles[i] & COUNT)
        k = place[np.int64(bundles[i] >> _SHIFT)]
        begin = i + 1 - header
        out[cursor[k] : cursor[k] + n + header] = bundles[begin : i + 1 + n]
        cursor[k] += n + header
        i += n + 1


@cached_njit
def fill(at: Any, messages: Any, parts_at: Any, parts: Any) -> Any:
    """Put part m, parts[parts_at[m] : parts_at[m + 1]], into message m as far as it has room, with word 0 the words of
    the part; returns how many parts did not fit."""
    over = 0
    for m in range(at.size - 1):
        n = parts_at[m + 1] - parts_at[m]
        held = min(n, at[m + 1] - at[m] - 1)
        messages[at[m]] = np.uint64(n)
        messages[at[m] + 1 : at[m] + 1 + held] = parts[parts_at[m] : parts_at[m] + held]
        over += n > held
    return over
