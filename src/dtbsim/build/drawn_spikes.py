"""The spikes that Poisson drives draw, as the engine draws them while a network runs, some steps at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.kernels.poisson import SHARED_GID, STEPS, own_tables, poisson_thresholds, threshold_tables
from dtbsim.numerics.philox import PURPOSE_POISSON, PURPOSE_SHIFT, philox_array
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
_AT_ONCE = 1 << 21
"""Numbers that are drawn at once."""


def poisson_spikes(network: Network, drive: Drive, gids: I64, neurons: I64) -> Iterator[tuple[I64, I64, I64]]:
    """Yield steps, places among `gids`, and counts of the spikes of a Poisson drive, ascending in steps.

    `gids` are those that the drive reaches, `neurons` their indices in the population. Draws are those of
    `kernels.poisson`: the number of thresholds below a word of 32 bits.
    """
    keys = np.full(1, SHARED_GID, np.int64) if drive.shared else gids
    thresholds = _own_thresholds(network, drive, gids, neurons)
    stride = max(1, _AT_ONCE // max(keys.size * STEPS, 1))
    for low in range(drive.start // STEPS, -(-min(drive.stop, network.n_steps) // STEPS), stride):
        blocks = np.arange(low, low + stride)
        words = _words(keys, blocks, drive.index, network.seed)
        steps = np.arange(low * STEPS, (low + stride) * STEPS)
        on = drive.windows.contain(steps) & (steps < network.n_steps)
        for step, row in zip(steps[on].tolist(), words[on], strict=True):
            if drive.rate is not None:
                mean = np.asarray(drive.rate.means(np.array([step]), network.dt_ms))
                counts = np.searchsorted(threshold_tables(mean)[0][0], row, side="left")
            elif thresholds.ndim == 1:
                counts = np.searchsorted(thresholds, row, side="left")
            else:
                counts = (row[:, None] > thresholds).sum(axis=1)
            if drive.shared:
                counts = np.broadcast_to(counts, gids.size)
            hit = np.flatnonzero(counts)
            yield np.full(hit.size, step), hit, counts[hit].astype(np.int64)


MOST_LISTED = 20_000_000
"""Spikes of drives that are held in memory at once: some 2 GB with what is made of them."""


class ListedSpikes:
    """Spikes of Poisson drives for who keeps all of them: no more than `MOST_LISTED` in all."""

    def __init__(self, network: Network, remedy: str = "shorten the run: --set simulation.duration_ms=...") -> None:
        self._network, self._remedy, self._n = network, remedy, 0

    def of(self, drive: Drive, gids: I64, neurons: I64) -> Iterator[tuple[I64, I64, I64]]:
        """As `poisson_spikes`. Raises InputError where they are too many."""
        for piece in poisson_spikes(self._network, drive, gids, neurons):
            self._n += int(piece[2].sum())
            if self._n > MOST_LISTED:
                reached_ms = time_of(int(piece[0][0]) + 1, self._network.dt_ms)
                raise InputError(
                    f"drives give more than {MOST_LISTED:,} spikes, too many to list: this one at {reached_ms:g} ms",
                    where=drive.key_path or f"drives.{drive.name}", remedy=self._remedy,
                )  # fmt: skip
            yield piece


def _own_thresholds(network: Network, drive: Drive, gids: I64, neurons: I64) -> NDArray[np.uint32]:
    """uint32[m], or uint32[n, m] where every neuron has a mean of its own."""
    if drive.own_means is None:
        return poisson_thresholds(drive.mean if drive.rate is None else 0.0)
    return own_tables(drive.own_means.means(neurons, gids, drive.index, network.seed))[0]


def _words(keys: I64, blocks: I64, drive: int, seed: int) -> NDArray[np.uint32]:
    """uint32[steps, n]: upper halves come from word step % 4 of one call, lower ones from the same word of another;
    lower halves of both in the first four of eight steps, upper ones in the others."""
    purpose = (PURPOSE_POISSON << PURPOSE_SHIFT) | drive
    upper, lower = (
        np.array(philox_array(keys[None, :], blocks[:, None], call, purpose, seed)).swapaxes(0, 1) for call in (0, 1)
    )
    half = np.uint32(0xFFFF)
    first = (upper & half) << np.uint32(16) | (lower & half)
    second = (upper >> np.uint32(16)) << np.uint32(16) | lower >> np.uint32(16)
    return np.concatenate([first, second], axis=1).reshape(-1, keys.size)
