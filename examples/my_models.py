"""A neuron model of one's own, for own_model.yaml; docs/own_models.md explains the parts.

Resonate-and-fire (Izhikevich 2001, Neural Netw 14:883): the membrane is a damped oscillator, so that the neuron answers
to the rhythm of its input more than to its size.
"""

import numpy as np

from dtbsim.models import Derived, NeuronModel, Parameter, Receptor, State


class ResonateAndFire(NeuronModel):
    """z' = (-1 / tau + 2 pi i f) z + I, z = x + i y; a spike where y reaches 1, then z = 0."""

    name = "resonate_and_fire"
    summary = "Damped oscillator with a threshold"
    citation = "Izhikevich 2001 (doi:10.1016/S0893-6080(01)00078-8)"
    integration = "exact for a current that is constant during the step; spikes that arrive jump at its end"
    equations = "dx/dt = -x / tau - w y + I_stim + sum_k w_k delta(t - t_k)\ndy/dt = -y / tau + w x,  w = 2 pi f"
    current_unit = "mV/ms"
    parameters = (
        Parameter("f_hz", "Hz", 20.0, "frequency of the oscillation", low=0.0, open_low=True),
        Parameter("tau_ms", "ms", 50.0, "time constant of its damping", low=0.0, open_low=True),
        Parameter("y_th_mV", "mV", 1.0, "threshold of y", low=0.0, open_low=True),
    )
    states = (State("x_mV", "mV", "current-like variable"), State("y_mV", "mV", "voltage-like variable"))
    derived = (
        Derived("c", "1", "decay of one step times the cosine of its rotation"),
        Derived("s", "1", "decay of one step times the sine of its rotation"),
        Derived("current_x", "ms", "current to x"),
        Derived("current_y", "ms", "current to y"),
    )
    receptors = (Receptor("syn", "mV", "jump of x", channel=0),)

    def derive(self, p, dt_ms):
        """Parameters may be numbers or arrays, so only numpy is used here."""
        rate = -1.0 / p["tau_ms"] + 2e-3j * np.pi * p["f_hz"]
        step = np.exp(rate * dt_ms)
        current = (step - 1.0) / rate
        return {"c": step.real, "s": step.imag, "current_x": current.real, "current_y": current.imag}

    @staticmethod
    def update(x_mV, y_mV, in_syn, I_stim, c, s, current_x, current_y, y_th_mV):
        """Rotate and shrink, then let spikes arrive, then compare with the threshold."""
        x = c * x_mV - s * y_mV + current_x * I_stim + in_syn
        y = s * x_mV + c * y_mV + current_y * I_stim
        spiked = y >= y_th_mV
        return 0.0 if spiked else x, 0.0 if spiked else y, spiked
