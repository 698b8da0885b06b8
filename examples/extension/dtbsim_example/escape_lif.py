"""A neuron model: a leaky integrator whose threshold rises with every spike and decays again."""

import numpy as np

from dtbsim.models import Derived, NeuronModel, Parameter, Receptor, State


class EscapeLif(NeuronModel):
    """v' = (E_L - v) / tau_m + I / C; a spike where v reaches theta, which then grows by `step_mV`."""

    name = "escape_lif"
    summary = "Leaky integrate-and-fire neuron with a threshold that adapts"
    citation = "Treves 1993, Network 4:259 (adaptation by the threshold)"
    integration = "exact for input that is constant during a step; spikes that arrive jump at its end"
    equations = "dv/dt = (E_L - v) / tau_m + I / C\ndtheta/dt = (V_th - theta) / tau_theta"
    current_unit = "pA"
    parameters = (
        Parameter("tau_m_ms", "ms", 20.0, "time constant of the membrane", low=0.0, open_low=True),
        Parameter("C_m_pF", "pF", 250.0, "capacitance", low=0.0, open_low=True),
        Parameter("E_L_mV", "mV", -65.0, "resting potential"),
        Parameter("V_th_mV", "mV", -50.0, "threshold at rest"),
        Parameter("tau_theta_ms", "ms", 100.0, "time constant of the threshold", low=0.0, open_low=True),
        Parameter("step_mV", "mV", 2.0, "rise of the threshold with a spike", low=0.0),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential", default=-65.0),
        State("theta_mV", "mV", "threshold above that at rest"),
    )
    derived = (
        Derived("leak", "1", "decay of the potential in one step"),
        Derived("gain", "mV/pA", "potential that a current adds in one step"),
        Derived("fade", "1", "decay of the threshold in one step"),
    )
    receptors = (Receptor("syn", "mV", "jump of the potential", channel=0),)

    def derive(self, p, dt_ms):
        """Parameters may be numbers or arrays, so only numpy is used here."""
        leak = np.exp(-dt_ms / p["tau_m_ms"])
        gain = p["tau_m_ms"] / p["C_m_pF"] * (1.0 - leak)
        return {"leak": leak, "gain": gain, "fade": np.exp(-dt_ms / p["tau_theta_ms"])}

    @staticmethod
    def update(V_m_mV, theta_mV, in_syn, I_stim, leak, gain, fade, E_L_mV, V_th_mV, step_mV):
        """Decay, then let spikes arrive, then compare with the threshold."""
        v = E_L_mV + (V_m_mV - E_L_mV) * leak + gain * I_stim + in_syn
        theta = theta_mV * fade
        spiked = v >= V_th_mV + theta
        return E_L_mV if spiked else v, theta + step_mV if spiked else theta, spiked
