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
from dtbsim.kernels.row_writer import Draws, draw_delay, draw_weight, interpolate
from dtbsim.numerics.fixed_point import FACTOR_BITS, FRACTION_BITS_DELAY, FRACTION_BITS_WEIGHT
from dtbsim.numerics.philox import philox_array
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


class Within:
    """A distribution of scipy, drawn again until it falls within the bounds."""

    def __init__(self, whole: Any, low: float = -math.inf, high: float = math.inf) -> None:
        self.whole, self.low, self.high = whole, max(low, whole.support()[0]), min(high, whole.support()[1])
        self.below, self.above = whole.cdf(low), whole.sf(high)
        self.mass = 1 - self.below - self.above if self.below < 0.5 else whole.sf(low) - self.above

    def support(self) -> tuple[float, float]:
        return self.low, self.high

    def cdf(self, x: Any) -> Any:
        upper = self.below > 0.5  # where the complement is known better
        return np.clip(
            1 - (self.whole.sf(x) - self.above) / self.mass if upper else (self.whole.cdf(x) - self.below) / self.mass,
            0,
            1,
        )

    def ppf(self, p: Any) -> Any:
        return self.whole.ppf(self.below + self.mass * p) if self.below < 0.5 else self.isf(1 - p)

    def isf(self, p: Any) -> Any:
        return self.whole.isf(self.above + self.mass * p) if self.above < 0.5 else self.ppf(1 - p)

    def moment(self, power: int) -> float:
        """By Gauss' rule in each of many pieces of equal probability."""
        p, share = np.polynomial.legendre.leggauss(20)
        edges = np.concatenate([np.geomspace(1e-14, 0.5, 200), 1 - np.geomspace(0.5, 1e-14, 200)[1:]])
        middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
        points = middle[:, None] + half[:, None] * p
        x = np.where(points < 0.5, self.ppf(points), self.isf(1 - points))
        return float((x**power * share * half[:, None]).sum())

    def mean(self) -> float:
        return self.moment(1)

    def std(self) -> float:
        return math.sqrt(self.moment(2) - self.moment(1) ** 2)


def bounded(case: Any, **bounds: float) -> Any:
    given, exact = case
    return {**given, **bounds}, Within(exact, **bounds)


NORMAL = {"distribution": "normal", "mean": 10.0, "sd": 3.0}, stats.norm(10, 3)
EXPONENTIAL = {"distribution": "exponential", "mean": 3.0, "low": 1.0}, stats.expon(1, 3)
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
    "exponential": EXPONENTIAL,
    "normal from 9 on": bounded(NORMAL, low=9.0),
    "normal between bounds": bounded(NORMAL, low=1.0, high=12.0),
    "delays, lognormal from one step on": bounded(lognormal(1.5, 1.5), low=0.1),
    "lognormal with a low end": bounded(lognormal(2.0, 2.0), low=1.9),
    "lognormal with a high end": bounded(lognormal(1.0, 0.3), high=1.1),
    "lognormal between bounds": bounded(lognormal(1.0, 0.3), low=0.8, high=1.6),
    "lognormal, upper tail": bounded(lognormal(1.0, 0.3), low=3.0),
    "lognormal, lower tail": bounded(lognormal(1.0, 0.3), high=0.3),
    "exponential with a high end": bounded(EXPONENTIAL, high=4.0),
    "exponential with a high end far out": bounded(EXPONENTIAL, high=30.0),
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
        tolerance = 0.15 if name in ("lognormal", "broad lognormal") else 1e-3  # their ends are those of the normal
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (NORMAL[0] | {"low": 200.0}, "a normal with mean 10 and sd 3 never falls within low 200"),
        (NORMAL[0] | {"high": -200.0}, "a normal with mean 10 and sd 3 never falls within high -200"),
        (NORMAL[0] | {"sd": 0.0, "low": 10.1}, "a normal with mean 10 and sd 0 never falls within low 10.1"),
        (lognormal(1.0, 0.3)[0] | {"high": 0.0}, "a lognormal with mean 1 and sd 0.3 never falls within high 0"),
        (lognormal(1.0, 0.3)[0] | {"low": 1e9, "high": 2e9}, "never falls within low 1e+09, high 2e+09"),
    ],
)
@pytest.mark.parametrize("outside", [None, "redraw", "clip"])
def test_no_distribution_is_all_outside_its_bounds(given: Any, said: str, outside: str | None) -> None:
    with pytest.raises(InputError) as caught:
        table(given | ({"outside": outside} if outside else {}))
    assert caught.value.message.endswith(said)
    assert caught.value.remedy == "move the bounds towards the mean, or give a larger sd"


def test_a_normal_between_bounds_is_the_truncated_one_to_the_bit() -> None:
    for bounds in ({"low": 9.0}, {"high": -20.0}, {"low": 0.3, "high": 17.0}, {"low": 22.0}, {"low": -90.0}):
        for outside in ({}, {"outside": "redraw"}):
            normal = table(NORMAL[0] | bounds | outside)
            truncated_normal = table(NORMAL[0] | bounds | {"distribution": "truncated_normal"})
            assert normal.quantiles.tobytes() == truncated_normal.quantiles.tobytes()


@pytest.mark.parametrize("mean", [0.1, 0.3, 0.7, 1.1, 12.3])
def test_no_rounding_leaves_the_bounds(mean: float) -> None:
    for sd in (0.1 * mean, mean, 10 * mean):
        for low, high in ((0.0, None), (None, 0.0), (mean / 3, mean * 1.7), (0.1 * mean, 0.9 * mean)):
            bounds = {key: bound for key, bound in (("low", low), ("high", high)) if bound is not None}
            for kind in ("normal", "truncated_normal", "lognormal"):
                if kind == "lognormal" and high == 0.0:
                    continue
                made = table({"distribution": kind, "mean": mean, "sd": sd, **bounds})
                assert made.low >= (-math.inf if low is None else low)
                assert made.high <= (math.inf if high is None else high)
        high = 0.1 + mean
        assert table({"distribution": "exponential", "mean": sd, "low": 0.1, "high": high}).high <= high


CLIPPED = {
    "normal": (*NORMAL, 8.0, 16.0),
    "normal, low": (*NORMAL, 9.5, None),
    "normal, bound far out": (*NORMAL, None, 30.0),
    "delays": (*lognormal(1.5, 1.5), 0.1, None),
    "lognormal": (*lognormal(2.0, 2.0), 0.5, 3.0),
    "exponential": (*EXPONENTIAL, None, 4.0),
}


@pytest.mark.parametrize("name", list(CLIPPED))
def test_what_is_clipped_is_the_bound_itself(name: str) -> None:
    given, exact, low, high = CLIPPED[name]
    bounds = {key: bound for key, bound in (("low", low), ("high", high)) if bound is not None}
    made = table({**given, **bounds, "outside": "clip"})
    below, above = 0.0 if low is None else exact.cdf(low), 0.0 if high is None else exact.sf(high)
    inner = np.clip(exact.ppf(np.arange(1, TABLE_SIZE) / TABLE_SIZE), low, high)
    np.testing.assert_allclose(made.quantiles[1:-1], inner, rtol=1e-9)
    drawn = made.draw(words(100_000))
    sure = 1.5 / TABLE_SIZE
    for bound, mass in ((low, below), (high, above)):
        if bound is not None:
            assert abs((drawn == bound).mean() - mass) < sure + 4 * math.sqrt(mass * (1 - mass) / 100_000)
    lowest, highest = (-math.inf if low is None else low), (math.inf if high is None else high)
    expected = Within(exact, lowest, highest)
    inside = expected.mean() * expected.mass
    mean = inside + (below * low if low is not None else 0.0) + (above * high if high is not None else 0.0)
    # the mass at a bound is known to 1 / TABLE_SIZE; lognormal ends are those of the normal
    assert made.mean == pytest.approx(mean, abs=1e-4 * exact.std())
    assert (lowest <= drawn).all()
    assert (drawn <= highest).all()


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
        # half a unit for the table, one each for interpolation and the product
        assert np.abs(scaled - factor * exact).max() <= 0.5 + 2.5 * 2.0**-FRACTION_BITS_WEIGHT
    assert interpolate(fixed, np.uint32(0)) == fixed[0]


def test_a_constant_weight_is_exact_and_takes_factors() -> None:
    draws = Draws(-4321, NONE, 1, NONE, 1)
    assert draw_weight(draws, np.uint32(7), ONE) == -4321
    assert draw_weight(draws, np.uint32(7), ONE // 2) == -2160, "halves are rounded up"
    assert draw_weight(draws, np.uint32(7), 0) == 0


@pytest.mark.parametrize(
    "name",
    [
        "uniform",
        "delays of the microcircuit",
        "broad lognormal",
        "exponential",
        "delays, lognormal from one step on",
        "exponential with a high end",
    ],
)
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
    own = draws._replace(delay_table=np.zeros(0, np.int64))
    assert draw_delay(own, np.uint32(5), 40) == 40, "an own (tract) delay goes first where none is drawn"
    assert draw_delay(Draws(0, NONE, 12, NONE, 25), np.uint32(5), 0) == 12
