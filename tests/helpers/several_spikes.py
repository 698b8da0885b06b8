"""A network in which neurons spike several times in a step, through every kind of synapse."""

from __future__ import annotations

from tests.helpers.networks import network_of

from dtbsim.spec import Network

SYNAPSES = {
    "static": None,
    "depressing": "{kind: tsodyks_markram, U: 0.4, tau_rec_ms: 60, tau_fac_ms: 30}",
    "saturating": "{kind: saturating_nmda, tau_decay_ms: 40}",
    "pair": "{kind: stdp, weight_max: 120, learning_rate: 0.03, alpha: 0.9, mu_plus: 0.4, mu_minus: 0.6}",
    "power law": "{kind: stdp_power_law, weight_max: 120, learning_rate: 0.02, mu: 0.4}",
    "triplet": "{kind: stdp_triplet, weight_max: 120, A2_plus: 0.3, A3_plus: 0.4, A2_minus: 0.3, A3_minus: 0.2}",
    "frozen": "{kind: stdp_triplet, weight_max: 120, A3_plus: 0.4, A2_minus: 0.3, A3_minus: 0.2, "
    "frozen_ms: [[40, 60]]}",
    "calcium": "{kind: graupner_brunel, weight_max: 120, tau_rho_ms: 900}",
    "tag": "{kind: symmetric_hebbian, weight_max: 120, learning_rate: 0.7, beta: 0.3, tau_tag_ms: 60}",
    "reward": "{kind: stdp_dopamine, dopamine: R, weight_max: 120, A_plus: 0.6, A_minus: 0.5, baseline_per_ms: 0.4, "
    "tau_c_ms: 50, tau_n_ms: 20, update_interval_ms: 10}",
}
NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 120, block_size: 16}
seed: 11
populations:
  P: {model: poisson_source, size: 30, parameters: {rate_hz: {distribution: uniform, low: 0, high: 900}}}
  F: {model: poisson_source, size: 6, parameters: {rate_hz: 12000}}
  L: {model: spike_source, size: 4, spikes: {neuron: [0, 0, 3, 3, 3, 1, 2, 0], time_ms: [9, 9, 9, 30, 30, 30, 50.5, 9]}}
  R: {model: parrot_neuron, size: 20}
  Q: {model: parrot_neuron, size: 12}
  N: {model: iaf_psc_exp, size: 40, initial: {V_m_mV: {distribution: uniform, low: -70, high: -57}}}
projections:
  PR: {source: P, target: R, rule: {kind: fixed_indegree, indegree: 5}, weight: 0.3, delay_ms: DELAYS}
  FR: {source: F, target: R, rule: {kind: pairwise_bernoulli, probability: 0.2}, weight: -2, delay_ms: 0.3}
  LR: {source: L, target: R, rule: {kind: all_to_all}, weight: 1, delay_ms: 0.5}
  RN:
    source: R
    target: N
    rule: {kind: fixed_indegree, indegree: 6}
    weight_pA: {distribution: uniform, low: 20, high: 70}
    delay_ms: DELAYS
SYNAPSE  FN: {source: F, target: N, rule: {kind: fixed_indegree, indegree: 2}, weight_pA: 8, delay_ms: DELAYS}
  RQ:
    source: R
    target: Q
    receptor: silent
    rule: {kind: fixed_indegree, indegree: 4}
    weight: {distribution: uniform, low: 20, high: 70}
    delay_ms: DELAYS
SYNAPSE  LQ: {source: L, target: Q, rule: {kind: all_to_all}, weight: 1, delay_ms: 1.1}
  NN: {source: N, target: N, rule: {kind: fixed_indegree, indegree: 5}, weight_pA: -60, delay_ms: 1.5}
drives:
  bg: {kind: poisson, target: N, rate_hz: 7000, weight_pA: 50}
  qs: {kind: poisson, target: Q, rate_hz: 900, weight: 1}
"""
DELAYS = {"drawn": "{distribution: uniform, low: 0.2, high: 3.0}", "one": "1.4"}


def several_spikes(synapse: str, delays: str = "drawn", *overrides: str) -> Network:
    """The network with RN and RQ of this kind."""
    kind = SYNAPSES[synapse]
    text = NETWORK.replace("DELAYS", DELAYS[delays]).replace(
        "SYNAPSE", "" if kind is None else f"    synapse: {kind}\n"
    )
    return network_of(text, *overrides)
