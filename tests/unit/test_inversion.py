"""Ensemble Kalman inversion: posterior of a linear problem, recovery, failed members, stopping, going on, errors."""

from __future__ import annotations

import numpy as np
import pytest

from dtbsim.assimilation.inversion import EnsembleKalmanInversion
from dtbsim.assimilation.parameters import Free, free_parameters, to_bounded, to_unbounded
from dtbsim.errors import InputError, NumericsError

MATRIX = np.random.default_rng(3).normal(size=(12, 3))
WIDE = [Free(name, 0.0, 1.0) for name in "abc"]


def linear(inversion, noise_sd=0.5):
    """Observations that are linear in the unbounded parameters, whose prior is standard normal."""
    while not inversion.done:
        inversion.tell(to_unbounded(inversion.parameters, inversion.ask()) @ MATRIX.T)
    u = to_unbounded(inversion.parameters, inversion.ensemble)
    return u.mean(axis=0), np.cov(u.T)


def posterior(data, variance):
    """Mean and covariance in closed form, the prior standard normal."""
    covariance = np.linalg.inv(np.eye(3) + MATRIX.T @ MATRIX / variance)
    return covariance @ MATRIX.T @ data / variance, covariance


@pytest.mark.parametrize("variant", ["stochastic", "square_root"])
def test_linear_posterior(variant):
    data = MATRIX @ [0.5, -0.3, 0.8] + np.random.default_rng(4).normal(0, 0.5, 12)
    mean, covariance = posterior(data, 0.25)
    found = linear(EnsembleKalmanInversion(WIDE, data, 0.25, members=2000, variant=variant, seed=5))
    sd = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(found[0], mean, atol=0.15 * sd.max())
    np.testing.assert_allclose(found[1], covariance, atol=0.12 * sd.max() ** 2)


def test_square_root_is_exact_for_its_own_prior():
    """One step of h = 1: mean and covariance of the ensemble are those of the Kalman formula for its own moments."""
    data = MATRIX @ [0.5, -0.3, 0.8]
    inversion = EnsembleKalmanInversion(
        WIDE, data, np.diag(np.linspace(0.2, 0.6, 12)), members=9, step=1.0, variant="square_root"
    )
    prior = to_unbounded(WIDE, inversion.ask())
    mean, covariance = linear(inversion)
    assert len(inversion.history) == 1
    c = np.cov(prior.T)
    gain = c @ MATRIX.T @ np.linalg.inv(MATRIX @ c @ MATRIX.T + np.diag(np.linspace(0.2, 0.6, 12)))
    np.testing.assert_allclose(mean, prior.mean(axis=0) + gain @ (data - MATRIX @ prior.mean(axis=0)), rtol=1e-8)
    np.testing.assert_allclose(covariance, (np.eye(3) - gain @ MATRIX) @ c, rtol=1e-8, atol=1e-12)


def curve(parameters):
    """A decay and its rate, seen at ten times."""
    amplitude, rate = parameters.T
    return amplitude[:, None] * np.exp(-rate[:, None] * np.linspace(0.1, 3, 10))


def test_recovers_a_nonlinear_curve():
    data = curve(np.array([[2.0, 0.7]]))[0]
    inversion = EnsembleKalmanInversion({"amplitude": (0.1, 10), "rate": (0.05, 5)}, data, 0.01**2, members=40)
    while not inversion.done:
        inversion.tell(curve(inversion.ask()))
    assert inversion.mean["amplitude"] == pytest.approx(2.0, abs=0.05)
    assert inversion.mean["rate"] == pytest.approx(0.7, abs=0.03)
    low, high = inversion.interval(0.95)["rate"]
    assert low < 0.7 < high
    assert inversion.time == pytest.approx(1.0)
    assert inversion.history[-1].spread.max() < 0.1


def test_failed_simulations_are_counted_and_replaced():
    data = curve(np.array([[2.0, 0.7]]))[0]
    inversion = EnsembleKalmanInversion(["amplitude=0.1:10:log", "rate=0.05:5:log"], data, 0.01**2, members=40)
    while not inversion.done:
        asked = inversion.ask()
        told = curve(asked)
        told[asked[:, 0] > 6] = np.nan
        inversion.tell(told)
    assert inversion.history[0].failed > 0
    assert np.isnan(inversion.history[0].member_misfits).sum() == inversion.history[0].failed
    assert inversion.mean["rate"] == pytest.approx(0.7, abs=0.03)


def test_stops_where_the_discrepancy_is_met():
    data = curve(np.array([[2.0, 0.7]]))[0] + np.random.default_rng(1).normal(0, 0.05, 10)
    inversion = EnsembleKalmanInversion(
        {"amplitude": (0.1, 10), "rate": (0.05, 5)}, data, 0.05**2, members=40, stop="discrepancy", discrepancy=1.5
    )
    while not inversion.done:
        inversion.tell(curve(inversion.ask()))
    assert "misfit" in inversion.reason
    assert inversion.history[-1].misfit <= 1.5 < inversion.history[-2].misfit
    assert inversion.history[-1].step == 0


def test_goes_on_from_its_state():
    data = curve(np.array([[2.0, 0.7]]))[0]
    free = {"amplitude": (0.1, 10), "rate": (0.05, 5)}
    whole = EnsembleKalmanInversion(free, data, 0.01**2, members=20, seed=7)
    parts = EnsembleKalmanInversion(free, data, 0.01**2, members=20, seed=7)
    while not whole.done:
        whole.tell(curve(whole.ask()))
        kept = {name: np.array(values) for name, values in parts.state().items()}
        parts = EnsembleKalmanInversion(free, data, 0.01**2, members=20, seed=7)
        parts.restore(kept)
        parts.tell(curve(parts.ask()))
    assert parts.done
    assert np.array_equal(parts.ensemble, whole.ensemble)
    assert parts.best == whole.best
    assert [i.misfit for i in parts.history] == [i.misfit for i in whole.history]


def test_bounds_and_back():
    free = free_parameters(["a=-1:2", "b=0.01:100:log"])
    u = np.random.default_rng(2).normal(size=(50, 2)) * 2
    x = to_bounded(free, u)
    assert x[:, 0].min() > -1
    assert x[:, 0].max() < 2
    assert (x[:, 1] > 0.01).all()
    np.testing.assert_allclose(to_unbounded(free, x), u, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "no parameter is free"),
        (["a"], "KEY=LOW:HIGH"),
        (["a=1:x"], "no two numbers"),
        (["a=2:1"], "give 1:2"),
        (["a=0:1:log"], "above 0"),
        (["a=0:1", "a=0:2"], "free twice"),
        (["a=0:inf"], "finite bounds"),
    ],
)
def test_free_parameters_that_cannot_be(given, words):
    with pytest.raises(InputError, match=words):
        EnsembleKalmanInversion(given, [1.0], 1.0)


@pytest.mark.parametrize(
    ("data", "noise", "options", "words"),
    [
        ([1.0, np.nan], 1.0, {}, "observation 1 is nan"),
        ([[1.0]], 1.0, {}, "one row of numbers"),
        ([1.0, 2.0], [1.0], {}, "there are 2 observations"),
        ([1.0, 2.0], 0.0, {}, "above 0"),
        ([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]], {}, "not positive definite"),
        ([1.0], 1.0, {"members": 2}, "4 or more"),
        ([1.0], 1.0, {"stop": "never"}, "posterior, discrepancy"),
    ],
)
def test_arguments_that_cannot_be(data, noise, options, words):
    with pytest.raises(InputError, match=words):
        EnsembleKalmanInversion(["a=0:1"], data, noise, **options)


def test_what_is_told_must_fit():
    inversion = EnsembleKalmanInversion(["a=0:1"], [1.0, 2.0], 1.0, members=8)
    with pytest.raises(InputError, match="8 members with 2 observations"):
        inversion.tell(np.zeros((8, 3)))
    with pytest.raises(NumericsError, match="8 of 8 simulations"):
        inversion.tell(np.full((8, 2), np.nan))
    assert np.array_equal(inversion.ask(), EnsembleKalmanInversion(["a=0:1"], [1.0, 2.0], 1.0, members=8).ask())
