"""exp, expm1, log and pow of float64: errors against long double, and where there is no number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
import pytest

from dtbsim.kernels import elementary64 as E


@nb.njit(error_model="numpy")
def many(x: Any, which: int, out: Any) -> None:
    for i in range(x.size):
        if which == 0:
            out[i] = E.exp(x[i])
        elif which == 1:
            out[i] = E.expm1(x[i])
        else:
            out[i] = E.log(x[i])


@nb.njit(error_model="numpy")
def powers(x: Any, exponent: float, out: Any) -> None:
    for i in range(x.size):
        out[i] = E.power(x[i], exponent)


def of(which: int, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    many(x, which, out)
    return out


def ulps(found: np.ndarray, exact: np.ndarray) -> float:
    """Largest error in units of the last place of the exact results (long double)."""
    size = np.spacing(np.abs(exact.astype(np.float64))).astype(np.longdouble)
    return float(np.max(np.abs(found.astype(np.longdouble) - exact) / size))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than float64 here")
@pytest.mark.parametrize(
    ("which", "exact", "most", "low", "high"),
    [
        (0, np.exp, E.EXP_MAX_ULP, -700.0, 709.0),
        (1, np.expm1, E.EXPM1_MAX_ULP, -800.0, 709.0),
        (1, np.expm1, E.EXPM1_MAX_ULP, -1.5, 1.5),
        (2, np.log, E.LOG_MAX_ULP, 1e-300, 1e300),
        (2, np.log, E.LOG_MAX_ULP, 0.2, 5.0),
    ],
)
def test_errors_are_within_the_stated_bounds(
    which: int, exact: Callable[..., Any], most: float, low: float, high: float
) -> None:
    rng = np.random.default_rng(which)
    x = rng.uniform(low, high, 200_000) if which < 2 else np.exp(rng.uniform(np.log(low), np.log(high), 200_000))
    x[:1000] = (1.0 if which == 2 else 0.0) + rng.normal(0, 1e-6, 1000)
    assert ulps(of(which, x), exact(x.astype(np.longdouble))) <= most


def test_powers_are_as_good_as_they_say() -> None:
    x = np.random.default_rng(5).uniform(0.05, 20.0, 100_000)
    out = np.empty_like(x)
    for exponent in (0.32, 1 / 0.32, -2.0):
        powers(x, exponent, out)
        exact = x.astype(np.longdouble) ** np.longdouble(exponent)
        error = np.abs(out.astype(np.longdouble) - exact) / np.spacing(exact.astype(np.float64))
        assert (error <= 2 + 1.5 * np.abs(exponent * np.log(x))).all()
    powers(np.ones(3), 1 / 0.32, out[:3])
    assert (out[:3] == 1.0).all()


def test_values_without_a_number_and_ends_of_the_range() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1000.0, -1000.0, 1e-310, -1.0])
    with np.errstate(all="ignore"):
        for which, exact in enumerate((np.exp, np.expm1, np.log)):
            found, expected = of(which, x), exact(x)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
            np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-309)  # subnormals may be 0


def test_one_by_one_and_in_vectors_the_bits_are_the_same() -> None:
    x = np.random.default_rng(2).uniform(-3.0, 3.0, 1003)

    @nb.njit(error_model="numpy")
    def one(value: float) -> float:
        return E.expm1(value)

    assert of(1, x).tobytes() == np.array([one(value) for value in x]).tobytes()
