"""Exact mean field of quadratic integrate-and-fire neurons (Montbrio, Pazo, Roxin 2015)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Values
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter

LARGEST_DT = 0.1
"""In units of the membrane time constant."""


class MontbrioPazoRoxin(RegionModel):
    """Rate and mean potential of infinitely many all-to-all coupled neurons `qif` with Lorentzian excitabilities."""

    name = "montbrio_pazo_roxin"
    summary = "Exact mean field of quadratic integrate-and-fire neurons: rate and mean potential"
    citation = "Montbrio, Pazo, Roxin 2015 (doi:10.1103/PhysRevX.5.021028)"
    equations = (
        "tau dr/dt = Delta / (pi tau) + 2 r V\n"
        "tau dV/dt = V^2 + eta + J tau r + I + I_stim + c_r in_r + c_V in_V - (pi tau r)^2"
    )
    parameters = (
        Parameter("tau_ms", "ms", 1.0, "membrane time constant", low=0.0, open_low=True),
        Parameter("Delta", "1", 1.0, "half width at half maximum of the excitabilities", low=0.0),
        Parameter("eta", "1", -5.0, "centre of the excitabilities"),
        Parameter("J", "1", 15.0, "synaptic weight"),
        Parameter("I", "1", 0.0, "constant input current"),
        Parameter("c_r", "1", 1.0, "weight of the input in_r"),
        Parameter("c_V", "1", 0.0, "weight of the input in_V"),
    )
    states = (
        RegionState("r", "1/ms", "firing rate", default=0.1, low=0.0),
        RegionState("V", "1", "mean membrane potential", default=-2.0),
    )
    inputs = (
        RegionInput("r", "1", "weighted rates of other regions"),
        RegionInput("V", "1", "weighted potentials of other regions"),
    )
    outputs = (
        Output("r_Hz", "Hz", "firing rate"),
        Output("rate", "1", "firing rate in units of 1 / tau"),
    )
    couples = (("r", "r"),)
    noise = (Noise("V", sigma=0.01),)
    integrator = "heun"
    reads = (
        Read("bold", "r", "the rate of all neurons"),
        Read("eeg", "V", "mean potential"),
        Read("meg", "V", "mean potential"),
        Read("lfp", "V", "mean potential"),
        Read("rate", "r_Hz", "the rate of all neurons"),
    )
    equivalents = (("TVB", "MontbrioPazoRoxin"),)

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """A tenth of the time constant: potentials run through large values within it."""
        return LARGEST_DT * p["tau_ms"]

    @staticmethod
    def derivatives(
        r: float,
        V: float,
        in_r: float,
        in_V: float,
        I_stim: float,
        tau_ms: float,
        Delta: float,
        eta: float,
        J: float,
        I: float,  # noqa: E741 - the usual name
        c_r: float,
        c_V: float,
    ) -> tuple[float, float]:
        """Equations 12 of the paper."""
        rate = tau_ms * r
        turn = 3.141592653589793 * rate
        dr = (Delta * 0.3183098861837907 / tau_ms + 2.0 * r * V) / tau_ms
        return dr, (V * V + eta + J * rate + I + I_stim + c_r * in_r + c_V * in_V - turn * turn) / tau_ms

    @staticmethod
    def output(r: float, tau_ms: float) -> tuple[float, float]:
        """The rate in other units."""
        return 1000.0 * r, tau_ms * r
