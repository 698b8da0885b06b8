"""Quadratic integrate-and-fire neuron in the conventions of Montbrio, Pazo, Roxin (2015)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.neurons.ode_common import refuse_order
from dtbsim.models.neurons.riccati import EXACT_FLOW, passage, tan_ratio
from dtbsim.models.tables import Derived, Parameter, Receptor, State

LARGEST_DT = 0.1
"""Longest time step in units of tau_m: input is constant over a step, and one spike per step at most."""


class Qif(NeuronModel):
    """tau V' = V^2 + eta + I with spikes at V_peak, reset to V_reset, and a pause for the way through infinity."""

    name = "qif"
    summary = "Quadratic integrate-and-fire neuron, without dimensions but for the time"
    citation = "Montbrio, Pazo, Roxin 2015 (doi:10.1103/PhysRevX.5.021028)"
    integration = (
        EXACT_FLOW + ". V reaches V_peak at a known time within the step; from there V is V_reset for exactly t_ref, "
        "counted in fractions of a step, and the flow goes on for the rest of the step. The spike belongs to the step "
        "in which V_peak is reached; in the paper it is where V passes infinity, t_ref / 2 later. t_ref = 2 tau_m / "
        "V_peak with V_reset = -V_peak is the time from V_peak through infinity to V_reset (the paper's choice, with "
        "V_peak = 100). A weight is a jump of V at the end of the step in which it arrives; in t_ref it is lost. At "
        "most one spike per step. Needs dt <= 0.1 tau_m"
    )
    equations = (
        "tau_m dV/dt = V^2 + eta + I_e + I_stim + tau_m sum_k w_k delta(t - t_k)\n"
        "V >= V_peak:  V = V_reset for t_ref\n"
        "(the paper's J s(t) is w = J / N for every spike of N neurons)"
    )
    parameters = (
        Parameter("tau_m_ms", "ms", 10.0, "membrane time constant", low=0.0, open_low=True),
        Parameter("eta", "1", -5.0, "excitability; neurons with eta > 0 fire by themselves"),
        Parameter("V_peak", "1", 100.0, "potential at which a spike is detected"),
        Parameter("V_reset", "1", -100.0, "potential after a spike"),
        Parameter("t_ref_ms", "ms", 0.2, "time at V_reset after a spike", low=0.0),
        Parameter("I_e", "1", 0.0, "constant input current"),
    )
    states = (
        State("V_m", "1", "membrane potential", default=-2.0),
        State("pause_ms", "ms", "time left at V_reset"),
    )
    derived = (Derived("per_tau", "1/ms", "1 / tau_m"),)
    functions = (tan_ratio, passage)
    receptors = (Receptor("syn", "1", "jump of V", channel=0),)
    current_unit = "1"

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """The reciprocal of the time constant."""
        return {"per_tau": 1.0 / p["tau_m_ms"]}

    def check_together(self, p: Values, dt_ms: float) -> None:
        """V_reset < V_peak."""
        refuse_order(p, "V_reset", "<", "V_peak")

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """Well below tau_m."""
        return LARGEST_DT * p["tau_m_ms"]

    @staticmethod
    def update(
        V_m: float,
        pause_ms: float,
        in_syn: float,
        I_stim: float,
        dt_ms: float,
        per_tau: float,
        tau_m_ms: float,
        eta: float,
        I_e: float,
        V_peak: float,
        V_reset: float,
        t_ref_ms: float,
    ) -> tuple[float, float, bool]:
        """The flow for the part of the step that is left after the pause; after a spike the pause, then the flow."""
        q = eta + I_e + I_stim
        free = max(dt_ms - pause_ms, 0.0)
        span = free * per_tau
        T = span * tan_ratio(q * span * span)
        above = V_m + q * T
        below = 1.0 - V_m * T
        spiked = free > 0.0 and (above >= V_peak * below or V_m >= V_peak)
        reached = above / (1.0 if spiked else below)

        passed = passage((V_peak - V_m) / max(q + V_m * V_peak, 1e-6), q) * tau_m_ms
        left = free - max(min(passed, free), 0.0) - t_ref_ms
        span = max(left, 0.0) * per_tau
        T = span * tan_ratio(q * span * span)
        restarted = (V_reset + q * T) / max(1.0 - V_reset * T, 1e-6)

        v = restarted if spiked else reached
        pause = max(-left, 0.0) if spiked else max(pause_ms - dt_ms, 0.0)
        v = v if pause > 0.0 else v + in_syn
        v = 0.0 if abs(v) < 1e-15 else v
        return v, pause, spiked
