"""Networks with synapses of every kind that change."""

from __future__ import annotations

from collections.abc import Iterator

from dtbsim.models.synapses import SYNAPSE_MODELS, ModulatedSynapse
from dtbsim.models.synapses.trial import trial_values

DYNAMIC_NETWORK = """\
simulation: {dt_ms: 0.2, duration_ms: 500, block_size: 16}
seed: 8
populations:
  E:
    model: iaf_psc_exp
    size: 34
    parameters: {tau_syn_ex_ms: 1.5, tau_syn_in_ms: 5.0, t_ref_ms: 1.0}
    initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}
  I: {model: iaf_psc_exp, size: 18, parameters: {tau_syn_ex_ms: 1.0, tau_syn_in_ms: 3.0}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 9}
    weight_pA: {distribution: uniform, low: 20, high: 90}
    delay_ms: {distribution: uniform, low: 0.2, high: 4.0}
    synapse: SYNAPSE
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: 70, delay_ms: 0.6}
  IE:
    source: I
    target: E
    rule: {kind: fixed_indegree, indegree: 6}
    weight_pA: -120
    delay_ms: 1.2
    synapse: {kind: tsodyks_markram, U: 0.3, tau_rec_ms: 120, tau_fac_ms: 40}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 9000, weight_pA: 60}
"""
STDP = "{kind: stdp, weight_max: 100, learning_rate: 0.05, alpha: 1.1, tau_plus_ms: 15, tau_minus_ms: 30"
DYNAMIC_SYNAPSES = {
    "depression and facilitation": "{kind: tsodyks_markram, U: 0.2, tau_rec_ms: 300, tau_fac_ms: 700}",
    "saturation": "{kind: saturating_nmda, tau_decay_ms: 60}",
    "additive": STDP + ", mu_plus: 0, mu_minus: 0}",
    "multiplicative": STDP + "}",
    "intermediate": STDP + ", mu_plus: 0.4, mu_minus: 0.6}",
    "frozen for a while": STDP + ", mu_plus: 0, mu_minus: 1, frozen_ms: [[50, 120], [300, 400.4]]}",
    "power law": "{kind: stdp_power_law, learning_rate: 0.3, alpha: 0.1, mu: 0.4, weight_max: 200}",
    "towards a rate": "{kind: vogels_sprekeler, weight_max: 100, learning_rate: 1.5, target_rate_hz: 12}",
    "triplets": "{kind: stdp_triplet, weight_max: 120, A2_plus: 0.2, A3_plus: 0.7, A2_minus: 0.5, A3_minus: 0.3}",
    "calcium": "{kind: graupner_brunel, weight_max: 100, weight_min: 10, tau_rho_ms: 2000, bistability: 30}",
    "tag": "{kind: symmetric_hebbian, weight_max: 110, learning_rate: 2, delta: 0.1, beta: 0.5, tau_tag_ms: 400}",
}


def _missing() -> Iterator[tuple[str, str]]:
    """Models of the registry that nothing here names, with something that they allow for what they require."""
    named = " ".join([*DYNAMIC_SYNAPSES.values(), "stdp_dopamine,"])
    for name, kind in SYNAPSE_MODELS.usable().items():
        if f"{name}," not in named and not isinstance(kind.model, ModulatedSynapse):
            values = trial_values(kind.model) | ({"weight_max": 100.0} if kind.config.plastic else {})
            needed = [f"{row.name}: {values[row.name]:g}" for row in kind.model.parameters if row.default is None]
            yield name, "{" + ", ".join([f"kind: {name}", *needed]) + "}"


DYNAMIC_SYNAPSES |= dict(_missing())
RARE = """\
  SE:
    source: S
    target: E
    rule: {kind: all_to_all}
    weight_pA: 40
    delay_ms: {distribution: uniform, low: 0.2, high: 2}
    synapse: SYNAPSE
"""

REWARD_NETWORK = """\
simulation: {dt_ms: 0.2, duration_ms: 420, block_size: 16}
seed: 8
populations:
  E:
    model: iaf_psc_exp
    size: 34
    parameters: {tau_syn_ex_ms: 1.5, tau_syn_in_ms: 5.0, t_ref_ms: 1.0}
    initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}
  I: {model: iaf_psc_exp, size: 18, parameters: {tau_syn_ex_ms: 1.0, tau_syn_in_ms: 3.0}}
  DA: {model: iaf_psc_exp, size: 20, parameters: {I_e_pA: {distribution: uniform, low: 385, high: 420}}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 9}
    weight_pA: {distribution: uniform, low: 20, high: 90}
    delay_ms: DELAY
    synapse: SYNAPSE
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: 70, delay_ms: 0.6}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 6}, weight_pA: -120, delay_ms: 1.2}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 9000, weight_pA: 60}
"""
RULE = "{kind: stdp_dopamine, dopamine: DA, weight_max: 100, tau_plus_ms: 15, tau_minus_ms: 30"
WEAK = RULE + ", A_plus: 0.012, A_minus: 0.006"
STRONG = RULE + ", A_plus: 0.9, A_minus: 0.48"
DELAYS = "{distribution: uniform, low: 0.6, high: 4.0}"
REWARD_SYNAPSES = {
    "slow updates": (WEAK + ", tau_c_ms: 300, tau_n_ms: 80, baseline_per_ms: 0.3, update_interval_ms: 250}", DELAYS),
    "fast updates": (WEAK + ", tau_c_ms: 90, tau_n_ms: 20, baseline_per_ms: 0.3, update_interval_ms: 2.2}", DELAYS),
    "one delay": (WEAK + ", tau_c_ms: 200, baseline_per_ms: 0.2, update_interval_ms: 20}", "1.4"),
    "bounded": (STRONG + ", weight_min: 15, tau_c_ms: 100, update_interval_ms: 30, baseline_per_ms: 0.3}", DELAYS),
    "frozen": (WEAK + ", update_interval_ms: 40, frozen_ms: [[0, 111], [203, 299.8]]}", DELAYS),
}


def dynamic_text(name: str) -> str:
    return DYNAMIC_NETWORK.replace("SYNAPSE", DYNAMIC_SYNAPSES[name])


def reward_text(name: str) -> str:
    synapse, delay = REWARD_SYNAPSES[name]
    return REWARD_NETWORK.replace("SYNAPSE", synapse).replace("DELAY", delay)
