"""A region model: a rate that follows a saturating function of its input."""

from math import tanh

from dtbsim.models import Parameter, Read, RegionInput, RegionModel, RegionState


class LeakyRegion(RegionModel):
    """tau dr/dt = -r + tanh(gain (input + drive))."""

    name = "leaky_region"
    summary = "Leaky rate unit with a saturating gain"
    citation = "none: it is an example"
    equations = "tau dr/dt = -r + tanh(gain (in_network + drive))"
    parameters = (
        Parameter("tau_ms", "ms", 10.0, "time constant", low=0.0, open_low=True),
        Parameter("gain", "1", 1.0, "slope at 0", low=0.0),
        Parameter("drive", "1", 0.0, "constant input"),
    )
    states = (RegionState("r", "1", "activity"),)
    inputs = (RegionInput("network", "1", "input of other regions"),)
    couples = (("r", "network"),)
    reads = (Read("bold", "r", "the only variable"),)

    def decays(self, p):
        """The rate leaks, so that the exponential scheme can be used."""
        return {"r": 1.0 / p["tau_ms"]}

    @staticmethod
    def derivatives(r, in_network, tau_ms, gain, drive):
        """d/dt in 1/ms."""
        return (tanh(gain * (in_network + drive)) - r) / tau_ms
