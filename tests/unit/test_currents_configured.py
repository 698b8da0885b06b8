"""Current- and conductance-based models from a configuration, with parameters drawn per neuron."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.networks import network_of, simulate

DRAWN = "{{distribution: uniform, low: {}, high: {}}}"


def drawn(low: float, high: float) -> str:
    return DRAWN.format(low, high)


TAUS = {"tau_syn_ex_ms": drawn(1, 3), "tau_syn_in_ms": drawn(4, 8)}
PORTS = "receptors: {fast: 2, slow: 7}"
MODELS = {
    "iaf_psc_delta": ({"I_e_pA": "450", "tau_m_ms": drawn(8, 12), "t_ref_ms": drawn(1, 3)}, "", "weight_mV: 0.5"),
    "iaf_psc_alpha": ({"I_e_pA": "450", "tau_m_ms": drawn(9, 12)} | TAUS, "", "weight_pA: 30"),
    "iaf_cond_exp": ({"I_e_pA": "500", "E_in_mV": drawn(-85, -75)} | TAUS, "", "weight_nS: 2"),
    "iaf_cond_alpha": ({"I_e_pA": "500", "C_m_pF": drawn(200, 300)} | TAUS, "", "weight_nS: 2"),
    "lif_dtb": ({"I_e_uA_per_cm2": "1", "Mg_mM": drawn(0, 1), "tau_NMDA_ms": drawn(30, 50)}, "", "weight: 0.5"),
    "mat2_psc_exp": ({"I_e_pA": "900", "omega_mV": drawn(-55, -50)} | TAUS, "", "weight_pA: 30"),
    "amat2_psc_exp": ({"I_e_pA": "400", "beta_per_ms": drawn(-0.3, 0.1), "tau_v_ms": drawn(3, 9)} | TAUS, "",
                      "weight_pA: 30"),
    "glif1_psc": ({"I_e_pA": "350", "g_nS": drawn(8, 10)}, PORTS, "weight_pA: 10"),
    "glif2_psc": ({"I_e_pA": "350", "th_spike_decay_per_ms": drawn(0.01, 0.02)}, PORTS, "weight_pA: 10"),
    "glif3_psc": ({"I_e_pA": "350", "asc_decay_1_per_ms": drawn(0.01, 0.02)}, PORTS, "weight_pA: 10"),
    "glif5_psc": ({"I_e_pA": "350", "th_voltage_index_per_ms": drawn(0.002, 0.005)}, PORTS, "weight_pA: 10"),
}  # fmt: skip
FIRST_PORT = {"lif_dtb": "receptor: NMDA, ", "glif1_psc": "receptor: fast, ", "glif2_psc": "receptor: fast, ",
              "glif3_psc": "receptor: slow, ", "glif5_psc": "receptor: fast, "}  # fmt: skip
TEXT = """\
simulation: {{dt_ms: 0.5, duration_ms: 300, block_size: 16}}
populations:
  A: {{model: {model}, size: 40, parameters: {{{parameters}}}, {more}}}
projections:
  P: {{source: A, target: A, rule: {{kind: fixed_indegree, indegree: 5}}, {port}{weight}, delay_ms: 1.0}}
drives:
  bg: {{kind: poisson, target: A, rate_hz: 500, {port}{weight}}}
"""


@pytest.mark.parametrize("name", list(MODELS))
def test_a_network_of_unlike_neurons(name: str) -> None:
    """Spikes, the same on one and two threads, and other ones than without the projection."""
    parameters, more, weight = MODELS[name]
    given = ", ".join(f"{key}: {value}" for key, value in parameters.items())
    port = FIRST_PORT.get(name, "")
    text = TEXT.format(model=name, parameters=given, more=more, weight=weight, port=port)
    network = network_of(text)
    spikes = simulate(network)
    assert len(np.unique(spikes[:, 1])) == 40
    assert np.array_equal(simulate(network, threads=2), spikes)
    assert not np.array_equal(simulate(network_of(text, "projections={}")), spikes)
