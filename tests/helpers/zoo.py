"""One network with every rule, several regions, ports, models and drives, small enough to build often."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.networks import network_of
from tests.helpers.small_atlas import save_small_atlas

from dtbsim.spec import Network

ZOO = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16}
atlas: small.npz
seed: 12
populations:
  E:
    model: iaf_psc_exp
    size: 50
    regions: all
    parameters:
      tau_syn_in_ms: 6.0
      tau_m_ms: {distribution: truncated_normal, mean: 12, sd: 3, low: 5}
      I_e_pA: {map: gradient, low: 300, high: 420}
    initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}
  I: {model: iaf_psc_exp, size: 21, regions: all}
  Z: {model: izhikevich, size: 40, initial: {V_m_mV: {distribution: normal, mean: -60, sd: 5}}}
  M: {model: iaf_psc_exp_multisynapse, size: 33, receptors: {fast: 1.5, slow: 60.0, inh: 5.0}}
projections:
  long:
    source: E
    target: E
    scope: connectome
    rule: {kind: fixed_indegree, indegree: 12}
    weight_pA: {distribution: lognormal, mean: 60, sd: 30}
    delay_ms: {tract_velocity_m_per_s: 20}
  EE:
    source: E
    target: E
    scope: same_region
    rule: {kind: fixed_indegree, indegree: 10, autapses: false, multapses: false}
    weight_pA: {distribution: normal, mean: 70, sd: 10}
    receptor: ex
    delay_ms: {distribution: uniform, low: 0.5, high: 3}
  EI:
    source: E
    target: I
    scope: same_region
    rule: {kind: fixed_total_number, total: 400}
    weight_pA: {distribution: exponential, mean: 60}
    delay_ms: {distribution: exponential, mean: 1, low: 0.5}
  IE:
    source: I
    target: E
    scope: all
    rule: {kind: pairwise_bernoulli, probability: 0.08}
    weight_pA: {distribution: truncated_normal, mean: -150, sd: 50, high: 0}
    delay_ms: {distribution: lognormal, mean: 1.5, sd: 0.5}
  EZ:
    source: E
    target: Z
    rule: {kind: pairwise_bernoulli, probability: 0.7}
    weight_mV: {distribution: uniform, low: 0.1, high: 0.5}
    delay_ms: 1.3
  ZZ: {source: Z, target: Z, rule: {kind: all_to_all, autapses: false}, weight_mV: -0.05, delay_ms: 0.8}
  ZI: {source: Z, target: I, rule: {kind: fixed_total_number, total: 300}, weight_pA: 40, delay_ms: 2.0}
  MM:
    source: M
    target: M
    rule: {kind: fixed_total_number, total: 500, autapses: false}
    receptor: {fast: 0.7, slow: 0.01}
    weight_pA: {distribution: normal, mean: 100, sd: 20}
    delay_ms: {distribution: truncated_normal, mean: 1.5, sd: 0.75, low: 0.1}
  self: {source: M, target: M, rule: {kind: one_to_one}, receptor: inh, weight_pA: -200, delay_ms: 0.3}
  IM: {source: I, target: M, rule: {kind: fixed_indegree, indegree: 6}, receptor: inh, weight_pA: -60, delay_ms: 1.0}
drives:
  bg: {kind: poisson, target: [E, I], receptor: ex, rate_hz: 3000, weight_pA: 60}
  kicks: {kind: poisson, target: Z, rate_hz: 2000, weight_mV: 1.0, start_ms: 3, stop_ms: 55}
  step: {kind: dc, target: M, amplitude: 420, start_ms: 5}
  wave: {kind: sinusoidal, target: [M, Z], amplitude: 8, frequency_hz: 40, offset: 4, phase_deg: 30}
"""


def zoo(folder: Path, *overrides: str, text: str = ZOO) -> Network:
    """The network; its atlas is written into `folder`."""
    save_small_atlas(folder)
    return network_of(text, *overrides, base_dir=folder)
