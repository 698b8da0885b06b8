"""Simple model of Izhikevich (2003)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.tables import Derived, Parameter, Receptor, State

LARGEST_DT_MS = 1.0
"""The scheme was published for 1 ms; beyond, the quadratic term makes explicit steps unstable."""


class Izhikevich(NeuronModel):
    """Two-variable neuron with quadratic spike upstroke; NEST's `izhikevich` with `consistent_integration` false."""

    name = "izhikevich"
    summary = "Izhikevich 2003: two variables, spiking and bursting patterns by four parameters"
    citation = "Izhikevich 2003 (doi:10.1109/TNN.2003.820440)"
    integration = (
        "the scheme of the paper: two half steps of forward Euler for V_m, then one step for u with the new V_m; "
        "where V_m >= V_th at the end of the step, the neuron spikes, V_m = c, u = u + d. Needs dt <= 1 ms. Input that "
        "arrives in a step acts as the current weight / dt during that step, so a weight is a voltage kick in mV; "
        "at dt = 1 ms this is the paper's code and NEST's `izhikevich` with consistent_integration = false"
    )
    equations = (
        "dV/dt = 0.04 V^2 + 5 V + 140 - u + I_e + I_stim + sum_k w_k delta(t - t_k)\n"
        "du/dt = a (b V - u)\n"
        "V >= V_th:  V = c, u = u + d"
    )
    parameters = (
        Parameter("a", "1/ms", 0.02, "rate of recovery"),
        Parameter("b", "1/ms", 0.2, "sensitivity of the recovery to V_m"),
        Parameter("c_mV", "mV", -65.0, "potential after a spike"),
        Parameter("d", "mV/ms", 8.0, "jump of the recovery at a spike"),
        Parameter("V_th_mV", "mV", 30.0, "peak at which a spike is detected"),
        Parameter("I_e_mV_per_ms", "mV/ms", 0.0, "constant input current, in the paper's unit"),
    )
    states = (
        State("V_m_mV", "mV", "membrane potential", default=-65.0),
        State("u", "mV/ms", "recovery", starts_at="b V_m_mV"),
    )
    derived = (
        Derived("half_dt_ms", "ms", "half a step"),
        Derived("recovery", "1", "a dt"),
        Derived("per_dt", "1/ms", "current of a kick of 1 mV"),
    )
    receptors = (Receptor("syn", "mV", "voltage kick, spread over the step in which it arrives", channel=0),)
    current_unit = "mV/ms"

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Step sizes."""
        return {"half_dt_ms": 0.5 * dt_ms, "recovery": p["a"] * dt_ms, "per_dt": 1.0 / dt_ms}

    def derive_initial(self, p: Values, initial: Mapping[str, Any]) -> Constants:
        """The paper starts the recovery at b V_m."""
        return {"u": p["b"] * initial["V_m_mV"]}

    def largest_dt_ms(self, p: Values) -> float:
        """The time step of the published scheme."""
        return LARGEST_DT_MS

    @staticmethod
    def update(
        V_m_mV: float,
        u: float,
        in_syn: float,
        I_stim: float,
        I_e_mV_per_ms: float,
        half_dt_ms: float,
        recovery: float,
        per_dt: float,
        b: float,
        c_mV: float,
        d: float,
        V_th_mV: float,
    ) -> tuple[float, float, bool]:
        """Two half steps for V, one step for u, then the reset."""
        current = I_stim + I_e_mV_per_ms + in_syn * per_dt
        v = V_m_mV
        v = v + half_dt_ms * (0.04 * v * v + 5.0 * v + 140.0 - u + current)
        v = v + half_dt_ms * (0.04 * v * v + 5.0 * v + 140.0 - u + current)
        u = u + recovery * (b * v - u)
        spiked = v >= V_th_mV
        u = u + d if spiked else u
        return c_mV if spiked else v, u, spiked
