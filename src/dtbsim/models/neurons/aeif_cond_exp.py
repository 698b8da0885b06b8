"""Adaptive exponential integrate-and-fire neuron with exponential conductances: NEST's `aeif_cond_exp`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.integration import refractory_steps
from dtbsim.models.language.elementary import exp, log
from dtbsim.models.neurons.ode_common import PADE, refuse_order, relaxed
from dtbsim.models.tables import Current, Derived, Parameter, Receptor, State

LARGEST_DT = 0.2
"""Longest time step in units of the shorter of C_m / g_L and tau_w: beyond, the splitting is no longer accurate."""


class AeifCondExp(NeuronModel):
    """NEST's `aeif_cond_exp` for Delta_T > 0, with a fixed scheme instead of an adaptive one."""

    name = "aeif_cond_exp"
    summary = "Adaptive exponential integrate-and-fire neuron (AdEx) with exponential conductances"
    citation = "Brette, Gerstner 2005 (doi:10.1152/jn.00686.2005); defaults of NEST 3.10, aeif_cond_exp"
    integration = (
        "Strang splitting, second order: half a step of the part that is linear in V (leak, mean synaptic conductance "
        "of the half step, currents), one step of the exponential part in closed form, half a step of the linear "
        f"part; the linear part is solved {PADE}. "
        "The closed form reaches infinity at a known time within the step: there V is reset and w jumps by b, and the "
        "rest of the step starts at V_reset, as in NEST; with t_ref > 0, V stays at V_reset for that rest and for "
        "ceil(t_ref / dt) steps, while w and the conductances go on. At most one spike per step. Against NEST at "
        "dt 0.1 ms: spikes within 2 steps over 1 s, V below threshold within 0.005 mV, 0.02 mV where conductances of "
        "0.2 ms jump by 30 nS (tests/parity). Needs dt <= 0.2 min(C_m / g_L, tau_w). Conductances, w and V - E_L "
        "below 1e-15 are set to 0"
    )
    equations = (
        "C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th) / Delta_T) - g_ex (V - E_ex) - g_in (V - E_in)\n"
        "            - w + I_e + I_stim\n"
        "tau_w dw/dt = a (V - E_L) - w\n"
        "dg_x/dt = -g_x / tau_syn_x + sum_k w_k delta(t - t_k),   x = ex, in\n"
        "V >= V_peak:  V = V_reset, w = w + b"
    )
    parameters = (
        Parameter("C_m_pF", "pF", 281.0, "membrane capacitance", low=0.0, open_low=True),
        Parameter("g_L_nS", "nS", 30.0, "leak conductance", low=0.0, open_low=True),
        Parameter("E_L_mV", "mV", -70.6, "leak reversal potential"),
        Parameter("V_th_mV", "mV", -50.4, "threshold of the exponential upstroke"),
        Parameter("Delta_T_mV", "mV", 2.0, "slope factor of the upstroke", low=0.0, open_low=True),
        Parameter("V_peak_mV", "mV", 0.0, "potential at which a spike is detected"),
        Parameter("V_reset_mV", "mV", -60.0, "potential after a spike and during refractoriness"),
        Parameter("t_ref_ms", "ms", 0.0, "refractory period, rounded up to whole steps", low=0.0),
        Parameter("a_nS", "nS", 4.0, "adaptation below threshold"),
        Parameter("b_pA", "pA", 80.5, "jump of the adaptation current at a spike"),
        Parameter("tau_w_ms", "ms", 144.0, "time constant of the adaptation", low=0.0, open_low=True),
        Parameter("E_ex_mV", "mV", 0.0, "reversal potential of the excitatory conductance"),
        Parameter("E_in_mV", "mV", -85.0, "reversal potential of the inhibitory conductance"),
        Parameter("tau_syn_ex_ms", "ms", 0.2, "time constant of the excitatory conductance", low=0.0, open_low=True),
        Parameter("tau_syn_in_ms", "ms", 2.0, "time constant of the inhibitory conductance", low=0.0, open_low=True),
        Parameter("I_e_pA", "pA", 0.0, "constant input current"),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential (kept relative to E_L_mV)", default="E_L_mV", offset="E_L_mV"),
        State("w_pA", "pA", "adaptation current"),
        State("g_ex_nS", "nS", "excitatory conductance"),
        State("g_in_nS", "nS", "inhibitory conductance"),
        State("refractory", "steps", "steps left in the refractory period", dtype="i32"),
    )
    derived = (
        Derived("leak", "1", "g_L over half a step / C_m"),
        Derived("per_pA", "mV/pA", "half a step / C_m"),
        Derived("first_ex", "1/nS", "excitatory conductance at the start to its integral over the first half / C_m"),
        Derived("second_ex", "1/nS", "the same for the second half"),
        Derived("first_in", "1/nS", "inhibitory conductance at the start to its integral over the first half / C_m"),
        Derived("second_in", "1/nS", "the same for the second half"),
        Derived("P_ex", "1", "decay of the excitatory conductance over one step"),
        Derived("P_in", "1", "decay of the inhibitory conductance over one step"),
        Derived("E_ex_rel_mV", "mV", "E_ex - E_L"),
        Derived("E_in_rel_mV", "mV", "E_in - E_L"),
        Derived("per_Delta", "1/mV", "1 / Delta_T"),
        Derived("onset", "1", "(V_th - E_L) / Delta_T"),
        Derived("growth", "1", "dt g_L / C_m"),
        Derived("late", "1", "part of a step that the upstroke from V_peak to infinity takes"),
        Derived("peak_mV", "mV", "V_peak - E_L"),
        Derived("reset_mV", "mV", "V_reset - E_L"),
        Derived("upswing_mV", "mV", "what the exponential part adds to V_reset over one step, first order"),
        Derived("rate_w", "1", "dt / tau_w"),
        Derived("approach_w", "1", "1 - exp(-dt / tau_w)"),
        Derived("refractory_steps", "steps", "t_ref in steps", dtype="i32"),
    )
    functions = (relaxed,)
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
        """Factors of the split steps."""
        C, E_L, Delta, half = p["C_m_pF"], p["E_L_mV"], p["Delta_T_mV"], 0.5 * dt_ms
        growth = dt_ms * p["g_L_nS"] / C
        above = np.minimum((p["V_reset_mV"] - p["V_th_mV"]) / Delta, 80.0)
        constants: Constants = {
            "leak": 0.5 * growth,
            "per_pA": half / C,
            "per_Delta": 1.0 / Delta,
            "onset": (p["V_th_mV"] - E_L) / Delta,
            "growth": growth,
            "late": np.exp(-(p["V_peak_mV"] - p["V_th_mV"]) / Delta) / growth,
            "peak_mV": p["V_peak_mV"] - E_L,
            "reset_mV": p["V_reset_mV"] - E_L,
            "upswing_mV": growth * Delta * np.exp(above),
            "rate_w": dt_ms / p["tau_w_ms"],
            "approach_w": -np.expm1(-dt_ms / p["tau_w_ms"]),
            "refractory_steps": refractory_steps(p["t_ref_ms"], dt_ms),
        }
        for port in ("ex", "in"):
            tau = p[f"tau_syn_{port}_ms"]
            first = -np.expm1(-half / tau) * tau / C
            constants[f"first_{port}"] = first
            constants[f"second_{port}"] = first * np.exp(-half / tau)
            constants[f"P_{port}"] = np.exp(-dt_ms / tau)
            constants[f"E_{port}_rel_mV"] = p[f"E_{port}_mV"] - E_L
        return constants

    def check_together(self, p: Values, dt_ms: float) -> None:
        """V_reset < V_peak and V_th <= V_peak."""
        refuse_order(p, "V_reset_mV", "<", "V_peak_mV")
        refuse_order(p, "V_th_mV", "<=", "V_peak_mV")

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """What the splitting resolves."""
        return LARGEST_DT * np.minimum(p["C_m_pF"] / p["g_L_nS"], p["tau_w_ms"])

    @staticmethod
    def update(
        V_m_mV: float,
        w_pA: float,
        g_ex_nS: float,
        g_in_nS: float,
        refractory: int,
        in_ex: float,
        in_in: float,
        I_stim: float,
        I_e_pA: float,
        leak: float,
        per_pA: float,
        first_ex: float,
        second_ex: float,
        first_in: float,
        second_in: float,
        P_ex: float,
        P_in: float,
        E_ex_rel_mV: float,
        E_in_rel_mV: float,
        Delta_T_mV: float,
        per_Delta: float,
        onset: float,
        growth: float,
        late: float,
        peak_mV: float,
        reset_mV: float,
        upswing_mV: float,
        a_nS: float,
        b_pA: float,
        rate_w: float,
        approach_w: float,
        refractory_steps: int,
    ) -> tuple[float, float, float, float, int, bool]:
        """Half linear, exponential, half linear; then what a spike within the step changes."""
        w_middle = w_pA + 0.5 * rate_w * (a_nS * V_m_mV - w_pA)
        drive = (I_e_pA + I_stim - w_middle) * per_pA
        ex = g_ex_nS * first_ex
        inh = g_in_nS * first_in
        before = relaxed(V_m_mV, leak + ex + inh, drive + ex * E_ex_rel_mV + inh * E_in_rel_mV)
        grown = growth * exp(min(before * per_Delta - onset, 80.0))
        left_over = max(1.0 - grown, 1e-30)
        after = before - Delta_T_mV * log(left_over)
        ex = g_ex_nS * second_ex
        inh = g_in_nS * second_in
        rate = leak + ex + inh
        pull = drive + ex * E_ex_rel_mV + inh * E_in_rel_mV
        v = relaxed(after, rate, pull)
        spiked = refractory == 0 and (left_over <= 1e-30 or v >= peak_mV)

        moment = 1.0 / max(grown, 1e-30) - late
        moment = moment * (1.0 + (1.0 - moment) * (before - V_m_mV) * per_Delta)
        moment = max(min(moment, 1.0), 0.0)
        rest = 1.0 - moment
        pull = pull - (w_pA + b_pA - w_middle) * per_pA
        rise = rest * (2.0 * (pull - rate * reset_mV) + upswing_mV)
        bend = rest * (upswing_mV * per_Delta - 2.0 * rate)
        restarted = min(reset_mV + rise * (1.0 + 0.5 * bend), peak_mV)
        restarted = restarted if refractory_steps == 0 else reset_mV
        spike_mean = moment * (V_m_mV + Delta_T_mV) + rest * 0.5 * (reset_mV + restarted)

        v = restarted if spiked else v
        mean = spike_mean if spiked else 0.5 * (V_m_mV + v)
        v = v if refractory == 0 else reset_mV
        mean = mean if refractory == 0 else reset_mV
        w = w_pA + approach_w * (a_nS * mean - w_pA)
        w = w + (b_pA * (1.0 - rest * rate_w) if spiked else 0.0)
        left = max(refractory - 1, 0)
        left = refractory_steps if spiked else left
        g_ex_nS = g_ex_nS * P_ex + in_ex
        g_in_nS = g_in_nS * P_in + in_in
        g_ex_nS = 0.0 if abs(g_ex_nS) < 1e-15 else g_ex_nS
        g_in_nS = 0.0 if abs(g_in_nS) < 1e-15 else g_in_nS
        v = 0.0 if abs(v) < 1e-15 else v
        w = 0.0 if abs(w) < 1e-15 else w
        return v, w, g_ex_nS, g_in_nS, left, spiked
