"""The definition of Poisson counts, in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.kernels.poisson import poisson_thresholds, threshold_tables
from dtbsim.numerics.philox import PURPOSE_POISSON, PURPOSE_SHIFT, philox_array


def reference_counts(gids: Any, block: int, drive: int, mean: float, seed: int) -> Any:
    """int64[8, n] of steps 8 * block and on: the number of thresholds below a 32-bit word per neuron and step."""
    thresholds = poisson_thresholds(mean)
    return np.array(
        [np.searchsorted(thresholds, word, side="left") for word in reference_words(gids, block, drive, seed)]
    )


def varied_reference_counts(gids: Any, step: int, drive: int, mean: float, seed: int) -> Any:
    """int64[n] of one step of a drive whose rate varies."""
    word = reference_words(gids, step // 8, drive, seed)[step % 8]
    return np.searchsorted(threshold_tables(np.array([mean]))[0][0], word, side="left")


def reference_words(gids: Any, block: int, drive: int, seed: int) -> list[Any]:
    """uint32[n] for each of the steps 8 * block and on.

    Their halves come from word step % 4 of two calls, lower halves in the first four of the eight steps.
    """
    gids, purpose = np.asarray(gids, np.uint32), (PURPOSE_POISSON << PURPOSE_SHIFT) | drive
    upper, lower = (np.array(philox_array(gids, block, call, purpose, seed)) for call in (0, 1))
    low_half = np.uint32(0xFFFF)
    words: list[Any] = []
    for shift in (np.uint32(0), np.uint32(16)):
        words += list((upper >> shift & low_half) << np.uint32(16) | lower >> shift & low_half)
    return words
