"""Models with fixed schemes under input far beyond any physiology: finite states, and runs from a configuration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate
from tests.helpers.single_population import SinglePopulation

from dtbsim.models import get_model

N = 200
STEPS = 1500
CONDUCTANCES = ("aeif_cond_exp", "hh_cond_exp_traub", "iaf_wang_2002")
MODELS = {
    "aeif_cond_exp": [{}, {"V_reset_mV": -30.0, "Delta_T_mV": 0.2}, {"tau_syn_ex_ms": 0.05, "V_peak_mV": -50.0}],
    "hh_psc_alpha": [{}],
    "hh_cond_exp_traub": [{}],
    "iaf_wang_2002": [{}, {"conc_Mg2_mM": 0.0}],
    "izhikevich_2007": [{}, {"c_mV": 30.0}, {"k": 3.0, "C_m_pF": 20.0}],
    "qif": [{}, {"t_ref_ms": 0.0, "V_peak": 2.0, "V_reset": 1.9}],
    "theta": [{}],
}
CASES = [(name, changes) for name, all_changes in MODELS.items() for changes in all_changes]


@pytest.mark.parametrize(("name", "changes"), CASES)
def test_states_stay_finite_under_absurd_input(name: str, changes: dict[str, float]) -> None:
    """Weights and currents up to 1e6 pA, 1e5 nS, 1e3 without units; signs as the ports take them."""
    model = get_model(name)
    largest = 1e3 if model.current_unit == "1" else 1e6
    population = SinglePopulation(model, N, 0.1, changes, quanta=[largest / 1000.0] * len(model.inputs), use_stim=True)
    draw = np.random.default_rng(3)
    scale = 10.0 ** draw.uniform(-6.0, 0.0, N)
    low = 0 if name in CONDUCTANCES else -100
    spikes = 0
    for _ in range(STEPS):
        kicks = {
            c: (draw.integers(low, 100, N) * scale * (draw.random(N) < 0.05)).astype(int)
            for c in range(len(model.inputs))
        }
        spikes += int(population.step(kicks, draw.normal(0.0, largest, N) * scale).sum())
    for row in model.states:
        assert np.isfinite(population.state(row.name)).all(), row.name
    assert spikes > 0


CONFIG = """\
simulation: {{dt_ms: 0.1, duration_ms: 100, block_size: 16}}
seed: 3
populations:
  P: {{model: {model}, size: 50, parameters: {parameters}}}
projections:
  PP: {{source: P, target: P, rule: {{kind: fixed_indegree, indegree: 5}}, {weight}: 0.01, delay_ms: 1{port}}}
drives:
  noise: {{kind: poisson, target: P, rate_hz: 1000, {weight}: 0.05{port}}}
"""
FIRING: dict[str, Any] = {
    "aeif_cond_exp": ("{I_e_pA: 800}", "weight_nS", ""),
    "hh_psc_alpha": ("{I_e_pA: 1000}", "weight_pA", ""),
    "hh_cond_exp_traub": ("{I_e_pA: 500}", "weight_nS", ""),
    "iaf_wang_2002": ("{I_e_pA: 500}", "weight_nS", ", receptor: nmda"),
    "izhikevich_2007": ("{I_e_pA: 200}", "weight_pA", ""),
    "qif": ("{eta: {distribution: normal, mean: 1, sd: 0.1}}", "weight", ""),
    "theta": ("{eta: {distribution: normal, mean: 1, sd: 0.1}}", "weight", ""),
}


@pytest.mark.parametrize("name", list(FIRING))
def test_a_network_from_a_configuration_fires(name: str) -> None:
    parameters, weight, port = FIRING[name]
    spikes = simulate(network_of(CONFIG.format(model=name, parameters=parameters, weight=weight, port=port)))
    assert len(np.unique(spikes[:, 1])) == 50
    assert 50 <= len(spikes) < 50 * 30
