"""The engine at the end of the longest run: all that counts steps gives what it gives at the beginning."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.helpers.networks import built_rank, network_of, spikes_of

from dtbsim.backends.cpu import CpuBackend
from dtbsim.clock import MAX_STEPS

SPAN = 2076
SHIFT = MAX_STEPS - SPAN
"""A multiple of every interval below."""

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: DURATION}
populations:
  S: {model: spike_source, size: 6, spikes: {neuron: [NEURONS], time_ms: [TIMES]}}
  A: {model: iaf_psc_exp, size: 12, initial: {V_m_mV: {distribution: uniform, low: -70, high: -56}}}
  B: {model: iaf_cond_exp, size: 5}
projections:
  static:
    {source: S, target: A, rule: {kind: all_to_all}, weight_pA: {distribution: uniform, low: 200, high: 500},
     delay_ms: {distribution: uniform, low: 0.1, high: 9}}
  pair:
    {source: S, target: A, rule: {kind: all_to_all}, weight_pA: 60,
     delay_ms: {distribution: uniform, low: 0.1, high: 5},
     synapse: {kind: stdp, weight_max: 90, learning_rate: 0.1}}
  triplet:
    {source: A, target: A, rule: {kind: fixed_indegree, indegree: 3}, weight_pA: 50, delay_ms: 1.3,
     synapse: {kind: stdp_triplet, weight_max: 90, A2_plus: 0.5, A3_plus: 0.5, A2_minus: 0.7, A3_minus: 0.2}}
  short: {source: A, target: B, rule: {kind: all_to_all}, weight_nS: 5, delay_ms: 0.7,
     synapse: {kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100, tau_fac_ms: 20}}
  drawn:
    {source: S, target: A, rule: {kind: all_to_all}, weight_pA: 20, procedural: true,
     delay_ms: {distribution: uniform, low: 1, high: 30}}
drives:
  current: {kind: step_current, target: A, times_ms: [EDGES], amplitudes: [250, 0, 420]}
  listed: {kind: spike_trains, target: B, receptor: ex, weight_nS: 8, spikes: {neuron: [0, 2, 4], time_ms: [LISTED]}}
record:
  rate_bin_ms: null
  states: [{population: A, variables: [V_m_mV], neurons: 12, interval_ms: 0.4}]
  weights: [{projection: pair, neurons: 12}, {projection: triplet, neurons: 12}]
"""


def at(shift: int) -> str:
    def times(steps: list[int]) -> str:
        return ", ".join(repr((step + shift) / 10) for step in steps)

    draw = np.random.default_rng(3)
    steps = sorted(draw.choice(np.arange(1, SPAN - 30), 120, replace=False).tolist())
    neurons = ", ".join(str(n) for n in draw.integers(0, 6, 120))
    text = NETWORK.replace("DURATION", repr((SPAN + shift) / 10)).replace("NEURONS", neurons)
    return text.replace("TIMES", times(steps)).replace("EDGES", times([100, 700, 900])).replace(
        "LISTED", times([300, 900, SPAN - 10])
    )  # fmt: skip


def stepped(shift: int) -> tuple[Any, Any, list[Any], int]:
    network = network_of(at(shift))
    assert network.n_steps == SPAN + shift
    backend = CpuBackend(built_rank(network, threads=2), None, 2)
    try:
        spikes, samples = [], []
        for start, stop in ((0, 700), (700, 1111), (1111, SPAN)):
            backend.advance(start + shift, stop + shift)
            found = spikes_of(backend)
            spikes.append(found - np.array([shift, 0]))
            steps, values = backend.sampler.take(0)
            samples.append((steps - shift, values))
        weights = [kept.now(SPAN + shift) for kept in backend.weights]
        return np.concatenate(spikes), samples, weights, backend.events()
    finally:
        backend.close()


def test_the_last_steps_are_as_the_first() -> None:
    assert SHIFT % 100 == 0, "intervals fall on the same steps"
    spikes, samples, weights, events = stepped(0)
    late_spikes, late_samples, late_weights, late_events = stepped(SHIFT)
    assert len(spikes) > 300
    assert np.array_equal(late_spikes, spikes)
    for (steps, values), (late_steps, late_values) in zip(samples, late_samples, strict=True):
        assert np.array_equal(steps, late_steps)
        assert np.array_equal(values, late_values)
    for before, after in zip(weights, late_weights, strict=True):
        assert np.array_equal(before, after)
    assert events == late_events
