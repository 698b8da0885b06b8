"""Hodgkin-Huxley neuron after Traub and Miles with exponential conductances: NEST's `hh_cond_exp_traub`."""

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


def slow(U: float) -> Any:
    """exp(-U / 40); its powers 8 and 10 are the other exponentials of the rates (bounded far from any spike)."""
    return exp(max(min(U, 300.0), -300.0) * -0.025)


def fast(U: float) -> Any:
    """exp(-U / 5)."""
    u = slow(U)
    u = u * u
    u = u * u
    return u * u


def m_gate(m: float, U: float, t: float) -> float:
    """m after t ms: alpha = 0.32 (U - 13) / (1 - exp((13 - U) / 4)), beta = 0.28 (U - 40) / (exp((U - 40) / 5) - 1)."""
    u = slow(U)
    alpha = 1.28 * bernoulli((U - 13.0) * 0.25, 25.790340 * fast(U) * (u * u))
    decay = 2980.9580 * fast(U)
    beta = 1.4 * decay * bernoulli((U - 40.0) * 0.2, decay)
    return relaxed(m, (alpha + beta) * t, alpha * t)


def h_gate(h: float, U: float, t: float) -> float:
    """h after t ms: alpha = 0.128 exp((17 - U) / 18), beta = 4 / (1 + exp((40 - U) / 5))."""
    alpha = 0.128 * exp((17.0 - max(min(U, 300.0), -300.0)) * 0.055555556)
    beta = 4.0 / (1.0 + 2980.9580 * fast(U))
    return relaxed(h, (alpha + beta) * t, alpha * t)


def n_gate(n: float, U: float, t: float) -> float:
    """n after t ms: alpha = 0.032 (U - 15) / (1 - exp((15 - U) / 5)), beta = 0.5 exp((10 - U) / 40)."""
    alpha = 0.16 * bernoulli((U - 15.0) * 0.2, 20.085537 * fast(U))
    return relaxed(n, (alpha + 0.64201271 * slow(U)) * t, alpha * t)


_UPDATE = """\
def update(
    V_m_mV, Act_m, Inact_h, Act_n, g_ex_nS, g_in_nS, refractory, in_ex, in_in, I_stim, substep_ms, half_ms, sodium,
    potassium, leak, per_pA, E_Na_rel_mV, E_K_rel_mV, E_L_rel_mV, E_ex_rel_mV, E_in_rel_mV, I_e_pA, P_ex, P_in,
    mean_ex, mean_in, refractory_steps,
):
    ex = mean_ex * g_ex_nS
    inh = mean_in * g_in_nS
    passive = leak + ex + inh
    drive = (I_e_pA + I_stim) * per_pA + leak * E_L_rel_mV + ex * E_ex_rel_mV + inh * E_in_rel_mV
    v = V_m_mV
    m = Act_m
    h = Inact_h
    n = Act_n
    {substeps}
    spiked = refractory == 0 and v >= 30.0 and V_m_mV > v
    left = max(refractory - 1, 0)
    left = refractory_steps if spiked else left
    g_ex_nS = g_ex_nS * P_ex + in_ex
    g_in_nS = g_in_nS * P_in + in_in
    g_ex_nS = 0.0 if abs(g_ex_nS) < 1e-15 else g_ex_nS
    g_in_nS = 0.0 if abs(g_in_nS) < 1e-15 else g_in_nS
    return v, m, h, n, g_ex_nS, g_in_nS, left, spiked
"""


class HhCondExpTraub(NeuronModel):
    """NEST's `hh_cond_exp_traub` with a fixed scheme instead of an adaptive one."""

    name = "hh_cond_exp_traub"
    summary = "Hodgkin-Huxley neuron after Traub and Miles with exponential conductances"
    citation = (
        "Traub, Miles 1991, as modified by Brette et al. 2007 (doi:10.1007/s10827-007-0038-6); defaults of NEST 3.10, "
        "hh_cond_exp_traub"
    )
    integration = (
        SCHEME + "The conductances decay exactly; their mean over the step acts on V. " + DETECTION + ". The gates "
        "start in equilibrium at V_m (NEST: at E_L taken as V - V_T)"
    )
    equations = (
        "C_m dV/dt = -g_Na m^3 h (V - E_Na) - g_K n^4 (V - E_K) - g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in)\n"
        "            + I_e + I_stim\n"
        "dx/dt = alpha_x(U) (1 - x) - beta_x(U) x,   x = m, h, n,   U = V - V_T\n"
        "alpha_m = 0.32 (13 - U) / (exp((13 - U) / 4) - 1)     beta_m = 0.28 (U - 40) / (exp((U - 40) / 5) - 1)\n"
        "alpha_h = 0.128 exp((17 - U) / 18)                    beta_h = 4 / (1 + exp((40 - U) / 5))\n"
        "alpha_n = 0.032 (15 - U) / (exp((15 - U) / 5) - 1)    beta_n = 0.5 exp((10 - U) / 40)\n"
        "dg_x/dt = -g_x / tau_syn_x + sum_k w_k delta(t - t_k),   x = ex, in\n"
        "a spike is a maximum of V at or above V_T + 30 mV"
    )
    parameters = (
        *channels(200.0, 20000.0, 6000.0, 10.0, -90.0, -60.0),
        Parameter("V_T_mV", "mV", -63.0, "shift of the rates; the threshold is about 13 mV higher"),
        Parameter("E_ex_mV", "mV", 0.0, "reversal potential of the excitatory conductance"),
        Parameter("E_in_mV", "mV", -80.0, "reversal potential of the inhibitory conductance"),
        Parameter("tau_syn_ex_ms", "ms", 5.0, "time constant of the excitatory conductance", low=0.0, open_low=True),
        Parameter("tau_syn_in_ms", "ms", 10.0, "time constant of the inhibitory conductance", low=0.0, open_low=True),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential (kept relative to V_T_mV)", default="E_L_mV", offset="V_T_mV"),
        *GATES,
        State("g_ex_nS", "nS", "excitatory conductance"),
        State("g_in_nS", "nS", "inhibitory conductance"),
        REFRACTORY,
    )
    derived = (
        *CONSTANTS,
        Derived("E_Na_rel_mV", "mV", "E_Na - V_T"),
        Derived("E_K_rel_mV", "mV", "E_K - V_T"),
        Derived("E_L_rel_mV", "mV", "E_L - V_T"),
        Derived("E_ex_rel_mV", "mV", "E_ex - V_T"),
        Derived("E_in_rel_mV", "mV", "E_in - V_T"),
        Derived("P_ex", "1", "decay of the excitatory conductance over one step"),
        Derived("P_in", "1", "decay of the inhibitory conductance over one step"),
        Derived("mean_ex", "1/nS", "excitatory conductance at the start to its mean over the step, substep / C_m"),
        Derived("mean_in", "1/nS", "inhibitory conductance at the start to its mean over the step, substep / C_m"),
    )
    functions = (relaxed, bernoulli, slow, fast, m_gate, h_gate, n_gate, voltage)
    synaptic_currents = (
        Current("g_ex_nS", "E_ex_mV", effect="excites"),
        Current("g_in_nS", "E_in_mV", effect="inhibits"),
    )
    receptors = (
        Receptor("ex", "nS", "conductance with tau_syn_ex_ms; not below 0", channel=0, takes="positive"),
        Receptor(
            "in",
            "nS",
            "conductance with tau_syn_in_ms; may be given below 0 as in NEST, its size counts",
            channel=1,
            takes="size",
        ),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Substeps, and mean conductances over a step."""
        constants = derive_channels(p, dt_ms)
        for name in ("E_Na", "E_K", "E_L", "E_ex", "E_in"):
            constants[f"{name}_rel_mV"] = p[f"{name}_mV"] - p["V_T_mV"]
        for port in ("ex", "in"):
            tau = p[f"tau_syn_{port}_ms"]
            constants[f"P_{port}"] = np.exp(-dt_ms / tau)
            constants[f"mean_{port}"] = mean_decay(tau, dt_ms) * constants["per_pA"]
        return constants

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """Gates in equilibrium with V_m."""
        U = np.asarray(initial["V_m_mV"] - p["V_T_mV"], dtype=np.float64)
        return equilibrium(
            {
                "Act_m": (1.28 * bernoulli_float64((U - 13.0) / 4.0), 1.4 * bernoulli_float64((40.0 - U) / 5.0)),
                "Inact_h": (0.128 * np.exp((17.0 - U) / 18.0), 4.0 / (1.0 + np.exp((40.0 - U) / 5.0))),
                "Act_n": (0.16 * bernoulli_float64((U - 15.0) / 5.0), 0.5 * np.exp((10.0 - U) / 40.0)),
            }
        )

    def largest_dt_ms(self, p: Values) -> float:
        """The substeps must resolve a spike."""
        return LARGEST_DT_MS

    update = staticmethod(
        function_from_text(
            _UPDATE.format(substeps=substeps_text("sodium, potassium, passive, E_Na_rel_mV, E_K_rel_mV")), name
        )
    )
