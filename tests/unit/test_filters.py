"""Ensemble Kalman filters against the Kalman filter in closed form, on Lorenz-96, and their pieces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dtbsim.assimilation import filters
from dtbsim.assimilation.draws import normals, uniforms
from dtbsim.assimilation.noise import ObservationNoise
from dtbsim.kernels import dense

REFERENCE = Path(__file__).parent.parent / "data" / "assimilation" / "dapper_lorenz96.json"


# -- algebra ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_algebra_against_lapack(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(n, n + 3)), rng.normal(size=(n + 3, 5))
    np.testing.assert_allclose(dense.product(a, b), a @ b, rtol=1e-12, atol=1e-12)
    symmetric = a @ a.T + np.eye(n)
    lower = dense.cholesky(symmetric)
    np.testing.assert_allclose(lower, np.linalg.cholesky(symmetric), rtol=1e-10, atol=1e-12)
    right = rng.normal(size=(n, 4))
    solved = dense.solve_upper(lower, dense.solve_lower(lower, right))
    np.testing.assert_allclose(symmetric @ solved, right, atol=1e-9)
    values, vectors = dense.eigen(symmetric)
    np.testing.assert_allclose(vectors @ np.diag(values) @ vectors.T, symmetric, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(n), atol=1e-12)
    assert np.isnan(dense.cholesky(-symmetric)).all()


def test_draws_depend_on_no_order():
    every = normals(7, 1, 3, 6, 4)
    assert np.array_equal(normals(7, 1, 3, np.array([4, 2]), 4), every[[4, 2]])
    assert not np.array_equal(normals(7, 1, 4, 6, 4), every)
    many = uniforms(1, 0, 0, 500, 40)
    assert 0 < many.min() < 1e-3
    assert 1 - 1e-3 < many.max() < 1
    assert normals(1, 0, 0, 500, 40).std() == pytest.approx(1, abs=0.02)


# -- closed form --------------------------------------------------------------------------------------------------

MODEL = np.array([[0.9, 0.2, 0.0], [-0.1, 0.8, 0.3], [0.0, -0.2, 0.95]])
OBSERVE = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, -0.5]])
NOISE = np.array([0.4, 0.3])
CORRELATED = np.array([[0.4, 0.15], [0.15, 0.3]])


def exact(mean, covariance, y, noise):
    gain = covariance @ OBSERVE.T @ np.linalg.inv(OBSERVE @ covariance @ OBSERVE.T + noise)
    return mean + gain @ (y - OBSERVE @ mean), (np.eye(3) - gain @ OBSERVE) @ covariance


@pytest.mark.parametrize("noise", [np.diag(NOISE), CORRELATED])
@pytest.mark.parametrize("members", [3, 4, 30])
def test_square_root_is_the_kalman_filter_of_its_moments(noise, members):
    """Over cycles of a linear model without noise of its own, from any ensemble: exactly."""
    rng = np.random.default_rng(1)
    ensemble = rng.normal(size=(members, 3))
    mean, covariance = ensemble.mean(axis=0), np.cov(ensemble.T)
    for _ in range(8):
        ensemble, mean, covariance = ensemble @ MODEL.T, MODEL @ mean, MODEL @ covariance @ MODEL.T
        y = rng.normal(size=2)
        given = np.diag(noise) if np.array_equal(noise, np.diag(NOISE)) else noise
        ensemble = filters.square_root(ensemble, ensemble @ OBSERVE.T, y, ObservationNoise(given, 2))
        mean, covariance = exact(mean, covariance, y, noise)
        np.testing.assert_allclose(ensemble.mean(axis=0), mean, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(np.cov(ensemble.T), covariance, rtol=1e-8, atol=1e-12)


def test_stochastic_tends_to_the_kalman_filter():
    members, rng = 20_000, np.random.default_rng(2)
    ensemble = rng.normal(size=(members, 3))
    mean, covariance = np.zeros(3), np.eye(3)
    for cycle in range(5):
        ensemble, mean, covariance = ensemble @ MODEL.T, MODEL @ mean, MODEL @ covariance @ MODEL.T
        y = rng.normal(size=2)
        drawn = normals(3, 1, cycle, members, 2)
        found = filters.stochastic(ensemble, ensemble @ OBSERVE.T, y, ObservationNoise(CORRELATED, 2), drawn)
        plain = filters.tapered(ensemble, ensemble @ OBSERVE.T, y, NOISE, drawn, np.ones((3, 2)), np.ones((2, 2)))
        alone = filters.stochastic(ensemble, ensemble @ OBSERVE.T, y, ObservationNoise(NOISE, 2), drawn)
        np.testing.assert_allclose(plain, alone, rtol=1e-8, atol=1e-10)
        ensemble = found
        mean, covariance = exact(mean, covariance, y, CORRELATED)
        np.testing.assert_allclose(ensemble.mean(axis=0), mean, atol=0.02)
        np.testing.assert_allclose(np.cov(ensemble.T), covariance, atol=0.02)


def test_local_filters_of_independent_regions_are_those_of_each():
    """`own`, `local` with a taper of one region, and the filters of each region alone."""
    rng = np.random.default_rng(4)
    m, regions, values = 12, 5, 3
    states, simulated = rng.normal(size=(m, regions, values)), rng.normal(size=(m, regions))
    simulated += states[:, :, 0]
    y, noise, drawn = rng.normal(size=regions), rng.uniform(0.2, 1, regions), rng.normal(size=(m, regions))
    y[3] = np.nan
    root, moved = filters.own(states, simulated, y, noise), filters.own(states, simulated, y, noise, drawn)
    diffuse = filters.diffused(states, simulated, y, noise, drawn, np.full((5, 5), 0.25) - 0.25 * np.eye(5), 1.0)
    np.testing.assert_allclose(diffuse, moved, rtol=1e-10, atol=1e-12)
    for r in range(regions):
        if r == 3:
            assert np.array_equal(root[:, r], states[:, r])
            assert np.array_equal(moved[:, r], states[:, r])
            continue
        one = ObservationNoise(noise[r], 1)
        s, g = states[:, r], simulated[:, [r]]
        np.testing.assert_allclose(filters.stochastic(s, g, y[[r]], one, drawn[:, [r]]), moved[:, r], rtol=1e-9)
        np.testing.assert_allclose(filters.square_root(s, g, y[[r]], one), root[:, r], rtol=1e-9)
    y[3] = 0.5
    blocks = [np.arange(r * values, (r + 1) * values) for r in range(regions)]
    found = filters.local(states.reshape(m, -1), simulated, y, noise, blocks, np.eye(regions))
    np.testing.assert_allclose(found.reshape(states.shape), filters.own(states, simulated, y, noise), rtol=1e-9)


def test_diffusion_averages_the_analyses():
    rng = np.random.default_rng(5)
    m, regions = 10, 4
    states, simulated, drawn = (rng.normal(size=shape) for shape in ((m, regions, 2), (m, regions), (m, regions)))
    y, noise = rng.normal(size=regions), np.full(regions, 0.5)
    weights = (1 - np.eye(regions)) / (regions - 1)
    found = filters.diffused(states, simulated, y, noise, drawn, weights, 0.6)
    analyses = []
    for r in range(regions):
        flat = states.reshape(m, -1)
        one = filters.stochastic(flat, simulated[:, [r]], y[[r]], ObservationNoise(0.5, 1), drawn[:, [r]])
        analyses.append(one.reshape(states.shape))
    for r in range(regions):
        others = np.mean([analyses[k][:, r] for k in range(regions) if k != r], axis=0)
        np.testing.assert_allclose(found[:, r], 0.6 * analyses[r][:, r] + 0.4 * others, rtol=1e-9, atol=1e-12)


def test_inflation_and_taper():
    ensemble = np.random.default_rng(6).normal(size=(9, 4, 2))
    np.testing.assert_allclose(filters.spread_of(filters.inflated(ensemble, 1.3)), 1.3 * ensemble.std(axis=0, ddof=1))
    after = 0.4 * ensemble
    half = filters.relaxed(ensemble, after, 0.5)
    np.testing.assert_allclose(filters.spread_of(half), 0.7 * ensemble.std(axis=0, ddof=1))
    np.testing.assert_allclose(half.mean(axis=0), after.mean(axis=0), atol=1e-12)
    taper = filters.gaspari_cohn(np.array([0.0, 5.0, 10.0, 15.0, 20.0, 30.0]), 10.0)
    np.testing.assert_allclose(taper, [1, 0.6848958, 5 / 24, 0.0164931, 0, 0], atol=1e-6)
    places = np.arange(30.0)
    assert np.linalg.eigvalsh(filters.gaspari_cohn(places[:, None] - places, 4.0)).min() > -1e-9


# -- Lorenz-96 ----------------------------------------------------------------------------------------------------


def step(x, dt=0.05, force=8.0):
    """Fourth-order Runge-Kutta, as DAPPER's."""

    def slope(x):
        return (np.roll(x, 1, -1)) * (np.roll(x, -1, -1) - np.roll(x, 2, -1)) - x + force

    a = slope(x)
    b = slope(x + a * dt / 2)
    c = slope(x + b * dt / 2)
    d = slope(x + c * dt)
    return x + dt * (a + 2 * b + 2 * c + d) / 6


def ring_distance():
    places = np.arange(40)
    apart = np.abs(places[:, None] - places)
    return np.minimum(apart, 40 - apart).astype(float)


# DAPPER's radius times 1.82 is the length of Gaspari & Cohn
TAPER = filters.gaspari_cohn(ring_distance(), 4 * 1.82)
CASES = {
    "stochastic": (40, 1.06, lambda e, y, d: filters.stochastic(e, e, y, ObservationNoise(1.0, 40), d)),
    "square_root": (40, 1.02, lambda e, y, _: filters.square_root(e, e, y, ObservationNoise(1.0, 40))),
    "local": (12, 1.04, lambda e, y, _: filters.local(e, e, y, np.ones(40), [np.array([k]) for k in range(40)], TAPER)),
}


def rmse(case, cycles, seed, burn_in=400):
    """Time average of the RMSE of the analysis, from `burn_in` cycles on."""
    members, inflation, analyse = CASES[case]
    rng = np.random.default_rng(seed)
    truth = np.full(40, 8.0) + 0.01 * rng.normal(size=40)
    for _ in range(400):
        truth = step(truth)
    ensemble = truth + rng.normal(size=(members, 40))
    errors = []
    for cycle in range(cycles + burn_in):
        truth, ensemble = step(truth), step(ensemble)
        y = truth + rng.normal(size=40)
        ensemble = analyse(ensemble, y, normals(seed, 1, cycle, members, 40))
        ensemble = filters.inflated(ensemble, inflation)
        errors.append(np.sqrt(np.mean((ensemble.mean(axis=0) - truth) ** 2)))
    return float(np.mean(errors[burn_in:]))


def published(case):
    return json.loads(REFERENCE.read_text())["cases"][case]["rmse"]


def test_lorenz_96_as_dapper_for_a_short_while():
    assert rmse("square_root", 120, 11, burn_in=100) == pytest.approx(published("square_root"), rel=0.2)


@pytest.mark.nightly
@pytest.mark.parametrize("case", list(CASES))
def test_lorenz_96_as_dapper(case):
    found = np.mean([rmse(case, 5000, seed) for seed in (1, 2)])
    assert found == pytest.approx(published(case), rel=0.05)
