"""Next-generation neural mass with conductance synapses (Coombes and Byrne 2019), and without their dynamics."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Values
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter

LARGEST_DT_MS = 0.1
"""With eta within -1 and 1; else it goes down with the root of eta."""
_CITATION = "Coombes, Byrne 2019 (doi:10.1007/978-3-319-71048-8_1)"
_RATE = RegionState("r", "1/ms", "firing rate", default=0.1, low=0.0)
_POTENTIAL = RegionState("V", "1", "mean membrane potential", default=0.0)
_INPUT = (RegionInput("r", "1", "weighted rates of other regions"),)
_READS = (
    Read("bold", "r", "the rate of all neurons"),
    Read("eeg", "V", "mean potential"),
    Read("meg", "V", "mean potential"),
    Read("lfp", "V", "mean potential"),
    Read("rate", "r_Hz", "the rate of all neurons"),
)


class CoombesByrne(RegionModel):
    """Rate and mean potential of theta neurons whose synapses have a reversal potential and an alpha function."""

    name = "coombes_byrne"
    summary = "Next-generation neural mass: theta neurons with conductance synapses"
    citation = _CITATION
    equations = (
        "dr/dt = Delta / pi + 2 r V - g r\n"
        "dV/dt = V^2 - (pi r)^2 + eta + (v_syn - V) g + in_r + I_stim\n"
        "dg/dt = alpha q\n"
        "dq/dt = alpha (kappa pi r - g - 2 q)"
    )
    parameters = (
        Parameter("Delta", "1", 0.5, "half width at half maximum of the excitabilities", low=0.0),
        Parameter("eta", "1", 20.0, "centre of the excitabilities"),
        Parameter("v_syn", "1", -10.0, "reversal potential of the synapses"),
        Parameter("kappa", "1", 1.0, "strength of the synapses", low=0.0),
        Parameter("alpha_per_ms", "1/ms", 0.95, "rate of the synapses", low=0.0, open_low=True),
    )
    states = (
        _RATE,
        _POTENTIAL,
        RegionState("g", "1", "synaptic conductance", default=1.9),
        RegionState("q", "1", "derivative of g in units of alpha"),
    )
    inputs = _INPUT
    outputs = (Output("r_Hz", "Hz", "firing rate"),)
    couples = (("r", "r"),)
    noise = (Noise("V", sigma=0.01),)
    integrator = "heun"
    reads = _READS
    equivalents = (("TVB", "CoombesByrne"),)

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """A twentieth of the time in which the potential runs through its range."""
        return 0.5 * LARGEST_DT_MS / np.sqrt(np.maximum(np.abs(p["eta"]), 1.0))

    @staticmethod
    def derivatives(
        r: float,
        V: float,
        g: float,
        q: float,
        in_r: float,
        I_stim: float,
        Delta: float,
        eta: float,
        v_syn: float,
        kappa: float,
        alpha_per_ms: float,
    ) -> tuple[float, float, float, float]:
        """Theta neurons and their synapses."""
        turn = 3.141592653589793 * r
        return (
            0.3183098861837907 * Delta + 2.0 * r * V - g * r,
            V * V - turn * turn + eta + (v_syn - V) * g + in_r + I_stim,
            alpha_per_ms * q,
            alpha_per_ms * (kappa * turn - g - 2.0 * q),
        )

    @staticmethod
    def output(r: float) -> float:
        """The rate in Hz."""
        return 1000.0 * r


class CoombesByrne2d(RegionModel):
    """As `coombes_byrne` with synapses that follow the rate at once, g = kappa pi r."""

    name = "coombes_byrne_2d"
    summary = "Next-generation neural mass whose conductance follows the rate at once"
    citation = _CITATION
    equations = (
        "dr/dt = Delta / pi + 2 r V - g r\ndV/dt = V^2 - (pi r)^2 + eta + (v_syn - V) g + in_r + I_stim\ng = kappa pi r"
    )
    parameters = (
        Parameter("Delta", "1", 1.0, "half width at half maximum of the excitabilities", low=0.0),
        Parameter("eta", "1", 2.0, "centre of the excitabilities"),
        Parameter("v_syn", "1", -4.0, "reversal potential of the synapses"),
        Parameter("kappa", "1", 1.0, "strength of the synapses", low=0.0),
    )
    states = (_RATE, _POTENTIAL)
    inputs = _INPUT
    outputs = (Output("r_Hz", "Hz", "firing rate"),)
    couples = (("r", "r"),)
    noise = (Noise("V", sigma=0.01),)
    integrator = "heun"
    reads = _READS
    equivalents = (("TVB", "CoombesByrne2D"),)

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """A tenth of the time in which the potential runs through its range."""
        return LARGEST_DT_MS / np.sqrt(np.maximum(np.abs(p["eta"]), 1.0))

    @staticmethod
    def derivatives(
        r: float, V: float, in_r: float, I_stim: float, Delta: float, eta: float, v_syn: float, kappa: float
    ) -> tuple[float, float]:
        """Theta neurons."""
        turn = 3.141592653589793 * r
        g = kappa * turn
        return (
            0.3183098861837907 * Delta + 2.0 * r * V - g * r,
            V * V - turn * turn + eta + (v_syn - V) * g + in_r + I_stim,
        )

    @staticmethod
    def output(r: float) -> float:
        """The rate in Hz."""
        return 1000.0 * r
