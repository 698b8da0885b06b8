"""Current- and conductance-based neurons against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

MEMBRANE = {"C_m_pF": 250.0, "tau_m_ms": 10.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -60.0, "t_ref_ms": 2.0}


@pytest.mark.parametrize("tau_syn_ms", [0.5, 2.0, 9.99, 10.0, 10.0001, 30.0])
def test_potential_and_current_of_an_alpha_synapse(tau_syn_ms: float) -> None:
    """Current w e/tau t exp(-t/tau), whose peak is w at tau; its potential, at equal time constants e w t^2 / (2 C tau)
    exp(-t/tau)."""
    weight, dt = 100, 0.1
    population = SinglePopulation(get_model("iaf_psc_alpha"), 1, dt, MEMBRANE | {"tau_syn_ex_ms": tau_syn_ms})
    population.step({0: weight})
    largest = 0.0
    for step in range(1, 1201):
        population.step()
        t, tau, scale = dt * step, tau_syn_ms, weight * np.e / tau_syn_ms
        assert population.state("I_syn_ex_pA")[0] == pytest.approx(scale * t * np.exp(-t / tau), rel=2e-4, abs=1e-4)
        a = 1.0 / tau - 1.0 / 10.0
        if abs(a) * t < 0.02:
            expected = scale / 250.0 * np.exp(-t / 10.0) * (t**2 / 2.0 - a * t**3 / 3.0)
        else:
            expected = scale / 250.0 * (np.exp(-t / 10.0) - np.exp(-t / tau) * (1.0 + a * t)) / a**2
        largest = max(largest, expected)
        assert population.recorded("V_m_mV")[0] == pytest.approx(-65.0 + expected, abs=6e-5)
    assert largest > 0.3


def test_a_kick_moves_the_potential_and_is_lost_during_refractoriness() -> None:
    population = SinglePopulation(get_model("iaf_psc_delta"), 1, 0.1, MEMBRANE | {"t_ref_ms": 0.3})
    population.step({0: 4})
    assert population.recorded("V_m_mV")[0] == -61.0
    population.step()
    assert population.recorded("V_m_mV")[0] == pytest.approx(-65.0 + 4.0 * np.exp(-0.01), abs=1e-6)
    assert population.step({0: 40})[0] == 1, "the jump reaches the threshold in the step in which it arrives"
    for _ in range(3):
        assert population.step({0: 40})[0] == 0
        assert population.recorded("V_m_mV")[0] == -60.0
    assert population.step({0: 40})[0] == 1
