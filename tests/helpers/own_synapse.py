"""A small synapse model of a user's own, as a file, and a configuration that names it."""

from __future__ import annotations

HEBBIAN = '''\
"""Models."""
from dtbsim.models.synapses import WEIGHT, WEIGHT_MAX, PlasticSynapse, SynapseParameter, Trace

HALF = 0.5


class Hebbian(PlasticSynapse):
    """Pairs of spikes potentiate, whichever comes first; every spike of the source costs a little."""

    name = "hebbian"
    parameters = (
        SynapseParameter("gain", WEIGHT, None, "potentiation by a pair", low=0),
        SynapseParameter("cost", WEIGHT, 0.0, "depression by a spike of the source", low=0),
        SynapseParameter("tau_ms", "ms", 20.0, "time constant of both traces", low=0, open_low=True),
        WEIGHT_MAX,
    )
    derived = ("loss",)
    traces = (
        Trace("pre", "source", "tau_ms", read_by="target"),
        Trace("post", "target", "tau_ms", read_by="source"),
    )

    def derive(self, p, weight_unit):
        return {"loss": HALF * p["cost"]}

    @staticmethod
    def on_target_spike(w, pre, gain):
        return w + gain * pre

    @staticmethod
    def on_source_spike(w, post, gain, loss):
        return w + gain * post - loss
'''
CONFIG = """\
name: own
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 100, threads: 1, block_size: 16}
populations:
  E: {model: iaf_psc_exp, size: 40, initial: {V_m_mV: {distribution: uniform, low: -70, high: -55}}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 9}
    weight_pA: 50
    delay_ms: {distribution: uniform, low: 0.3, high: 3}
    synapse: {model: my_synapses.py:Hebbian, parameters: {gain: 2, cost: 0.8, weight_max: 90}}
drives:
  noise: {kind: poisson, target: E, receptor: ex, rate_hz: 9000, weight_pA: 60}
record: {weights: [{projection: EE, neurons: 40}]}
"""
