"""Wilson-Cowan model in the general form of TVB (Sanz-Leon et al. 2015)."""

from __future__ import annotations

from math import exp

import numpy as np

from dtbsim.models.base import Constants, Values
from dtbsim.models.region_model import Rates, RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.tables import Derived, Parameter


def sigmoid(x: float, a: float, b: float, c: float, low: float) -> float:
    """Share of a population that input activates."""
    return c * (1.0 / (1.0 + exp(a * (b - x))) - low)


class WilsonCowan(RegionModel):
    """Active shares of an excitatory and an inhibitory population, every factor of the equations a parameter."""

    name = "wilson_cowan"
    summary = "Wilson-Cowan model in the general form that TVB and neurolib use"
    citation = "Wilson, Cowan 1972; Sanz-Leon et al. 2015 (doi:10.1016/j.neuroimage.2015.01.002)"
    equations = (
        "tau_e dE/dt = -E + (k_e - r_e E) S_e(alpha_e (c_ee E - c_ei I + P - theta_e + in_E + I_stim))\n"
        "tau_i dI/dt = -I + (k_i - r_i I) S_i(alpha_i (c_ie E - c_ii I + Q - theta_i + in_I))\n"
        "S_x(u) = c_x (1 / (1 + exp(-a_x (u - b_x))) - shift / (1 + exp(a_x b_x)))"
    )
    parameters = (
        Parameter("c_ee", "1", 12.0, "excitatory to excitatory synapses", low=0.0),
        Parameter("c_ei", "1", 4.0, "inhibitory to excitatory synapses", low=0.0),
        Parameter("c_ie", "1", 13.0, "excitatory to inhibitory synapses", low=0.0),
        Parameter("c_ii", "1", 11.0, "inhibitory to inhibitory synapses", low=0.0),
        Parameter("tau_e_ms", "ms", 10.0, "excitatory time constant", low=0.0, open_low=True),
        Parameter("tau_i_ms", "ms", 10.0, "inhibitory time constant", low=0.0, open_low=True),
        Parameter("a_e", "1", 1.2, "steepness of the excitatory response"),
        Parameter("b_e", "1", 2.8, "middle of the excitatory response"),
        Parameter("c_e", "1", 1.0, "largest excitatory response"),
        Parameter("theta_e", "1", 0.0, "threshold of the excitatory population"),
        Parameter("a_i", "1", 1.0, "steepness of the inhibitory response"),
        Parameter("b_i", "1", 4.0, "middle of the inhibitory response"),
        Parameter("c_i", "1", 1.0, "largest inhibitory response"),
        Parameter("theta_i", "1", 0.0, "threshold of the inhibitory population"),
        Parameter("r_e", "1", 1.0, "refractory share of the excitatory population", low=0.0),
        Parameter("r_i", "1", 1.0, "refractory share of the inhibitory population", low=0.0),
        Parameter("k_e", "1", 1.0, "largest activity of the excitatory population"),
        Parameter("k_i", "1", 1.0, "largest activity of the inhibitory population"),
        Parameter("P", "1", 0.0, "input to the excitatory population"),
        Parameter("Q", "1", 0.0, "input to the inhibitory population"),
        Parameter("alpha_e", "1", 1.0, "factor of the excitatory input"),
        Parameter("alpha_i", "1", 1.0, "factor of the inhibitory input"),
        Parameter("shift", "1", 1.0, "1: S(0) = 0, as in 1972; 0: a plain sigmoid, as in neurolib", low=0.0, high=1.0),
    )
    derived = (
        Derived("low_e", "1", "shift / (1 + exp(a_e b_e)), which makes S_e(0) = 0 with shift = 1"),
        Derived("low_i", "1", "shift / (1 + exp(a_i b_i))"),
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
    functions = (sigmoid,)
    noise = (Noise("E", "ornstein_uhlenbeck", sigma=0.01), Noise("I", "ornstein_uhlenbeck", sigma=0.01))
    integrator = "heun"
    reads = (
        Read("bold", "E", "excitatory synapses use most of the energy"),
        Read("eeg", "E", "activity of pyramidal cells"),
        Read("meg", "E", "activity of pyramidal cells"),
        Read("lfp", "E", "activity of pyramidal cells"),
        Read("rate", "E", "share of active excitatory cells, a rate in units of its largest value"),
    )
    equivalents = (("TVB", "WilsonCowan"), ("neurolib", "WCModel (shift: 0)"))

    def decays(self, p: Values) -> Rates:
        """Both activities decay exponentially."""
        return {"E": 1.0 / p["tau_e_ms"], "I": 1.0 / p["tau_i_ms"]}

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """What the sigmoids are lowered by."""
        return {f"low_{x}": p["shift"] / (1.0 + np.exp(p[f"a_{x}"] * p[f"b_{x}"])) for x in "ei"}

    @staticmethod
    def derivatives(
        E: float,
        I: float,  # noqa: E741 - the usual name
        in_E: float,
        in_I: float,
        I_stim: float,
        c_ee: float,
        c_ei: float,
        c_ie: float,
        c_ii: float,
        tau_e_ms: float,
        tau_i_ms: float,
        a_e: float,
        b_e: float,
        c_e: float,
        theta_e: float,
        a_i: float,
        b_i: float,
        c_i: float,
        theta_i: float,
        r_e: float,
        r_i: float,
        k_e: float,
        k_i: float,
        P: float,
        Q: float,
        alpha_e: float,
        alpha_i: float,
        low_e: float,
        low_i: float,
    ) -> tuple[float, float]:
        """Both populations."""
        S_e = sigmoid(alpha_e * (c_ee * E - c_ei * I + P - theta_e + in_E + I_stim), a_e, b_e, c_e, low_e)
        S_i = sigmoid(alpha_i * (c_ie * E - c_ii * I + Q - theta_i + in_I), a_i, b_i, c_i, low_i)
        return ((k_e - r_e * E) * S_e - E) / tau_e_ms, ((k_i - r_i * I) * S_i - I) / tau_i_ms
