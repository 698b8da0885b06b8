"""A small model of a user's own, as a file, and a configuration that names it."""

from __future__ import annotations

LEAKY = '''\
"""Models."""
import numpy as np
from dtbsim.models import Derived, NeuronModel, Parameter, Receptor, State


class Leaky(NeuronModel):
    name = "leaky"
    summary = "Leaky integrator with a threshold"
    parameters = (Parameter("tau_m_ms", "ms", 10.0, "time constant", low=0, open_low=True),)
    states = (State("v_mV", "mV", "membrane potential"),)
    derived = (Derived("decay", "1", "decay of a step"),)
    receptors = (Receptor("syn", "mV", "jump of the potential", channel=0),)

    def derive(self, p, dt_ms):
        return {"decay": np.exp(-dt_ms / p["tau_m_ms"])}

    @staticmethod
    def update(v_mV, in_syn, decay):
        v = decay * v_mV + in_syn
        spiked = v >= 15.0
        return 0.0 if spiked else v, spiked
'''
CONFIG = """\
name: own
seed: 3
simulation: {dt_ms: 0.1, duration_ms: 100, threads: 1}
populations:
  E: {model: my_models.py:Leaky, size: 40}
drives:
  noise: {kind: poisson, target: E, rate_hz: 8000, weight_mV: 1}
"""
