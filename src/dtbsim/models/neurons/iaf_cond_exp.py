"""Leaky integrate-and-fire neuron with exponential synaptic conductances: NEST's `iaf_cond_exp`."""

from __future__ import annotations

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.neurons import iaf_cond_common as common
from dtbsim.models.neurons.iaf_common import POTENTIAL, REFRACTORY, check_membrane
from dtbsim.models.neurons.iaf_cond_common import relaxed
from dtbsim.models.tables import Current, Derived, State


class IafCondExp(NeuronModel):
    """NEST's `iaf_cond_exp` with a fixed integration scheme."""

    name = "iaf_cond_exp"
    summary = "Leaky integrate-and-fire neuron with exponential excitatory and inhibitory conductances"
    citation = "NEST 3.10, iaf_cond_exp; Meffin, Burkitt, Grayden 2004 (doi:10.1023/B:JCNS.0000014108.03012.81)"
    integration = common.SCHEME
    equations = common.EQUATIONS + "dg_x/dt = -g_x / tau_syn_x + sum_k w_k delta(t - t_k),   x = ex, in\n"
    parameters = common.PARAMETERS
    states = (
        POTENTIAL,
        State("g_ex_nS", "nS", "excitatory conductance"),
        State("g_in_nS", "nS", "inhibitory conductance"),
        REFRACTORY,
    )
    derived = common.MEMBRANE_CONSTANTS + tuple(
        row
        for port, words in common.PORTS.items()
        for row in (
            Derived(f"decay_{port}", "1", f"decay of the {words} conductance over one step"),
            Derived(f"mean_{port}", "1", f"mean of the {words} conductance over its start"),
            Derived(f"skew_{port}", "1/nS", f"first moment of the {words} conductance about mid-step, over C_m"),
        )
    )
    synaptic_currents = (
        Current("g_ex_nS", "E_ex_mV", effect="excites"),
        Current("g_in_nS", "E_in_mV", effect="inhibits"),
    )
    receptors = common.receptors("jump")
    functions = (relaxed,)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Mean and first moment of each conductance over a step."""
        constants = common.derive_membrane(p, dt_ms)
        for port in common.PORTS:
            tau = p[f"tau_syn_{port}_ms"]
            mean, first, _ = common.moments(tau, dt_ms)
            constants[f"decay_{port}"] = np.exp(-dt_ms / tau)
            constants[f"mean_{port}"] = mean
            constants[f"skew_{port}"] = (first - 0.5 * dt_ms * mean) / p["C_m_pF"]
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    @staticmethod
    def update(
        V_m_mV: float,
        g_ex_nS: float,
        g_in_nS: float,
        refractory: int,
        in_ex: float,
        in_in: float,
        I_stim: float,
        I_e_pA: float,
        g_L_nS: float,
        ex_mV: float,
        in_mV: float,
        theta_mV: float,
        reset_mV: float,
        dt_per_C: float,
        decay_ex: float,
        mean_ex: float,
        skew_ex: float,
        decay_in: float,
        mean_in: float,
        skew_in: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, int, bool]:
        """Potential from the conductances of the step, then their decay, then the spikes that arrive at its end."""
        v = relaxed(
            V_m_mV,
            mean_ex * g_ex_nS,
            mean_in * g_in_nS,
            skew_ex * g_ex_nS,
            skew_in * g_in_nS,
            I_e_pA + I_stim,
            g_L_nS,
            ex_mV,
            in_mV,
            dt_per_C,
        )
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else reset_mV
        left = max(refractory - 1, 0)
        g_ex = g_ex_nS * decay_ex + in_ex
        g_in = g_in_nS * decay_in + in_in
        g_ex = 0.0 if g_ex < 1e-15 else g_ex
        g_in = 0.0 if g_in < 1e-15 else g_in
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, g_ex, g_in, left, spiked
