"""Hodgkin-Huxley neuron with alpha-shaped synaptic currents: NEST's `hh_psc_alpha`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.language.elementary import exp
from dtbsim.models.language.subset import function_from_text
from dtbsim.models.neurons.hh_common import (
    CONSTANTS,
    DETECTION,
    GATES,
    LARGEST_DT_MS,
    REFRACTORY,
    SCHEME,
    channels,
    derive_channels,
    equilibrium,
    substeps_text,
    voltage,
)
from dtbsim.models.neurons.ode_common import bernoulli, bernoulli_float64, mean_decay, relaxed
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State


def slow(V: float) -> Any:
    """exp(-(V + 65) / 80); its powers 4 and 8 are the other exponentials of the rates (bounded far from any spike)."""
    return exp((max(min(V, 300.0), -300.0) + 65.0) * -0.0125)


def fast(V: float) -> Any:
    """exp(-(V + 65) / 10)."""
    u = slow(V)
    u = u * u
    u = u * u
    return u * u


def m_gate(m: float, V: float, t: float) -> float:
    """m after t ms: alpha = 0.1 (V + 40) / (1 - exp(-(V + 40) / 10)), beta = 4 exp(-(V + 65) / 18)."""
    alpha = bernoulli((V + 40.0) * 0.1, 12.182494 * fast(V))
    beta = 4.0 * exp((max(min(V, 300.0), -300.0) + 65.0) * -0.055555556)
    return relaxed(m, (alpha + beta) * t, alpha * t)


def h_gate(h: float, V: float, t: float) -> float:
    """h after t ms: alpha = 0.07 exp(-(V + 65) / 20), beta = 1 / (1 + exp(-(V + 35) / 10))."""
    u = slow(V)
    alpha = 0.07 * (u * u) * (u * u)
    beta = 1.0 / (1.0 + 20.085537 * fast(V))
    return relaxed(h, (alpha + beta) * t, alpha * t)


def n_gate(n: float, V: float, t: float) -> float:
    """n after t ms: alpha = 0.01 (V + 55) / (1 - exp(-(V + 55) / 10)), beta = 0.125 exp(-(V + 65) / 80)."""
    alpha = 0.1 * bernoulli((V + 55.0) * 0.1, 2.7182818 * fast(V))
    return relaxed(n, (alpha + 0.125 * slow(V)) * t, alpha * t)


_UPDATE = """\
def update(
    V_m_mV, Act_m, Inact_h, Act_n, I_syn_ex_pA, dI_syn_ex_pA_per_ms, I_syn_in_pA, dI_syn_in_pA_per_ms, refractory,
    in_ex, in_in, I_stim, dt_ms, substep_ms, half_ms, sodium, potassium, leak, per_pA, E_Na_mV, E_K_mV, E_L_mV,
    I_e_pA, P_ex, P_in, onset_ex, onset_in, mean_ex, mean_in, mean_rise_ex_ms, mean_rise_in_ms, refractory_steps,
):
    current = mean_ex * I_syn_ex_pA + mean_rise_ex_ms * dI_syn_ex_pA_per_ms
    current = current + mean_in * I_syn_in_pA + mean_rise_in_ms * dI_syn_in_pA_per_ms
    drive = (current + I_e_pA + I_stim) * per_pA + leak * E_L_mV
    v = V_m_mV
    m = Act_m
    h = Inact_h
    n = Act_n
    {substeps}
    spiked = refractory == 0 and v >= 0.0 and V_m_mV > v
    left = max(refractory - 1, 0)
    left = refractory_steps if spiked else left
    I_ex = P_ex * (I_syn_ex_pA + dt_ms * dI_syn_ex_pA_per_ms)
    I_in = P_in * (I_syn_in_pA + dt_ms * dI_syn_in_pA_per_ms)
    dI_ex = P_ex * dI_syn_ex_pA_per_ms + onset_ex * in_ex
    dI_in = P_in * dI_syn_in_pA_per_ms + onset_in * in_in
    I_ex = 0.0 if abs(I_ex) < 1e-15 else I_ex
    I_in = 0.0 if abs(I_in) < 1e-15 else I_in
    dI_ex = 0.0 if abs(dI_ex) < 1e-15 else dI_ex
    dI_in = 0.0 if abs(dI_in) < 1e-15 else dI_in
    return v, m, h, n, I_ex, dI_ex, I_in, dI_in, left, spiked
"""


class HhPscAlpha(NeuronModel):
    """NEST's `hh_psc_alpha` with a fixed scheme instead of an adaptive one."""

    name = "hh_psc_alpha"
    summary = "Hodgkin-Huxley neuron with alpha-shaped excitatory and inhibitory currents"
    citation = (
        "Hodgkin, Huxley 1952 (doi:10.1113/jphysiol.1952.sp004764), rates and defaults as in NEST 3.10, hh_psc_alpha "
        "(Gerstner, Kistler 2002; Dayan, Abbott 2001)"
    )
    integration = (
        SCHEME + "The synaptic currents are integrated exactly; their mean over the step drives V. " + DETECTION
    )
    equations = (
        "C_m dV/dt = -g_Na m^3 h (V - E_Na) - g_K n^4 (V - E_K) - g_L (V - E_L) + I_ex + I_in + I_e + I_stim\n"
        "dx/dt = alpha_x(V) (1 - x) - beta_x(V) x,   x = m, h, n\n"
        "alpha_m = 0.1 (V + 40) / (1 - exp(-(V + 40) / 10))     beta_m = 4 exp(-(V + 65) / 18)\n"
        "alpha_h = 0.07 exp(-(V + 65) / 20)                     beta_h = 1 / (1 + exp(-(V + 35) / 10))\n"
        "alpha_n = 0.01 (V + 55) / (1 - exp(-(V + 55) / 10))    beta_n = 0.125 exp(-(V + 65) / 80)\n"
        "I_x(t) = sum_k w_k (t - t_k) / tau_syn_x exp(1 - (t - t_k) / tau_syn_x),   x = ex, in"
    )
    parameters = (
        *channels(100.0, 12000.0, 3600.0, 30.0, -77.0, -54.402),
        Parameter("tau_syn_ex_ms", "ms", 0.2, "rise time of the excitatory current", low=0.0, open_low=True),
        Parameter("tau_syn_in_ms", "ms", 2.0, "rise time of the inhibitory current", low=0.0, open_low=True),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential", default=-65.0),
        *GATES,
        State("I_syn_ex_pA", "pA", "excitatory synaptic current"),
        State("dI_syn_ex_pA_per_ms", "pA/ms", "its rise"),
        State("I_syn_in_pA", "pA", "inhibitory synaptic current (negative for negative weights)"),
        State("dI_syn_in_pA_per_ms", "pA/ms", "its rise"),
        REFRACTORY,
    )
    derived = (
        *CONSTANTS,
        *(
            row
            for port in ("ex", "in")
            for row in (
                Derived(f"P_{port}", "1", f"decay of the current of port {port} over one step"),
                Derived(f"onset_{port}", "1/ms", f"e / tau_syn_{port}: a weight to the rise of its current"),
                Derived(f"mean_{port}", "1", "current at the start to its mean over the step"),
                Derived(f"mean_rise_{port}_ms", "ms", "rise at the start to the mean of the current over the step"),
            )
        ),
    )
    functions = (relaxed, bernoulli, slow, fast, m_gate, h_gate, n_gate, voltage)
    synaptic_currents = (Current("I_syn_ex_pA"), Current("I_syn_in_pA"))
    receptors = (
        Receptor("ex", "pA", "current with tau_syn_ex_ms; weights (the peak) of either sign", channel=0),
        Receptor("in", "pA", "current with tau_syn_in_ms; weights (the peak) of either sign", channel=1),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Substeps, and the exact solution of the alpha currents."""
        constants = derive_channels(p, dt_ms)
        for port in ("ex", "in"):
            tau = p[f"tau_syn_{port}_ms"]
            P = np.exp(-dt_ms / tau)
            constants[f"P_{port}"] = P
            constants[f"onset_{port}"] = np.e / tau
            constants[f"mean_{port}"] = mean_decay(tau, dt_ms)
            constants[f"mean_rise_{port}_ms"] = tau * (mean_decay(tau, dt_ms) - P)
        return constants

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """Gates in equilibrium with V_m."""
        V = np.asarray(initial["V_m_mV"], dtype=np.float64)
        return equilibrium(
            {
                "Act_m": (bernoulli_float64((V + 40.0) / 10.0), 4.0 * np.exp(-(V + 65.0) / 18.0)),
                "Inact_h": (0.07 * np.exp(-(V + 65.0) / 20.0), 1.0 / (1.0 + np.exp(-(V + 35.0) / 10.0))),
                "Act_n": (0.1 * bernoulli_float64((V + 55.0) / 10.0), 0.125 * np.exp(-(V + 65.0) / 80.0)),
            }
        )

    def largest_dt_ms(self, p: Values) -> float:
        """The substeps must resolve a spike."""
        return LARGEST_DT_MS

    update = staticmethod(
        function_from_text(_UPDATE.format(substeps=substeps_text("sodium, potassium, leak, E_Na_mV, E_K_mV")), name)
    )
