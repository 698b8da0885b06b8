"""Simple model of Izhikevich's book (2007) in physical units, with exponential currents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.language.elementary import log
from dtbsim.models.neurons.ode_common import mean_decay, refuse_order
from dtbsim.models.neurons.riccati import EXACT_FLOW, passage, tan_ratio
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

LARGEST_DT_MS = 1.0
LARGEST_RECOVERY = 0.5
"""Longest time step: 1 ms, the book's, and half of 1 / a."""


class Izhikevich2007(NeuronModel):
    """C V' = k (V - V_r)(V - V_t) - u + I, u' = a (b (V - V_r) - u)."""

    name = "izhikevich_2007"
    summary = "Izhikevich 2007: the simple model in physical units, with exponential synaptic currents"
    citation = (
        "Izhikevich 2007, Dynamical Systems in Neuroscience, chapter 8 (doi:10.7551/mitpress/2526.001.0001); defaults: "
        "the regular spiking cell of figure 8.12"
    )
    integration = (
        "second order: V with u at the middle of the step and the mean synaptic current, "
        + EXACT_FLOW
        + "; then u exactly for the mean of V over the step. V reaches V_peak at a known time within the step: there "
        "V = c, u = u + d, and the rest of the step starts from c (Taylor, second order). At most one spike per step. "
        "The synaptic currents decay exactly; below 1e-15 pA they are set to 0. Needs dt <= min(1 ms, 0.5 / a). The "
        "book's own programs use forward Euler at 1 ms, whose spikes differ"
    )
    equations = (
        "C_m dV/dt = k (V - V_r)(V - V_t) - u + I_ex + I_in + I_e + I_stim\n"
        "du/dt = a (b (V - V_r) - u)\n"
        "dI_x/dt = -I_x / tau_syn_x + sum_k w_k delta(t - t_k),   x = ex, in\n"
        "V >= V_peak:  V = c, u = u + d"
    )
    parameters = (
        Parameter("C_m_pF", "pF", 100.0, "membrane capacitance", low=0.0, open_low=True),
        Parameter("k", "nS/mV", 0.7, "curvature of the current-voltage relation", low=0.0, open_low=True),
        Parameter("V_r_mV", "mV", -60.0, "resting potential"),
        Parameter("V_t_mV", "mV", -40.0, "instantaneous threshold"),
        Parameter("V_peak_mV", "mV", 35.0, "peak at which a spike is detected"),
        Parameter("a", "1/ms", 0.03, "rate of recovery"),
        Parameter("b_nS", "nS", -2.0, "sensitivity of the recovery to V_m"),
        Parameter("c_mV", "mV", -50.0, "potential after a spike"),
        Parameter("d_pA", "pA", 100.0, "jump of the recovery current at a spike"),
        Parameter("tau_syn_ex_ms", "ms", 2.0, "time constant of the excitatory current", low=0.0, open_low=True),
        Parameter("tau_syn_in_ms", "ms", 2.0, "time constant of the inhibitory current", low=0.0, open_low=True),
        Parameter("I_e_pA", "pA", 0.0, "constant input current"),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential (kept relative to V_r_mV)", default="V_r_mV", offset="V_r_mV"),
        State("u_pA", "pA", "recovery current", starts_at="b (V_m_mV - V_r_mV)"),
        State("I_syn_ex_pA", "pA", "excitatory synaptic current"),
        State("I_syn_in_pA", "pA", "inhibitory synaptic current (negative for negative weights)"),
    )
    derived = (
        Derived("speed", "1/mV", "k dt / C_m"),
        Derived("per_speed_mV", "mV", "C_m / (k dt)"),
        Derived("per_k", "mV/nS", "1 / k"),
        Derived("center_mV", "mV", "(V_t - V_r) / 2"),
        Derived("center_square", "mV^2", "its square"),
        Derived("peak_mV", "mV", "V_peak relative to the center of the parabola"),
        Derived("reset_mV", "mV", "c relative to the center of the parabola"),
        Derived("rate", "1", "a dt"),
        Derived("approach", "1", "1 - exp(-a dt)"),
        Derived("P_ex", "1", "decay of the excitatory current over one step"),
        Derived("P_in", "1", "decay of the inhibitory current over one step"),
        Derived("mean_ex", "1", "excitatory current at the start to its mean over the step"),
        Derived("mean_in", "1", "inhibitory current at the start to its mean over the step"),
    )
    functions = (tan_ratio, passage)
    synaptic_currents = (Current("I_syn_ex_pA"), Current("I_syn_in_pA"))
    receptors = (
        Receptor("ex", "pA", "current with tau_syn_ex_ms; weights of either sign", channel=0),
        Receptor("in", "pA", "current with tau_syn_in_ms; weights of either sign", channel=1),
    )

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Constants of the parabola and of the linear parts."""
        center = 0.5 * (p["V_t_mV"] - p["V_r_mV"])
        middle = p["V_r_mV"] + center
        constants: Constants = {
            "speed": p["k"] * dt_ms / p["C_m_pF"],
            "per_speed_mV": p["C_m_pF"] / (p["k"] * dt_ms),
            "per_k": 1.0 / p["k"],
            "center_mV": center,
            "center_square": center**2,
            "peak_mV": p["V_peak_mV"] - middle,
            "reset_mV": p["c_mV"] - middle,
            "rate": p["a"] * dt_ms,
            "approach": -np.expm1(-p["a"] * dt_ms),
        }
        for port in ("ex", "in"):
            tau = p[f"tau_syn_{port}_ms"]
            constants[f"P_{port}"] = np.exp(-dt_ms / tau)
            constants[f"mean_{port}"] = mean_decay(tau, dt_ms)
        return constants

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """The recovery starts on its nullcline."""
        return {"u_pA": p["b_nS"] * (initial["V_m_mV"] - p["V_r_mV"])}

    def check_together(self, p: Values, dt_ms: float) -> None:
        """c < V_peak and V_r <= V_t < V_peak."""
        refuse_order(p, "c_mV", "<", "V_peak_mV")
        refuse_order(p, "V_r_mV", "<=", "V_t_mV")
        refuse_order(p, "V_t_mV", "<", "V_peak_mV")

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """The book's 1 ms, and what resolves the recovery."""
        return np.minimum(LARGEST_DT_MS, LARGEST_RECOVERY / np.maximum(p["a"], 1e-9))

    @staticmethod
    def update(
        V_m_mV: float,
        u_pA: float,
        I_syn_ex_pA: float,
        I_syn_in_pA: float,
        in_ex: float,
        in_in: float,
        I_stim: float,
        I_e_pA: float,
        b_nS: float,
        d_pA: float,
        speed: float,
        per_speed_mV: float,
        per_k: float,
        center_mV: float,
        center_square: float,
        peak_mV: float,
        reset_mV: float,
        rate: float,
        approach: float,
        P_ex: float,
        P_in: float,
        mean_ex: float,
        mean_in: float,
    ) -> tuple[float, float, float, float, bool]:
        """V by the flow of dx = x^2 + q, then what a spike within the step changes, then u."""
        x = V_m_mV - center_mV
        u_middle = u_pA + 0.5 * rate * (b_nS * V_m_mV - u_pA)
        current = I_e_pA + I_stim + mean_ex * I_syn_ex_pA + mean_in * I_syn_in_pA
        q = (current - u_middle) * per_k - center_square
        time = speed * tan_ratio(q * speed * speed)
        above = x + q * time
        below = 1.0 - x * time
        spiked = above >= peak_mV * below or x >= peak_mV
        reached = above / (1.0 if spiked else below)

        moment = passage((peak_mV - x) / max(q + x * peak_mV, 1e-6), q) * per_speed_mV
        moment = max(min(moment, 1.0), 0.0)
        rest = 1.0 - moment
        climbed = 0.5 * per_speed_mV * log(max(q + peak_mV * peak_mV, 1e-6) / max(q + x * x, 1e-6))
        q_after = (current - u_pA - d_pA) * per_k - center_square
        way = rest * speed
        restarted = min(reset_mV + way * (reset_mV * reset_mV + q_after) * (1.0 + reset_mV * way), peak_mV)
        spike_mean = (climbed if moment > 0.0 else 0.0) + rest * 0.5 * (reset_mV + restarted)

        y = restarted if spiked else reached
        mean = (spike_mean if spiked else 0.5 * (x + y)) + center_mV
        u_pA = u_pA + approach * (b_nS * mean - u_pA)
        u_pA = u_pA + (d_pA * (1.0 - rest * rate) if spiked else 0.0)
        I_syn_ex_pA = I_syn_ex_pA * P_ex + in_ex
        I_syn_in_pA = I_syn_in_pA * P_in + in_in
        I_syn_ex_pA = 0.0 if abs(I_syn_ex_pA) < 1e-15 else I_syn_ex_pA
        I_syn_in_pA = 0.0 if abs(I_syn_in_pA) < 1e-15 else I_syn_in_pA
        v = y + center_mV
        v = 0.0 if abs(v) < 1e-15 else v
        return v, u_pA, I_syn_ex_pA, I_syn_in_pA, spiked
