"""Leaky integrate-and-fire neuron with alpha-shaped synaptic conductances: NEST's `iaf_cond_alpha`."""

from __future__ import annotations

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.neurons import iaf_cond_common as common
from dtbsim.models.neurons.iaf_common import POTENTIAL, REFRACTORY, check_membrane
from dtbsim.models.neurons.iaf_cond_common import relaxed
from dtbsim.models.tables import Current, Derived, State


class IafCondAlpha(NeuronModel):
    """NEST's `iaf_cond_alpha` with a fixed integration scheme."""

    name = "iaf_cond_alpha"
    summary = "Leaky integrate-and-fire neuron with alpha-shaped excitatory and inhibitory conductances"
    citation = "NEST 3.10, iaf_cond_alpha; Meffin, Burkitt, Grayden 2004 (doi:10.1023/B:JCNS.0000014108.03012.81)"
    integration = common.SCHEME
    equations = common.EQUATIONS + (
        "g_x(t) = sum_k w_k (e / tau_syn_x) (t - t_k) exp(-(t - t_k) / tau_syn_x)   for t > t_k,   x = ex, in\n"
        "that is  dg_x/dt = s_x - g_x / tau_syn_x\n"
        "         ds_x/dt = -s_x / tau_syn_x + sum_k w_k (e / tau_syn_x) delta(t - t_k)\n"
    )
    parameters = common.PARAMETERS
    states = (
        POTENTIAL,
        State("g_ex_nS", "nS", "excitatory conductance"),
        State("dg_ex_nS_per_ms", "nS/ms", "slope s of the excitatory conductance (without its decay)"),
        State("g_in_nS", "nS", "inhibitory conductance"),
        State("dg_in_nS_per_ms", "nS/ms", "slope s of the inhibitory conductance (without its decay)"),
        REFRACTORY,
    )
    derived = common.MEMBRANE_CONSTANTS + tuple(
        row
        for port, words in common.PORTS.items()
        for row in (
            Derived(f"decay_{port}", "1", f"decay of the {words} conductance over one step"),
            Derived(f"ramp_{port}", "ms", "dt times the decay: slope to conductance"),
            Derived(f"slope_{port}", "1/ms", "e / tau_syn: weight to slope"),
            Derived(f"mean_{port}", "1", f"conductance to mean {words} conductance of the step"),
            Derived(f"skew_{port}", "1/nS", "conductance to first moment about mid-step, over C_m"),
            Derived(f"mean_slope_{port}", "ms", f"slope to mean {words} conductance of the step"),
            Derived(f"skew_slope_{port}", "ms/nS", "slope to first moment about mid-step, over C_m"),
        )
    )
    synaptic_currents = (
        Current("g_ex_nS", "E_ex_mV", effect="excites"),
        Current("g_in_nS", "E_in_mV", effect="inhibits"),
    )
    receptors = common.receptors("peak")
    functions = (relaxed,)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Mean and first moment of each conductance over a step."""
        constants = common.derive_membrane(p, dt_ms)
        half = 0.5 * dt_ms
        for port in common.PORTS:
            tau = np.asarray(p[f"tau_syn_{port}_ms"])
            zeroth, first, second = common.moments(tau, dt_ms)
            constants |= {
                f"decay_{port}": np.exp(-dt_ms / tau),
                f"ramp_{port}": dt_ms * np.exp(-dt_ms / tau),
                f"slope_{port}": np.e / tau,
                f"mean_{port}": zeroth,
                f"skew_{port}": (first - half * zeroth) / p["C_m_pF"],
                f"mean_slope_{port}": first,
                f"skew_slope_{port}": (second - half * first) / p["C_m_pF"],
            }
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """The reset must lie below the threshold."""
        check_membrane(p)

    @staticmethod
    def update(
        V_m_mV: float,
        g_ex_nS: float,
        dg_ex_nS_per_ms: float,
        g_in_nS: float,
        dg_in_nS_per_ms: float,
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
        ramp_ex: float,
        slope_ex: float,
        mean_ex: float,
        skew_ex: float,
        mean_slope_ex: float,
        skew_slope_ex: float,
        decay_in: float,
        ramp_in: float,
        slope_in: float,
        mean_in: float,
        skew_in: float,
        mean_slope_in: float,
        skew_slope_in: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, float, float, int, bool]:
        """Potential from the conductances of the step, then the conductances, then the spikes at its end."""
        v = relaxed(
            V_m_mV,
            mean_ex * g_ex_nS + mean_slope_ex * dg_ex_nS_per_ms,
            mean_in * g_in_nS + mean_slope_in * dg_in_nS_per_ms,
            skew_ex * g_ex_nS + skew_slope_ex * dg_ex_nS_per_ms,
            skew_in * g_in_nS + skew_slope_in * dg_in_nS_per_ms,
            I_e_pA + I_stim,
            g_L_nS,
            ex_mV,
            in_mV,
            dt_per_C,
        )
        v = 0.0 if abs(v) < 1e-15 else v
        v = v if refractory == 0 else reset_mV
        left = max(refractory - 1, 0)
        g_ex = decay_ex * g_ex_nS + ramp_ex * dg_ex_nS_per_ms
        g_in = decay_in * g_in_nS + ramp_in * dg_in_nS_per_ms
        s_ex = decay_ex * dg_ex_nS_per_ms + slope_ex * in_ex
        s_in = decay_in * dg_in_nS_per_ms + slope_in * in_in
        g_ex = 0.0 if g_ex < 1e-15 else g_ex
        g_in = 0.0 if g_in < 1e-15 else g_in
        s_ex = 0.0 if s_ex < 1e-15 else s_ex
        s_in = 0.0 if s_in < 1e-15 else s_in
        spiked = v >= theta_mV
        v = reset_mV if spiked else v
        left = refractory_steps if spiked else left
        return v, g_ex, s_ex, g_in, s_in, left, spiked
