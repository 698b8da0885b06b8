"""Hodgkin-Huxley neurons: rheobase and f-I against Runge-Kutta in float64, classes of excitability."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.helpers.by_day import by_day
from tests.helpers.single_population import SinglePopulation
from tests.unit.test_models_ode_functions import squid_rates, traub_rates

from dtbsim.errors import InputError
from dtbsim.models import get_model

Rates = Callable[[Any], dict[str, tuple[Any, Any]]]
SQUID = {"C": 100.0, "Na": 12000.0, "K": 3600.0, "L": 30.0, "E_Na": 50.0, "E_K": -77.0, "E_L": -54.402, "V_T": 0.0}
TRAUB = {"C": 200.0, "Na": 20000.0, "K": 6000.0, "L": 10.0, "E_Na": 50.0, "E_K": -90.0, "E_L": -60.0, "V_T": -63.0}
MODELS: dict[str, tuple[dict[str, float], Rates, float, float]] = {
    "hh_psc_alpha": (SQUID, squid_rates, -65.0, 0.0),
    "hh_cond_exp_traub": (TRAUB, traub_rates, -60.0, -33.0),
}
"""Parameters, rates, initial potential, threshold of detection."""


def rest_of(rates: Rates, U: Any) -> dict[str, Any]:
    return {gate: alpha / (alpha + beta) for gate, (alpha, beta) in rates(U).items()}


def ionic(p: dict[str, float], V: Any, m: Any, h: Any, n: Any) -> Any:
    return p["Na"] * m**3 * h * (V - p["E_Na"]) + p["K"] * n**4 * (V - p["E_K"]) + p["L"] * (V - p["E_L"])  # nS mV = pA


@cache
def reference_counts(name: str, currents: tuple[float, ...], duration_ms: float, dt_ms: float = 0.02) -> Any:
    """Maxima of V above the threshold, classical Runge-Kutta."""
    p, rates, start, threshold = MODELS[name]
    I_pA = np.array(currents)

    def slope(y: Any) -> Any:
        V, m, h, n = y
        r = rates(V - p["V_T"])
        gates = [r[g][0] * (1 - x) - r[g][1] * x for g, x in zip("mhn", (m, h, n), strict=True)]
        return np.array([(I_pA - ionic(p, V, m, h, n)) / p["C"], *gates])

    rest = rest_of(rates, start - p["V_T"])
    y = np.array([np.full(len(I_pA), x) for x in (start, rest["m"], rest["h"], rest["n"])])
    trace = []
    for _ in range(round(duration_ms / dt_ms)):
        a = slope(y)
        b = slope(y + 0.5 * dt_ms * a)
        c = slope(y + 0.5 * dt_ms * b)
        y = y + dt_ms / 6 * (a + 2 * b + 2 * c + slope(y + dt_ms * c))
        trace.append(y[0])
    V = np.array(trace)
    return ((V[1:-1] > threshold) & (V[1:-1] >= V[:-2]) & (V[1:-1] > V[2:])).sum(axis=0)


def counts(name: str, currents: Any, duration_ms: float, dt_ms: float = 0.1) -> list[int]:
    population = SinglePopulation(get_model(name), len(currents), dt_ms, {"I_e_pA": np.asarray(currents, float)})
    return [len(steps) for steps in population.run(round(duration_ms / dt_ms))]


@pytest.mark.parametrize("name", by_day(MODELS, ["hh_cond_exp_traub"]))
@pytest.mark.parametrize("dt_ms", [0.1, 0.2])
def test_the_rate_at_a_constant_current_is_that_of_the_equations(name: str, dt_ms: float) -> None:
    currents = (300.0, 800.0, 1000.0, 1500.0, 2500.0)
    expected = reference_counts(name, currents, 300.0)
    assert expected[-1] > 20
    assert np.abs(counts(name, currents, 300.0, dt_ms) - expected).max() <= 1


def test_the_squid_axon_is_of_class_2() -> None:
    """One spike at 2.5 to 6 uA/cm^2 (here 100 pA each), repetition from 6.3 on at once beyond 50 Hz (Rinzel 1978)."""
    quiet, single, just_below, just_above = counts("hh_psc_alpha", [200.0, 300.0, 590.0, 660.0], 1000.0)
    assert quiet == 0
    assert single == 1
    assert just_below < 20
    assert 50 <= just_above <= 60


def test_the_rheobase_of_the_traub_neuron_is_the_maximum_of_its_steady_current() -> None:
    """Class 1: rest is lost in a fold, at the local maximum of the steady current over V."""
    p, rates, _, _ = MODELS["hh_cond_exp_traub"]
    V = np.linspace(-70.0, -40.0, 30_001)
    rest = rest_of(rates, V - p["V_T"])
    steady = ionic(p, V, rest["m"], rest["h"], rest["n"])
    fold = np.flatnonzero(np.diff(steady) < 0)[0]
    currents = steady[fold] + np.array([-2.0, 2.0, 200.0])
    population = SinglePopulation(
        get_model("hh_cond_exp_traub"), 3, 0.1, {"I_e_pA": currents}, {"V_m_mV": V[fold] - 0.5}
    )
    below, above, further = (len(steps) for steps in population.run(10_000))
    assert below == 0
    assert 1 <= above < 0.5 * further


@pytest.mark.parametrize("name", list(MODELS))
def test_rest_is_a_fixed_point(name: str) -> None:
    """The equilibrium gates at V and the current that balances it leave V where it is."""
    p, rates, start, _ = MODELS[name]
    rest = rest_of(rates, start - p["V_T"])
    balance = ionic(p, start, rest["m"], rest["h"], rest["n"])
    population = SinglePopulation(get_model(name), 1, 0.1, {"I_e_pA": balance}, {"V_m_mV": start})
    for _ in range(200):
        population.step()
    assert population.recorded("V_m_mV")[0] == pytest.approx(start, abs=2e-3)


@pytest.mark.parametrize("name", list(MODELS))
def test_no_more_spikes_than_the_refractory_period_allows(name: str) -> None:
    population = SinglePopulation(get_model(name), 1, 0.1, {"I_e_pA": 2500.0, "t_ref_ms": 20.0})
    (steps,) = population.run(3000)
    assert len(steps) > 8
    assert np.diff(steps).min() > 200


@pytest.mark.parametrize("name", list(MODELS))
def test_a_longer_time_step_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"dt_ms is 0.25; model '{name}' needs dt_ms <= 0.2"):
        SinglePopulation(get_model(name), 1, 0.25)
