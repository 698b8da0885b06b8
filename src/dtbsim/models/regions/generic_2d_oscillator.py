"""Generic two-dimensional oscillator (Sanz-Leon et al. 2015)."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


class Generic2dOscillator(RegionModel):
    """A cubic and a quadratic nullcline; with its parameters excitable, oscillating or bistable."""

    name = "generic_2d_oscillator"
    summary = "Generic two-dimensional oscillator, excitable, oscillating or bistable"
    citation = "Sanz-Leon et al. 2015 (doi:10.1016/j.neuroimage.2015.01.002); Stefanescu, Jirsa 2008"
    equations = (
        "dV/dt = d tau (-f V^3 + e V^2 + g V + alpha W + gamma (I + in_V + I_stim))\n"
        "dW/dt = (d / tau) (c V^2 + b V - beta W + a)"
    )
    parameters = (
        Parameter("tau", "1", 1.0, "separation of the time scales", low=0.0, open_low=True),
        Parameter("I", "1", 0.0, "constant input"),
        Parameter("a", "1", -2.0, "offset of the slow nullcline"),
        Parameter("b", "1", -10.0, "slope of the slow nullcline"),
        Parameter("c", "1", 0.0, "curvature of the slow nullcline"),
        Parameter("d_per_ms", "1/ms", 0.02, "unit of time", low=0.0, open_low=True),
        Parameter("e", "1", 3.0, "factor of V^2"),
        Parameter("f", "1", 1.0, "factor of V^3"),
        Parameter("g", "1", 0.0, "factor of V"),
        Parameter("alpha", "1", 1.0, "how the slow variable acts on the fast one"),
        Parameter("beta", "1", 1.0, "decay of the slow variable"),
        Parameter("gamma", "1", 1.0, "factor of all input"),
    )
    states = (
        RegionState("V", "1", "fast variable", default=0.1),
        RegionState("W", "1", "slow variable", default=0.0),
    )
    inputs = (RegionInput("V", "1", "weighted fast variables of other regions"),)
    couples = (("V", "V"),)
    noise = (Noise("V", sigma=0.01), Noise("W", sigma=0.01))
    integrator = "heun"
    reads = (
        Read("bold", "V", "the fast variable stands for the activity"),
        Read("eeg", "V", "the fast variable stands for the membrane potential"),
        Read("meg", "V", "the fast variable stands for the membrane potential"),
        Read("lfp", "V", "the fast variable stands for the membrane potential"),
    )
    equivalents = (("TVB", "Generic2dOscillator"),)

    @staticmethod
    def derivatives(
        V: float,
        W: float,
        in_V: float,
        I_stim: float,
        tau: float,
        I: float,  # noqa: E741 - the usual name
        a: float,
        b: float,
        c: float,
        d_per_ms: float,
        e: float,
        f: float,
        g: float,
        alpha: float,
        beta: float,
        gamma: float,
    ) -> tuple[float, float]:
        """Fast and slow."""
        fast = V * (g + V * (e - f * V)) + alpha * W + gamma * (I + in_V + I_stim)
        return d_per_ms * tau * fast, d_per_ms * (a + V * (b + c * V) - beta * W) / tau
