"""The Balloon-Windkessel model against its fixed point in closed form and an independent, finely resolved solution."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from dtbsim.signals import BalloonWindkessel

RHO, ALPHA, TAU, KAPPA, GAMMA, V0, GAIN = 0.34, 0.32, 0.98, 0.65, 0.41, 0.02, 0.05


def signal(volume: float, deoxy: float) -> float:
    return V0 * (7 * RHO * (1 - deoxy) + 2 * (1 - deoxy / volume) + (2 * RHO - 0.2) * (1 - volume))


def fine_solution(rates_hz: NDArray[np.float64], dt_s: float) -> NDArray[np.float64]:
    """BOLD of one region at the end of each bin, by an adaptive 8th-order method, restarted at every bin."""
    state, bold = np.array([0.0, 1.0, 1.0, 1.0]), []
    for rate in rates_hz:

        def slope(_: float, x: NDArray[np.float64], rate: float = rate) -> list[float]:
            s, f, v, q = x
            outflow = v ** (1 / ALPHA)
            extraction = 1 - (1 - RHO) ** (1 / f)
            return [
                GAIN * rate - KAPPA * s - GAMMA * (f - 1),
                s,
                (f - outflow) / TAU,
                (f * extraction / RHO - outflow * q / v) / TAU,
            ]

        state = solve_ivp(slope, (0, dt_s), state, method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
        bold.append(signal(state[2], state[3]))
    return np.array(bold)


@pytest.mark.parametrize("rate_hz", [0.0, 0.5, 4.0, 30.0])
def test_constant_rate_settles_at_the_fixed_point(rate_hz: float) -> None:
    model = BalloonWindkessel(1, dt_s=0.01, tr_s=120.0, gain_per_hz=GAIN)
    settled = model.step(np.full((12_000, 1), rate_hz))[0, 0]
    inflow = 1 + GAIN * rate_hz / GAMMA
    volume = inflow**ALPHA
    deoxy = volume * (1 - (1 - RHO) ** (1 / inflow)) / RHO
    assert settled == pytest.approx(signal(volume, deoxy), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize("dt_s", [0.001, 0.01, 0.02, 0.05, 0.1])
def test_changing_rates_match_a_fine_solution(dt_s: float) -> None:
    rates = np.random.default_rng(7).gamma(2.0, 3.0, size=round(min(8.0, 400 * dt_s) / dt_s))
    bold = BalloonWindkessel(1, dt_s=dt_s, tr_s=dt_s, gain_per_hz=GAIN).step(rates[:, np.newaxis])[:, 0]
    expected = fine_solution(rates, dt_s)
    assert np.abs(bold - expected).max() < 1e-8 * np.abs(expected).max()


def test_a_step_off_from_a_strong_rate_matches_a_fine_solution() -> None:
    rates = np.repeat([40.0, 0.0, 15.0], 300)
    model = BalloonWindkessel(1, dt_s=0.01, tr_s=0.01, gain_per_hz=GAIN)
    bold, expected = model.step(rates[:, np.newaxis])[:, 0], fine_solution(rates, 0.01)
    assert model.inflow_floored == 0
    assert np.abs(bold - expected).max() < 1e-7 * np.abs(expected).max()


def test_flow_oscillates_at_the_frequency_and_damping_of_its_linear_equation() -> None:
    # s and f are a damped oscillator: after a short weak pulse f - 1 crosses zero every pi / omega
    model = BalloonWindkessel(1, dt_s=0.01, tr_s=0.01)
    model.step(np.full((1, 1), 1.0))
    inflow = []
    for _ in range(2000):
        model.step(np.zeros((1, 1)))
        inflow.append(model.get_state()["state"][1, 0])
    crossings = np.flatnonzero(np.diff(np.sign(inflow))) * 0.01
    omega = np.sqrt(GAMMA - KAPPA**2 / 4)
    assert np.diff(crossings) == pytest.approx(np.pi / omega, abs=0.011)
    half_period = round(np.pi / omega / 0.01)
    assert inflow[200 + half_period] / inflow[200] == pytest.approx(-np.exp(-KAPPA / 2 * np.pi / omega), rel=0.02)
