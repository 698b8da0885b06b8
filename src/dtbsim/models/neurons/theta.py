"""Theta neuron of Ermentrout and Kopell (1986): the quadratic integrate-and-fire neuron as a phase."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Constants, NeuronModel, Values
from dtbsim.models.tables import Derived, Parameter, Receptor, State

LARGEST_DT = 0.1
"""Longest time step in units of tau_m; where |eta + I_e| > 10, it is tau_m / |eta + I_e| (accuracy of Runge-Kutta)."""
COS_SQUARE_ERROR = 1e-6
"""Bound on the error of `cos_square` in float32 over its range (tested)."""


def cos_square(theta: float) -> float:
    """cos(theta / 2)^2 = (1 + cos theta) / 2 for |theta| <= 4, as a polynomial in theta^2."""
    y = min(theta * theta, 16.0)
    p = 7.647049594764012e-10 * y - 1.319405189041014e-07
    p = p * y + 1.233858415890392e-05
    p = p * y - 0.000694101246772969
    p = p * y + 0.02083242727216201
    p = p * y - 0.24999910053855579
    return p * y + 0.9999998540946444


def slope(theta: float, q: float) -> float:
    """tau_m dtheta/dt / 2 = sin(theta / 2)^2 + q cos(theta / 2)^2."""
    return 1.0 + (q - 1.0) * cos_square(theta)


class Theta(NeuronModel):
    """tau theta' = 1 - cos(theta) + (1 + cos(theta)) (eta + I); V = tan(theta / 2) is the potential of `qif`."""

    name = "theta"
    summary = "Theta neuron: the quadratic integrate-and-fire neuron as a phase, peak and reset at infinity"
    citation = "Ermentrout, Kopell 1986 (doi:10.1137/0146017)"
    integration = (
        "classical Runge-Kutta of fourth order; (1 + cos theta) / 2 by a polynomial in theta^2 with an error below "
        f"{COS_SQUARE_ERROR:g}. Where theta reaches pi within a step, the neuron spikes and theta goes on from -pi. "
        "Input that arrives in a step acts as the current weight tau_m / dt during that step, so a weight is a jump of "
        "V = tan(theta / 2); inhibition that would push theta below -pi leaves it there. At most one spike per step. "
        "Needs dt <= tau_m min(0.1, 1 / |eta + I_e|); by the same rule jumps should be below 1"
    )
    equations = (
        "tau_m dtheta/dt = 1 - cos(theta) + (1 + cos(theta)) (eta + I_e + I_stim + tau_m sum_k w_k delta(t - t_k))\n"
        "theta >= pi:  theta = theta - 2 pi"
    )
    parameters = (
        Parameter("tau_m_ms", "ms", 10.0, "membrane time constant", low=0.0, open_low=True),
        Parameter("eta", "1", -5.0, "excitability; neurons with eta > 0 fire by themselves"),
        Parameter("I_e", "1", 0.0, "constant input current"),
    )
    states = (State("theta", "rad", "phase between -pi and pi", default=-2.2142974),)
    derived = (
        Derived("step", "1", "2 dt / tau_m"),
        Derived("per_step", "1", "tau_m / dt: jump of V to current over one step"),
    )
    functions = (cos_square, slope)
    receptors = (
        Receptor("syn", "1", "jump of V = tan(theta / 2), spread over the step in which it arrives", channel=0),
    )
    current_unit = "1"

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Step in units of the membrane time constant."""
        return {"step": 2.0 * dt_ms / p["tau_m_ms"], "per_step": p["tau_m_ms"] / dt_ms}

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """Well below tau_m and the time in which a large current turns the phase."""
        return p["tau_m_ms"] / np.maximum(1.0 / LARGEST_DT, np.abs(p["eta"] + p["I_e"]))

    @staticmethod
    def update(
        theta: float,
        in_syn: float,
        I_stim: float,
        step: float,
        per_step: float,
        eta: float,
        I_e: float,
    ) -> tuple[float, bool]:
        """One Runge-Kutta step, then the wrap."""
        q = eta + I_e + I_stim + in_syn * per_step
        k1 = step * slope(theta, q)
        k2 = step * slope(theta + 0.5 * k1, q)
        k3 = step * slope(theta + 0.5 * k2, q)
        k4 = step * slope(theta + k3, q)
        ahead = theta + (k1 + 2.0 * (k2 + k3) + k4) * 0.16666667
        spiked = ahead >= 3.1415927
        ahead = ahead - 6.2831853 if spiked else ahead
        ahead = max(ahead, -3.1415927)
        ahead = 0.0 if abs(ahead) < 1e-15 else ahead
        return ahead, spiked
