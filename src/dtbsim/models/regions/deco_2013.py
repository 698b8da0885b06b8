"""Reduced Wong-Wang model of a region (Deco et al. 2013)."""

from __future__ import annotations

from dtbsim.models.base import Values
from dtbsim.models.region_model import Rates, RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.regions.common import gain
from dtbsim.models.tables import Parameter


class Deco2013(RegionModel):
    """One population of excitatory neurons with NMDA gating S, after Wong and Wang (2006)."""

    name = "deco_2013"
    summary = "Reduced Wong-Wang: NMDA gating of one excitatory population"
    citation = "Deco et al. 2013 (doi:10.1523/JNEUROSCI.1091-13.2013)"
    equations = (
        "I = w J_N S + I_0 + G J_N in_network + I_stim\n"
        "r = H(I) = (a I - b) / (1 - exp(-d (a I - b)))\n"
        "dS/dt = -S / tau_S + (1 - S) gamma r\n"
        "H is 1 / d where a I = b, by a series around it"
    )
    parameters = (
        Parameter("G", "1", 1.0, "global coupling", low=0.0),
        Parameter("w", "1", 0.9, "local recurrent excitation"),
        Parameter("J_N_nA", "nA", 0.2609, "coupling of NMDA synapses"),
        Parameter("I_0_nA", "nA", 0.3, "effective external input"),
        Parameter("a_per_nC", "1/nC", 270.0, "slope of the transfer function"),
        Parameter("b_Hz", "Hz", 108.0, "threshold of the transfer function"),
        Parameter("d_s", "s", 0.154, "curvature of the transfer function", low=0.0, open_low=True),
        Parameter("gamma", "1", 0.000641, "gain of the gating per Hz and ms", low=0.0),
        Parameter("tau_S_ms", "ms", 100.0, "time constant of NMDA gating", low=0.0, open_low=True),
    )
    states = (RegionState("S", "1", "open NMDA channels", default=0.1, low=0.0, high=1.0),)
    inputs = (RegionInput("network", "1", "weighted gating S of other regions"),)
    outputs = (
        Output("r_Hz", "Hz", "firing rate"),
        Output("I_nA", "nA", "input current"),
    )
    couples = (("S", "network"),)
    functions = (gain,)
    noise = (Noise("S", sigma=0.001),)
    integrator = "euler"
    stimulus_unit = "nA"
    reads = (
        Read("bold", "S", "synaptic activity, as in the paper; it drives the haemodynamic model"),
        Read("eeg", "I_nA", "net current into pyramidal cells"),
        Read("meg", "I_nA", "net current into pyramidal cells"),
        Read("lfp", "I_nA", "net current into pyramidal cells"),
        Read("rate", "r_Hz", "the rate of the only population"),
    )
    equivalents = (("TVB", "ReducedWongWang"),)

    def decays(self, p: Values) -> Rates:
        """The gates close exponentially."""
        return {"S": 1.0 / p["tau_S_ms"]}

    @staticmethod
    def derivatives(
        S: float,
        in_network: float,
        I_stim: float,
        G: float,
        w: float,
        J_N_nA: float,
        I_0_nA: float,
        a_per_nC: float,
        b_Hz: float,
        d_s: float,
        gamma: float,
        tau_S_ms: float,
    ) -> float:
        """Rate from the current, gating from the rate."""
        current = w * J_N_nA * S + I_0_nA + G * J_N_nA * in_network + I_stim
        return (1.0 - S) * gamma * gain(a_per_nC * current - b_Hz, d_s) - S / tau_S_ms

    @staticmethod
    def output(
        S: float,
        in_network: float,
        I_stim: float,
        G: float,
        w: float,
        J_N_nA: float,
        I_0_nA: float,
        a_per_nC: float,
        b_Hz: float,
        d_s: float,
    ) -> tuple[float, float]:
        """Rate and current."""
        current = w * J_N_nA * S + I_0_nA + G * J_N_nA * in_network + I_stim
        return gain(a_per_nC * current - b_Hz, d_s), current
