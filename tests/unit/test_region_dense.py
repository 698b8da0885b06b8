"""Sums of all pairs: one variable or two, any number of targets, the bits of sums source after source."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.kernels.jit import cached_njit
from dtbsim.kernels.region_coupling import ROWS, WIDTH
from dtbsim.kernels.region_dense import sum_lanes, sum_targets


@cached_njit
def lanes(h: int, h2: int, w: int, sources: int, groups: int, n: int, out: int, out2: int) -> None:
    sum_lanes(h, h2, w, sources, n, 0, groups, n, out, out2)


@cached_njit
def targets(h: int, h2: int, w: int, sources: int, width: int, begin: int, end: int, out: int, out2: int) -> None:
    sum_targets(h, h2, w, sources, 1, width, begin, end, out, out2)


def one_after_the_other(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """fma(w, x, acc) in float32: the product of two float32 is exact in float64; so is its sum in long double."""
    found = np.zeros(weights.shape[1:] + x.shape[1:], np.float32)
    for w, value in zip(weights, x, strict=True):
        product = np.multiply.outer(w.astype(np.longdouble), value.astype(np.longdouble))
        found = (product + found).astype(np.float32)
    return found


def numbers(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("n", [1, 16, 80, 130, 300])
def test_targets_of_one_lane(n: int) -> None:
    width = -(-n // WIDTH) * WIDTH
    w, x, y = numbers((37, width), 1), numbers((37,), 2), numbers((37,), 3)
    out, both, second = (np.zeros(width, np.float32) for _ in range(3))
    at = [array.ctypes.data for array in (x, y, w, out, both, second)]
    targets(at[0], 0, at[2], 37, width, 0, n, at[3], 0)
    targets(at[0], at[1], at[2], 37, width, 0, n, at[4], at[5])
    assert out.tobytes() == both.tobytes() == one_after_the_other(w, x).tobytes()
    assert second.tobytes() == one_after_the_other(w, y).tobytes()


def test_lanes_of_members() -> None:
    w, x, y = numbers((2, 21, ROWS), 1), numbers((21, 2 * WIDTH), 2), numbers((21, 2 * WIDTH), 3)
    out, both, second = (np.zeros((2 * ROWS, 2 * WIDTH), np.float32) for _ in range(3))
    at = [array.ctypes.data for array in (x, y, w, out, both, second)]
    lanes(at[0], 0, at[2], 21, 2, 2 * WIDTH, at[3], 0)
    lanes(at[0], at[1], at[2], 21, 2, 2 * WIDTH, at[4], at[5])
    expected = np.concatenate([one_after_the_other(group, x) for group in w])
    assert out.tobytes() == both.tobytes() == expected.tobytes()
    assert second.tobytes() == np.concatenate([one_after_the_other(group, y) for group in w]).tobytes()
