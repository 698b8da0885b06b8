"""Inverse-CDF tables against scipy: quantiles, moments, drawn values, and their fixed-point form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy import stats

from dtbsim.config.values import DrawnValue, Strict
from dtbsim.errors import InputError
from dtbsim.kernels.philox import philox_array
from dtbsim.kernels.sink import (
    FACTOR_BITS,
    FRACTION_BITS_DELAY,
    FRACTION_BITS_WEIGHT,
    Draws,
    draw_delay,
    draw_weight,
    interpolate,
)
from dtbsim.spec.distributions import TABLE_SIZE, as_table

ADAPTER = TypeAdapter(DrawnValue)
NONE = np.zeros(0, np.int64)
ONE = 1 << FACTOR_BITS


def truncated(mean: float, sd: float, low: float = -math.inf, high: float = math.inf) -> Any:
    given = {"distribution": "truncated_normal", "mean": mean, "sd": sd}
    given |= {"low": low} if low > -math.inf else {}
    given |= {"high": high} if high < math.inf else {}
    return given, stats.truncnorm((low - mean) / sd, (high - mean) / sd, loc=mean, scale=sd)


def lognormal(mean: float, sd: float) -> Any:
    sigma = math.sqrt(math.log1p((sd / mean) ** 2))
    exact = stats.lognorm(sigma, scale=mean * math.exp(-(sigma**2) / 2))
    return {"distribution": "lognormal", "mean": mean, "sd": sd}, exact


CASES: dict[str, Any] = {
    "uniform": ({"distribution": "uniform", "low": -2.0, "high": 3.0}, stats.uniform(-2, 5)),
    "normal": ({"distribution": "normal", "mean": 10.0, "sd": 3.0}, stats.norm(10, 3)),
    "delays of the microcircuit": truncated(1.5, 0.75, low=0.05),
    "inhibition, bound at 10 sd": truncated(-300.0, 30.0, high=0.0),
    "excitation, bound at 10 sd": truncated(87.8, 8.78, low=0.0),
    "two bounds": truncated(0.0, 1.0, -1.0, 0.5),
    "upper tail": truncated(0.0, 1.0, low=4.0),
    "lower tail": truncated(0.0, 1.0, high=-4.0),
    "far tail": truncated(0.0, 1.0, 30.0, 31.0),
    "lognormal": lognormal(1.0, 0.3),
    "broad lognormal": lognormal(2.0, 2.0),
    "exponential": ({"distribution": "exponential", "mean": 3.0, "low": 1.0}, stats.expon(1, 3)),
}


def table(given: Any) -> Any:
    return as_table(ADAPTER.validate_python(given))


def words(n: int) -> Any:
    return philox_array(np.arange(n, dtype=np.uint32), 1, 2, 3, 99)[0]


@pytest.mark.parametrize("name", list(CASES))
def test_quantiles_and_moments(name: str) -> None:
    given, exact = CASES[name]
    made = table(given)
    q = made.quantiles
    inner = exact.ppf(np.arange(1, TABLE_SIZE) / TABLE_SIZE)
    np.testing.assert_allclose(q[1:-1], inner, rtol=1e-9, atol=1e-9 * exact.std())
    assert (np.diff(q) >= 0).all()
    assert abs(made.mean - exact.mean()) < 1e-5 * exact.std()
    second = np.mean((q[1:] ** 2 + q[1:] * q[:-1] + q[:-1] ** 2) / 3)
    assert math.sqrt(second - made.mean**2) == pytest.approx(exact.std(), rel=2e-4)
    low, high = exact.support()
    assert low <= made.low <= inner[0]
    assert inner[-1] <= made.high <= high
    assert not made.constant


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("uniform", "two bounds")])
def test_the_outermost_intervals_keep_their_mean(name: str) -> None:
    """What a tail holds is there in the mean, though the tail ends."""
    given, exact = CASES[name]
    q = table(given).quantiles
    fine = (np.arange(20_000) + 0.5) / 20_000
    for low, high, p in ((q[0], q[1], fine / TABLE_SIZE), (q[-2], q[-1], None)):
        inside = exact.ppf(p) if p is not None else exact.isf(fine / TABLE_SIZE)
        tolerance = 0.15 if "lognormal" in name else 1e-3  # ends of lognormal ones are those of the normal
        assert abs((low + high) / 2 - inside.mean()) < tolerance * inside.std() + 1e-9 * abs(inside.mean())


@pytest.mark.parametrize("name", list(CASES))
def test_drawn_values_follow_the_distribution(name: str) -> None:
    given, exact = CASES[name]
    drawn = table(given).draw(words(100_000))
    assert stats.kstest(drawn, exact.cdf).pvalue > 0.01
    assert stats.kstest(drawn + 0.02 * exact.std(), exact.cdf).pvalue < 1e-4, "the test sees a small shift"


def test_a_table_is_interpolated_linearly() -> None:
    made = table({"distribution": "uniform", "low": 0.0, "high": 2.0**32})
    given = np.array([0, 1, 65_535, 65_536, 2**31 + 12_345, 2**32 - 1], np.uint32)
    np.testing.assert_array_equal(made.draw(given), given.astype(np.float64))


def test_numbers_constants_and_zero_spread_are_constant() -> None:
    for given in (2.5, {"distribution": "constant", "value": 2.5}, {"distribution": "normal", "mean": 2.5, "sd": 0.0}):
        made = table(given)
        assert made.constant
        assert (made.low, made.mean, made.high) == (2.5, 2.5, 2.5)
        assert (made.draw(words(10)) == 2.5).all()
    assert as_table(3).mean == 3.0


def test_a_scaled_table_stays_ascending() -> None:
    made = table(CASES["exponential"][0])
    for scale in (2.0, -2.0):
        scaled = made.map(scale)
        assert (np.diff(scaled.quantiles) >= 0).all()
        assert scaled.mean == pytest.approx(scale * made.mean)


def test_bounds_without_probability_are_an_error() -> None:
    given, _ = truncated(0.0, 1.0, 50.0, 60.0)
    with pytest.raises(InputError) as caught:
        table(given)
    assert caught.value.message == "a normal with mean 0 and sd 1 never falls within low 50, high 60"
    assert caught.value.remedy == "move the bounds towards the mean, or give a larger sd"
    with pytest.raises(InputError, match=r"never falls within high -50 \("):
        table({"distribution": "truncated_normal", "mean": 0.0, "sd": 1.0, "high": -50.0})


def test_an_unknown_kind_of_value_is_a_type_error() -> None:
    class Strange(Strict):
        pass

    with pytest.raises(TypeError, match="no table for Strange"):
        as_table(Strange())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("negative", [False, True])
def test_weights_in_quanta_are_the_rounded_values(name: str, negative: bool) -> None:
    made = table(CASES[name][0]).map(-1.0 if negative else 1.0)
    quantum = max(abs(made.low), abs(made.high)) / 30_000
    fixed = made.fixed_point(quantum, FRACTION_BITS_WEIGHT)
    draws = Draws(0, fixed, 1, NONE, 1)
    given = words(3000)
    exact = made.draw(given) / quantum
    drawn = np.array([draw_weight(draws, word, ONE) for word in given])
    assert np.abs(drawn - exact).max() <= 0.5 + 2.0**-FRACTION_BITS_WEIGHT
    assert abs((drawn - exact).mean()) < 0.03
    for factor in (0.25, 0.7):
        scaled = np.array([draw_weight(draws, word, round(factor * ONE)) for word in given])
        assert np.abs(scaled - factor * exact).max() <= 0.5 + 2.0 ** (1 - FRACTION_BITS_WEIGHT)
    assert interpolate(fixed, np.uint32(0)) == fixed[0]


def test_a_constant_weight_is_exact_and_takes_factors() -> None:
    draws = Draws(-4321, NONE, 1, NONE, 1)
    assert draw_weight(draws, np.uint32(7), ONE) == -4321
    assert draw_weight(draws, np.uint32(7), ONE // 2) == -2160, "halves are rounded up"
    assert draw_weight(draws, np.uint32(7), 0) == 0


@pytest.mark.parametrize("name", ["uniform", "delays of the microcircuit", "broad lognormal", "exponential"])
def test_delays_in_steps_are_rounded_and_bounded(name: str) -> None:
    dt = 0.1
    made = table(CASES[name][0])
    draws = Draws(0, NONE, 1, made.fixed_point(dt, FRACTION_BITS_DELAY), 25)
    given = words(3000)
    exact = np.clip(np.floor(made.draw(given) / dt + 0.5), 1, 25)
    drawn = np.array([draw_delay(draws, word, 0) for word in given])
    assert (np.abs(drawn - exact) > 0).mean() < 1e-3, "apart from values a table unit from a half"
    assert drawn.min() >= 1
    assert drawn.max() == 25
    assert draw_delay(draws, np.uint32(5), 40) == 40, "an own (tract) delay goes first"
    assert draw_delay(Draws(0, NONE, 12, NONE, 25), np.uint32(5), 0) == 12
