"""Jansen-Rit model of a cortical column (Jansen and Rit 1995)."""

from __future__ import annotations

from math import exp

import numpy as np
import numpy.typing as npt

from dtbsim.models.base import Values
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter


def firing(v: float, nu_max: float, r: float, v0: float) -> float:
    """Firing rate of a mean membrane potential."""
    return 2.0 * nu_max / (1.0 + exp(r * (v0 - v)))


class JansenRit(RegionModel):
    """Pyramidal cells with excitatory and inhibitory interneurons; y1 - y2 is their membrane potential, as EEG."""

    name = "jansen_rit"
    summary = "Jansen-Rit column: pyramidal cells, excitatory and inhibitory interneurons"
    citation = "Jansen, Rit 1995 (doi:10.1007/BF00199471)"
    equations = (
        "dy0/dt = y3,  dy3/dt = A a S(y1 - y2) - 2 a y3 - a^2 y0\n"
        "dy1/dt = y4,  dy4/dt = A a (mu + a_2 J S(a_1 J y0) + in_network + I_stim) - 2 a y4 - a^2 y1\n"
        "dy2/dt = y5,  dy5/dt = B b a_4 J S(a_3 J y0) - 2 b y5 - b^2 y2\n"
        "S(v) = 2 nu_max / (1 + exp(r (v0 - v)))"
    )
    parameters = (
        Parameter("A_mV", "mV", 3.25, "largest excitatory postsynaptic potential", low=0.0),
        Parameter("B_mV", "mV", 22.0, "largest inhibitory postsynaptic potential", low=0.0),
        Parameter("a_per_ms", "1/ms", 0.1, "rate of excitatory synapses", low=0.0, open_low=True),
        Parameter("b_per_ms", "1/ms", 0.05, "rate of inhibitory synapses", low=0.0, open_low=True),
        Parameter("J", "1", 135.0, "synapses between pyramidal cells and interneurons", low=0.0),
        Parameter("a_1", "1", 1.0, "share of J: pyramidal cells to excitatory interneurons"),
        Parameter("a_2", "1", 0.8, "share of J: excitatory interneurons to pyramidal cells"),
        Parameter("a_3", "1", 0.25, "share of J: pyramidal cells to inhibitory interneurons"),
        Parameter("a_4", "1", 0.25, "share of J: inhibitory interneurons to pyramidal cells"),
        Parameter("nu_max_per_ms", "1/ms", 0.0025, "half of the largest firing rate", low=0.0),
        Parameter("v0_mV", "mV", 6.0, "potential of half the largest firing rate"),
        Parameter("r_per_mV", "1/mV", 0.56, "steepness of the sigmoid", low=0.0, open_low=True),
        Parameter("mu_per_ms", "1/ms", 0.22, "mean input firing rate"),
    )
    states = (
        RegionState("y0", "mV", "excitatory potential of interneurons", default=0.1),
        RegionState("y1", "mV", "excitatory potential of pyramidal cells", default=18.0),
        RegionState("y2", "mV", "inhibitory potential of pyramidal cells", default=12.0),
        RegionState("y3", "mV/ms", "derivative of y0"),
        RegionState("y4", "mV/ms", "derivative of y1"),
        RegionState("y5", "mV/ms", "derivative of y2"),
    )
    inputs = (RegionInput("network", "1/ms", "firing rates of other regions"),)
    outputs = (Output("v_mV", "mV", "potential of pyramidal cells, y1 - y2"),)
    couples = (("v_mV", "network"),)
    coupling = "jansen_rit"
    functions = (firing,)
    noise = (Noise("in_network", sigma=0.05),)
    integrator = "heun"
    stimulus_unit = "1/ms"
    reads = (
        Read("bold", "v_mV", "net postsynaptic potential of pyramidal cells"),
        Read("eeg", "v_mV", "potential of pyramidal cells, of which EEG is made in the paper"),
        Read("meg", "v_mV", "potential of pyramidal cells, whose currents make the field"),
        Read("lfp", "v_mV", "potential of pyramidal cells"),
    )
    equivalents = (("TVB", "JansenRit"),)

    def largest_dt_ms(self, p: Values) -> float | npt.NDArray[np.float64]:
        """Explicit schemes are stable below twice the time constant of the faster synapses."""
        return 2.0 / np.maximum(p["a_per_ms"], p["b_per_ms"])

    @staticmethod
    def derivatives(
        y0: float,
        y1: float,
        y2: float,
        y3: float,
        y4: float,
        y5: float,
        in_network: float,
        I_stim: float,
        A_mV: float,
        B_mV: float,
        a_per_ms: float,
        b_per_ms: float,
        J: float,
        a_1: float,
        a_2: float,
        a_3: float,
        a_4: float,
        nu_max_per_ms: float,
        v0_mV: float,
        r_per_mV: float,
        mu_per_ms: float,
    ) -> tuple[float, float, float, float, float, float]:
        """Three second-order filters of firing rates."""
        pyramidal = firing(y1 - y2, nu_max_per_ms, r_per_mV, v0_mV)
        excited = a_2 * J * firing(a_1 * J * y0, nu_max_per_ms, r_per_mV, v0_mV)
        inhibited = a_4 * J * firing(a_3 * J * y0, nu_max_per_ms, r_per_mV, v0_mV)
        arriving = mu_per_ms + excited + in_network + I_stim
        return (
            y3,
            y4,
            y5,
            A_mV * a_per_ms * pyramidal - 2.0 * a_per_ms * y3 - a_per_ms * a_per_ms * y0,
            A_mV * a_per_ms * arriving - 2.0 * a_per_ms * y4 - a_per_ms * a_per_ms * y1,
            B_mV * b_per_ms * inhibited - 2.0 * b_per_ms * y5 - b_per_ms * b_per_ms * y2,
        )

    @staticmethod
    def output(y1: float, y2: float) -> float:
        """The potential of which EEG is made."""
        return y1 - y2
