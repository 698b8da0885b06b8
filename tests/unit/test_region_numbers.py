"""Fixed points and bifurcations of region models against published numbers; the equations are those of the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, root
from tests.helpers.region_oracle import Array, Oracle

from dtbsim.atlas import load_atlas
from dtbsim.models.region_registry import get_region_model


def oracle(name: str, dt_ms: float = 0.1, **parameters: Any) -> Oracle:
    return Oracle(get_region_model(name), parameters, dt_ms)


def jacobian(drift: Callable[[Array], Array], x: Array) -> Array:
    """Of a function of a vector, by central differences."""
    found = np.zeros((x.size, x.size))
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = 1e-6 * max(1.0, abs(x[k]))
        found[:, k] = (drift(x + step) - drift(x - step)) / (2.0 * step[k])
    return found


def alone(made: Oracle, **given: Any) -> Callable[[Array], Array]:
    """The drift of one region as a function of a vector."""
    return lambda x: made.drift(x[:, None], **given)[:, 0]


def leading(made: Oracle, x: Array, **given: Any) -> float:
    """Largest real part of the eigenvalues at a point."""
    return float(np.linalg.eigvals(jacobian(alone(made, **given), x)).real.max())


def fixed_point(made: Oracle, start: Array, **given: Any) -> Array:
    """The fixed point that Newton's method finds from a start."""
    found = root(alone(made, **given), start, tol=1e-13)
    assert np.abs(alone(made, **given)(found.x)).max() < 1e-10
    point: Array = found.x
    return point


# -- dynamic mean field ------------------------------------------------------------------------------------------------


def rate_E(current: float) -> float:
    """Transfer function of the excitatory population."""
    made = oracle("deco_2014", w_plus=0.0, J_i=0.0, I_0_nA=0.0, I_ext_nA=current)
    return float(np.squeeze(made.outputs(np.zeros((2, 1)))["r_E_Hz"]))


def test_the_current_for_3_hz_is_that_of_deco_2014() -> None:
    current = brentq(lambda value: rate_E(value) - 3.0631, 0.3, 0.5)
    assert current - 125.0 / 310.0 == pytest.approx(-0.026, abs=1e-4)
    assert brentq(lambda value: rate_E(value) - 3.0, 0.3, 0.5) == pytest.approx(0.376533, abs=1e-6)


def test_an_isolated_region_of_deco_2014_rests_at_3_hz() -> None:
    made = oracle("deco_2014")
    x = fixed_point(made, np.array([0.16, 0.04]))
    assert x == pytest.approx([0.164757, 0.039218], abs=2e-6)
    rates = made.outputs(x[:, None])
    assert float(rates["r_E_Hz"][0]) == pytest.approx(3.0773, abs=1e-3)
    assert float(rates["r_I_Hz"][0]) == pytest.approx(3.9218, abs=1e-3)
    assert leading(made, x) == pytest.approx(-0.005982, abs=2e-6)


def fic_point() -> tuple[float, float, float]:
    """S_E, S_I and I_E where feedback inhibition holds the excitatory rate at 3 Hz."""
    current = brentq(lambda value: rate_E(value) - 3.0, 0.3, 0.5)
    S_E = 0.000641 * 3.0 * 100.0 / (1.0 + 0.000641 * 3.0 * 100.0)

    def rise(S_I: float) -> float:
        return float(oracle("deco_2014").drift(np.array([[S_E], [S_I]]))[1, 0])

    return S_E, brentq(rise, 1e-4, 0.5), current


def test_the_point_of_feedback_inhibition_control() -> None:
    S_E, S_I, current = fic_point()
    assert pytest.approx((0.161285, 0.038919), abs=1e-6) == (S_E, S_I)
    J_i = (0.382 + 1.4 * 0.15 * S_E - current) / S_I
    assert J_i == pytest.approx(1.01073, abs=1e-5)


def test_feedback_inhibition_of_aal2_loses_its_stable_point() -> None:
    """At G lambda_max = 1.352, where lambda_max is the largest eigenvalue of the symmetric connectome."""
    weights = np.asarray(load_atlas("aal2").weights, np.float64)
    weights = (weights + weights.T) / 2.0
    np.fill_diagonal(weights, 0.0)
    lam = float(np.linalg.eigvalsh(weights).max())
    S_E, S_I, current = fic_point()
    x = np.tile([[S_E], [S_I]], len(weights))

    def growth(G: float) -> float:
        J_i = (0.382 + 0.15 * S_E * (1.4 + G * weights.sum(1)) - current) / S_I
        made = oracle("deco_2014", G=G, J_i=J_i)
        assert np.abs(made.drift(x, in_network=weights @ x[0])).max() < 1e-9

        def flat(y: Array) -> Array:
            two = y.reshape(2, -1)
            return made.drift(two, in_network=weights @ two[0]).ravel()

        return float(np.linalg.eigvals(jacobian(flat, x.ravel())).real.max())

    assert brentq(growth, 0.4, 0.7, xtol=1e-3) * lam == pytest.approx(1.3522, abs=3e-3)


@pytest.mark.parametrize(("w", "first", "last"), [(0.9, 0.331, 0.331), (1.0, 0.320, 0.325)])
def test_where_deco_2013_is_bistable(w: float, first: float, last: float) -> None:
    S = np.linspace(1e-4, 0.9999, 20000)
    found = []
    for current in np.linspace(0.3, 0.35, 101):
        drift = oracle("deco_2013", w=w, I_0_nA=current).drift(S[None])[0]
        if np.sum(drift[:-1] * drift[1:] < 0.0) == 3:
            found.append(current)
    assert (min(found), max(found)) == pytest.approx((first, last), abs=1e-3)


# -- Jansen-Rit --------------------------------------------------------------------------------------------------------


def jansen_rit_branch() -> tuple[Array, list[Array], list[Oracle]]:
    """Equilibria along v = y1 - y2: the mean input (1/s) that each needs, the states, and models with that input."""
    v = np.linspace(-6.0, 16.0, 900)
    made = oracle("jansen_rit", mu_per_ms=0.0)
    p = {name: float(np.squeeze(value)) for name, value in made.values.items()}

    def S(potential: Array) -> Array:
        rate: Array = 2.0 * p["nu_max_per_ms"] / (1.0 + np.exp(p["r_per_mV"] * (p["v0_mV"] - potential)))
        return rate

    y0 = p["A_mV"] / p["a_per_ms"] * S(v)
    y2 = p["B_mV"] / p["b_per_ms"] * p["a_4"] * p["J"] * S(p["a_3"] * p["J"] * y0)
    y1 = v + y2
    rest = np.zeros_like(v)
    missing = -made.drift(np.array([y0, y1, y2, rest, rest, rest]))[4]
    mu = missing / (p["A_mV"] * p["a_per_ms"])
    states = list(np.array([y0, y1, y2, rest, rest, rest]).T)
    models = [oracle("jansen_rit", mu_per_ms=value) for value in mu]
    for k in (0, 400, 899):
        assert np.abs(alone(models[k])(states[k])).max() < 1e-10
    return 1000.0 * mu, states, models


def test_hopf_points_and_folds_of_jansen_rit() -> None:
    """Grimbert and Faugeras 2006: -12.15, 89.83 and 315.70 per second; folds at -41.3 and 113.58."""
    mu, states, models = jansen_rit_branch()
    pairs = [np.linalg.eigvals(jacobian(alone(model), x)) for model, x in zip(models, states, strict=True)]
    growth = np.array([max((z.real for z in e if abs(z.imag) > 1e-3), default=-1.0) for e in pairs])
    hopf = []
    for k in np.flatnonzero(growth[:-1] * growth[1:] < 0.0):
        share = growth[k] / (growth[k] - growth[k + 1])
        turn = [max((z for z in pairs[q] if abs(z.imag) > 1e-3), key=lambda z: z.real).imag for q in (k, k + 1)]
        between = (1.0 - share) * abs(turn[0]) + share * abs(turn[1])
        hopf.append((mu[k] + share * (mu[k + 1] - mu[k]), 1000.0 * between / (2.0 * np.pi)))
    known = [(p, f) for p, f in hopf if p > -40.0]
    assert [p for p, _ in known] == pytest.approx([-12.15, 89.83, 315.70], abs=0.05)
    assert [f for _, f in known] == pytest.approx([7.22, 10.37, 11.16], abs=0.03)
    slope = np.diff(mu)
    folds = mu[1:-1][slope[:-1] * slope[1:] < 0.0]
    assert sorted(folds) == pytest.approx([-41.30, 113.586], abs=0.02)


# -- Wilson-Cowan ------------------------------------------------------------------------------------------------------


def test_where_the_limit_cycle_of_wilson_and_cowan_1972_ends() -> None:
    """Parameters of figure 11; the point on the branch of high activity is a spiral that is stable from P = 1.88 on."""

    def growth(P: float) -> float:
        made = oracle("wilson_cowan_1972", P=P)
        return leading(made, fixed_point(made, np.array([0.25, 0.2])))

    assert brentq(growth, 1.5, 2.2) == pytest.approx(1.879, abs=2e-3)


# -- Epileptor ---------------------------------------------------------------------------------------------------------


def test_where_the_epileptor_in_two_dimensions_begins_to_seize() -> None:
    """Proix et al. 2014: x0 = -2.05."""

    def growth(x0: float) -> float:
        x1 = min(z.real for z in np.roots([-1.0, -2.0, -4.0, 4.1 + 4.0 * x0]) if abs(z.imag) < 1e-9)
        made = oracle("epileptor_2d", x0=x0)
        point = np.array([x1, 4.0 * (x1 - x0)])
        assert np.abs(alone(made)(point)).max() < 1e-9
        return leading(made, point)

    assert brentq(growth, -2.3, -1.9) == pytest.approx(-2.0619, abs=1e-3)


def test_where_the_epileptor_begins_to_seize() -> None:
    """Jirsa et al. 2014: x0 = -2.06."""

    def growth(x0: float) -> float:
        x1 = min(z.real for z in np.roots([-1.0, -2.0, -4.0, 4.1 + 4.0 * x0]) if abs(z.imag) < 1e-9)
        z = 4.0 * (x1 - x0)
        x2 = min(q.real for q in np.roots([-1.0, 0.0, 1.0, 0.45 + 0.2 * x1 - 0.3 * (z - 3.5)]) if abs(q.imag) < 1e-9)
        made = oracle("epileptor", x0=x0)
        point = np.array([x1, 1.0 - 5.0 * x1 * x1, z, x2, 0.0, 0.1 * x1])
        assert np.abs(alone(made)(point)).max() < 1e-9
        return leading(made, point)

    unstable = [x0 for x0 in np.linspace(-2.6, -1.6, 201) if growth(x0) > 0.0]
    assert min(unstable) == pytest.approx(-2.06, abs=0.006)


# -- Montbrio, Pazo, Roxin ---------------------------------------------------------------------------------------------


def test_folds_and_rates_of_montbrio_pazo_roxin() -> None:
    """J = 15, Delta = 1: bistable at eta = -5, as in the paper."""
    r = np.linspace(0.005, 3.0, 200_000)
    V = -1.0 / (2.0 * np.pi * r)
    eta = -oracle("montbrio_pazo_roxin", eta=0.0).drift(np.array([r, V]))[1]
    slope = np.diff(eta)
    folds = np.flatnonzero(slope[:-1] * slope[1:] < 0.0) + 1
    assert eta[folds] == pytest.approx([-3.1361, -5.7435], abs=1e-3)
    at = np.flatnonzero((eta[:-1] + 5.0) * (eta[1:] + 5.0) < 0.0)
    assert r[at] == pytest.approx([0.08113, 0.47297, 1.03058], abs=1e-4)


# -- second order of di Volo -------------------------------------------------------------------------------------------


def test_differences_of_the_transfer_function_are_its_derivatives() -> None:
    """The second order takes derivatives with respect to rates from differences of 0.5 Hz."""
    made = oracle("di_volo_2019", T_ms=1.0)

    def F(r_E: float, r_I: float) -> Array:
        return made.drift(np.array([[r_E], [r_I], [57.0]]))[:2, 0] + np.array([r_E, r_I])

    def second(h: float) -> Array:
        return np.array([(F(2.2 + h, 10.7) - 2.0 * F(2.2, 10.7) + F(2.2 - h, 10.7)) / h**2,
                         (F(2.2, 10.7 + h) - 2.0 * F(2.2, 10.7) + F(2.2, 10.7 - h)) / h**2])  # fmt: skip

    assert second(0.5) == pytest.approx(second(0.01), rel=0.05, abs=2e-3)
    point = {"r_E_Hz": 2.2, "r_I_Hz": 10.7, "c_EE": 1.0, "c_EI": 0.0, "c_II": 0.0, "W_pA": 57.0}
    two = oracle("di_volo_2019_second_order", T_ms=1.0)
    x = np.array([[value] for value in point.values()])
    assert two.drift(x)[:2, 0] == pytest.approx(F(2.2, 10.7) - [2.2, 10.7] + 0.5 * second(0.5)[0], rel=1e-6)
