"""Linear model of a region: the baseline of every fit (Galan 2008)."""

from __future__ import annotations

from dtbsim.models.base import Values
from dtbsim.models.region_model import Rates, RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


class Linear(RegionModel):
    """A leaky integrator; with noise its covariance follows from the connectome in closed form."""

    name = "linear"
    summary = "Linear leaky integrator"
    citation = "Galan 2008 (doi:10.1371/journal.pone.0002148)"
    equations = "dx/dt = -gamma x + in_network + I_stim"
    parameters = (Parameter("gamma_per_ms", "1/ms", 0.01, "rate of decay"),)
    states = (RegionState("x", "1", "activity"),)
    inputs = (RegionInput("network", "1/ms", "weighted activity of other regions"),)
    couples = (("x", "network"),)
    noise = (Noise("x", sigma=0.01),)
    integrator = "exponential"
    stimulus_unit = "1/ms"
    reads = (
        Read("bold", "x", "the only variable"),
        Read("eeg", "x", "the only variable"),
        Read("meg", "x", "the only variable"),
        Read("lfp", "x", "the only variable"),
    )
    equivalents = (("TVB", "Linear, whose gamma has the other sign"),)

    def decays(self, p: Values) -> Rates:
        """All of it."""
        return {"x": p["gamma_per_ms"]}

    @staticmethod
    def derivatives(x: float, in_network: float, I_stim: float, gamma_per_ms: float) -> float:
        """Decay and input."""
        return in_network + I_stim - gamma_per_ms * x
