"""The functions that models with fixed schemes are made of, compiled: singular points, limits, accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import NeuronModel, State
from dtbsim.models.neurons import hh_cond_exp_traub as traub
from dtbsim.models.neurons import hh_psc_alpha as squid
from dtbsim.models.neurons.ode_common import bernoulli, bernoulli_float64, relaxed

T_MS = 0.0125


class SquidGates(NeuronModel):
    """One application of each gate of hh_psc_alpha; V stays."""

    name = "squid_gates"
    summary = "test"
    states = (State("V", "mV", ""), State("m", "1", ""), State("h", "1", ""), State("n", "1", ""))
    functions = (relaxed, bernoulli, squid.slow, squid.fast, squid.m_gate, squid.h_gate, squid.n_gate)

    @staticmethod
    def update(V, m, h, n):  # type: ignore[no-untyped-def]
        return V, m_gate(m, V, 0.0125), h_gate(h, V, 0.0125), n_gate(n, V, 0.0125), False  # noqa: F821


class TraubGates(SquidGates):
    """The same for hh_cond_exp_traub; V is relative to V_T."""

    name = "traub_gates"
    functions = (relaxed, bernoulli, traub.slow, traub.fast, traub.m_gate, traub.h_gate, traub.n_gate)


def squid_rates(V: Any) -> dict[str, tuple[Any, Any]]:
    """Hodgkin and Huxley's rates at a rest of -65 mV, float64."""
    return {
        "m": (bernoulli_float64((V + 40) / 10), 4 * np.exp(-(V + 65) / 18)),
        "h": (0.07 * np.exp(-(V + 65) / 20), 1 / (1 + np.exp(-(V + 35) / 10))),
        "n": (0.1 * bernoulli_float64((V + 55) / 10), 0.125 * np.exp(-(V + 65) / 80)),
    }


def traub_rates(U: Any) -> dict[str, tuple[Any, Any]]:
    """Traub and Miles' rates, float64."""
    return {
        "m": (1.28 * bernoulli_float64((U - 13) / 4), 1.4 * bernoulli_float64((40 - U) / 5)),
        "h": (0.128 * np.exp((17 - U) / 18), 4 / (1 + np.exp((40 - U) / 5))),
        "n": (0.16 * bernoulli_float64((U - 15) / 5), 0.5 * np.exp((10 - U) / 40)),
    }


KINDS = {
    "squid": (SquidGates(), squid_rates, (-40.0, -55.0), (-100.0, 60.0)),
    "traub": (TraubGates(), traub_rates, (13.0, 15.0, 40.0), (-40.0, 120.0)),
}
NEAR = np.array([0.0, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.79, 0.81, 0.99, 1.01, 1.99, 2.01])


@pytest.mark.parametrize("kind", list(KINDS))
def test_gates_follow_the_rates_at_and_near_singular_potentials_and_over_the_range(kind: str) -> None:
    model, rates, singular, (low, high) = KINDS[kind]
    V = np.concatenate([np.linspace(low, high, 801), *(v + np.concatenate([NEAR, -NEAR]) for v in singular)])
    V = V.astype(np.float32).astype(np.float64)
    assert set(singular) <= set(V)
    start = np.linspace(0.0, 1.0, len(V)).astype(np.float32)
    given = {"V": V} | dict.fromkeys("mhn", start)
    population = SinglePopulation(model, len(V), 0.1, {}, given)
    population.step()
    for gate, (alpha, beta) in rates(V).items():
        rest = alpha / (alpha + beta)
        exact = rest + (start - rest) * np.exp(-(alpha + beta) * T_MS)
        scale = np.maximum((alpha + beta) * T_MS, 0.01)
        assert np.max(np.abs(population.state(gate) - exact) / scale) < 2e-5


@pytest.mark.parametrize("kind", list(KINDS))
def test_gates_stay_between_0_and_1_at_any_potential(kind: str) -> None:
    V = np.concatenate([np.linspace(-1e4, 1e4, 500), [-3e38, 3e38]])
    population = SinglePopulation(KINDS[kind][0], len(V), 0.1, {}, {"V": V} | dict.fromkeys("mhn", 0.5))
    for _ in range(20):
        population.step()
        for gate in "mhn":
            x = population.state(gate)
            assert ((x >= 0.0) & (x <= 1.0)).all(), gate


def test_the_float64_form_is_continuous_at_0() -> None:
    x = np.array([0.0, 1e-12, -1e-12, 1e-8, -1e-8, 1e-3, -1e-3, 5.0, -5.0])
    expected = [1.0, 1.0, 1.0, 1.0 + 5e-9, 1.0 - 5e-9, 1.0005000833, 0.9995000833, 5.033918275, 0.033918275]
    np.testing.assert_allclose(bernoulli_float64(x), expected, rtol=1e-7)
    assert bernoulli_float64(0.0) == 1.0
