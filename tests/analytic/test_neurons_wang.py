"""iaf_wang_2002: magnesium block, equilibrium potentials, firing rate, threshold on the grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.single_population import SinglePopulation

from dtbsim.errors import InputError
from dtbsim.models import get_model

WANG = get_model("iaf_wang_2002")
HELD = {"tau_AMPA_ms": 1e9, "tau_GABA_ms": 1e9, "tau_decay_NMDA_ms": 1e9, "V_th_mV": 100.0}
"""Conductances that stay, no spikes."""


def balance(V: Any, ampa: float, gaba: float, nmda: float, mg: float, I_pA: float) -> Any:
    """Sum of the currents (pA) of a neuron with the default parameters."""
    block = 1.0 / (1.0 + mg * np.exp(-0.062 * V) / 3.57)
    return -25.0 * (V + 70.0) - (ampa + nmda * block) * V - gaba * (V + 70.0) + I_pA


@pytest.mark.parametrize("mg", [0.0, 0.5, 1.0, 4.0])
@pytest.mark.parametrize(("ampa", "gaba", "nmda", "I_pA"), [(5, 10, 40, 0), (0, 0, 200, 0), (1, 30, 20, 400)])
def test_v_settles_where_the_currents_balance(mg: float, ampa: int, gaba: int, nmda: int, I_pA: float) -> None:
    population = SinglePopulation(WANG, 1, 0.1, HELD | {"conc_Mg2_mM": mg, "I_e_pA": I_pA})
    population.step({0: ampa, 1: gaba, 2: nmda})
    population.run(20_000)
    V = np.linspace(-75.0, 5.0, 800_001)
    roots = V[np.flatnonzero(np.diff(np.sign(balance(V, ampa, gaba, nmda, mg, I_pA))))]
    assert population.recorded("V_m_mV")[0] == pytest.approx(roots[0], abs=1e-3)


def test_magnesium_opens_with_the_potential() -> None:
    """The first NMDA-driven rise of V from several potentials is dt / C_m g (V - E) times the open part."""
    V = np.array([-80.0, -60.0, -40.0, -20.0, -5.0])
    quiet, driven = (SinglePopulation(WANG, 5, 0.01, HELD, {"V_m_mV": V, "s_NMDA_nS": g}) for g in (0.0, 10.0))
    for population in (quiet, driven):
        population.step()
    rise = driven.recorded("V_m_mV") - quiet.recorded("V_m_mV")
    expected = 0.01 / 500.0 * 10.0 * -V / (1.0 + np.exp(-0.062 * V) / 3.57)
    np.testing.assert_allclose(rise, expected, rtol=0.02, atol=2e-6)


def test_the_rate_under_a_constant_current_is_that_of_the_leaky_neuron() -> None:
    """Wang's pyramidal cell: period t_ref + tau log((V_inf - V_reset) / (V_inf - V_th)), up to a step per interval."""
    (steps,) = SinglePopulation(WANG, 1, 0.1, {"I_e_pA": 500.0}).run(20_000)
    period = 2.0 + 20.0 * np.log((20.0 - 10.0) / (20.0 - 15.0))
    assert np.mean(np.diff(steps)) * 0.1 == pytest.approx(period + 0.05, abs=0.06)


def test_a_potential_exactly_at_the_threshold_is_a_spike() -> None:
    start = {"V_m_mV": -56.0}
    before = SinglePopulation(WANG, 1, 0.1, {"E_L_mV": 0.0, "V_th_mV": 50.0, "V_reset_mV": -90.0}, start)
    before.step()
    reached = float(before.state("V_m_mV")[0])
    for threshold, spikes in ((reached, True), (float(np.nextafter(np.float32(reached), np.float32(0.0))), False)):
        parameters = {"E_L_mV": 0.0, "V_th_mV": threshold, "V_reset_mV": -90.0}
        assert bool(SinglePopulation(WANG, 1, 0.1, parameters, start).step()[0]) == spikes


@pytest.mark.parametrize(
    ("changes", "dt_ms", "said"),
    [
        ({}, 4.1, "needs dt_ms <= 4 with these parameters"),
        ({"V_reset_mV": -55.0}, 0.1, "V_reset_mV is -55 mV with V_th_mV -55 mV; allowed: V_reset_mV < V_th_mV"),
        ({"conc_Mg2_mM": -1.0}, 0.1, "conc_Mg2_mM is -1 mM; allowed: [0, inf)"),
    ],
)
def test_what_is_refused(changes: dict[str, float], dt_ms: float, said: str) -> None:
    with pytest.raises(InputError) as caught:
        WANG.check(changes, dt_ms)
    assert said in caught.value.message
