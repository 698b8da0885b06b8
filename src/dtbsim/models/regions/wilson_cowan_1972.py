"""Wilson-Cowan model in its original form (Wilson and Cowan 1972)."""

from __future__ import annotations

from math import exp

import numpy as np

from dtbsim.models.base import Constants, Values
from dtbsim.models.region_model import Rates, RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.tables import Derived, Parameter


def logistic(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp(-x))


def response(x: float, a: float, theta: float, low: float) -> float:
    """Share of a population that input activates, 0 at x = 0."""
    return logistic(a * (x - theta)) - low


class WilsonCowan1972(RegionModel):
    """Active shares of an excitatory and an inhibitory population; the largest response is below 1, as in the paper."""

    name = "wilson_cowan_1972"
    summary = "Wilson-Cowan model in the form of 1972: S(0) = 0, largest response k = 1 - 1 / (1 + exp(a theta))"
    citation = "Wilson, Cowan 1972 (doi:10.1016/S0006-3495(72)86068-5)"
    equations = (
        "tau_E dE/dt = -E + (k_E - r_E E) S_E(c_1 E - c_2 I + P + in_E + I_stim)\n"
        "tau_I dI/dt = -I + (k_I - r_I I) S_I(c_3 E - c_4 I + Q + in_I)\n"
        "S_x(u) = 1 / (1 + exp(-a_x (u - theta_x))) - 1 / (1 + exp(a_x theta_x))\n"
        "k_x = 1 - 1 / (1 + exp(a_x theta_x))"
    )
    parameters = (
        Parameter("c_1", "1", 16.0, "excitatory to excitatory synapses", low=0.0),
        Parameter("c_2", "1", 12.0, "inhibitory to excitatory synapses", low=0.0),
        Parameter("c_3", "1", 15.0, "excitatory to inhibitory synapses", low=0.0),
        Parameter("c_4", "1", 3.0, "inhibitory to inhibitory synapses", low=0.0),
        Parameter("a_E", "1", 1.3, "steepness of the excitatory response", low=0.0, open_low=True),
        Parameter("theta_E", "1", 4.0, "threshold of the excitatory response"),
        Parameter("a_I", "1", 2.0, "steepness of the inhibitory response", low=0.0, open_low=True),
        Parameter("theta_I", "1", 3.7, "threshold of the inhibitory response"),
        Parameter("r_E", "1", 1.0, "refractory share of the excitatory population", low=0.0),
        Parameter("r_I", "1", 1.0, "refractory share of the inhibitory population", low=0.0),
        Parameter("tau_E_ms", "ms", 8.0, "excitatory time constant", low=0.0, open_low=True),
        Parameter("tau_I_ms", "ms", 8.0, "inhibitory time constant", low=0.0, open_low=True),
        Parameter("P", "1", 1.25, "input to the excitatory population"),
        Parameter("Q", "1", 0.0, "input to the inhibitory population"),
    )
    derived = (
        Derived("low_E", "1", "1 / (1 + exp(a_E theta_E)), which makes S_E(0) = 0"),
        Derived("low_I", "1", "1 / (1 + exp(a_I theta_I))"),
    )
    states = (
        RegionState("E", "1", "active share of the excitatory population", default=0.1),
        RegionState("I", "1", "active share of the inhibitory population", default=0.05),
    )
    inputs = (
        RegionInput("E", "1", "weighted activity of other regions, to the excitatory population"),
        RegionInput("I", "1", "weighted activity of other regions, to the inhibitory population"),
    )
    couples = (("E", "E"),)
    functions = (logistic, response)
    noise = (Noise("E", sigma=0.01), Noise("I", sigma=0.01))
    integrator = "heun"
    reads = (
        Read("bold", "E", "excitatory synapses use most of the energy"),
        Read("eeg", "E", "activity of pyramidal cells"),
        Read("meg", "E", "activity of pyramidal cells"),
        Read("lfp", "E", "activity of pyramidal cells"),
        Read("rate", "E", "share of active excitatory cells, a rate in units of its largest value"),
    )
    equivalents = (("TVB", "WilsonCowan with k_e, k_i and shift_sigmoid"),)

    def decays(self, p: Values) -> Rates:
        """Both activities decay exponentially."""
        return {"E": 1.0 / p["tau_E_ms"], "I": 1.0 / p["tau_I_ms"]}

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """What the sigmoids are lowered by."""
        return {f"low_{x}": 1.0 / (1.0 + np.exp(p[f"a_{x}"] * p[f"theta_{x}"])) for x in "EI"}

    @staticmethod
    def derivatives(
        E: float,
        I: float,  # noqa: E741 - the paper's name
        in_E: float,
        in_I: float,
        I_stim: float,
        c_1: float,
        c_2: float,
        c_3: float,
        c_4: float,
        a_E: float,
        theta_E: float,
        a_I: float,
        theta_I: float,
        r_E: float,
        r_I: float,
        tau_E_ms: float,
        tau_I_ms: float,
        P: float,
        Q: float,
        low_E: float,
        low_I: float,
    ) -> tuple[float, float]:
        """Equations 11 and 12 of the paper."""
        S_E = response(c_1 * E - c_2 * I + P + in_E + I_stim, a_E, theta_E, low_E)
        S_I = response(c_3 * E - c_4 * I + Q + in_I, a_I, theta_I, low_I)
        return ((1.0 - low_E - r_E * E) * S_E - E) / tau_E_ms, ((1.0 - low_I - r_I * I) * S_I - I) / tau_I_ms
