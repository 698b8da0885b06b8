"""What both orders of the mean field of adaptive exponential neurons share: transfer function and tables."""

from __future__ import annotations

from math import erfc, sqrt

from dtbsim.models.region_tables import Output, Read, RegionInput, RegionState
from dtbsim.models.tables import Parameter

CITATION = (
    "di Volo, Romagnoni, Capone, Destexhe 2019 (doi:10.1162/neco_a_01173); "
    "Zerlaut et al. 2018 (doi:10.1007/s10827-017-0668-2)"
)
_THRESHOLD_E = (-49.83106, 5.063550882777035, -23.470121807314552, 2.2951513725067503, -0.4105302652029825,
                10.547051343547399, -36.59252821136933, 7.437487505797858, 1.265064721846073, -40.72161294490446
)  # fmt: skip
_THRESHOLD_I = (-51.49122024209484, 4.003689190271077, -8.352013668528155, 0.2414237992765705, -0.5070645080016026,
                1.4345394104282397, -14.686689498949967, 4.502706285435741, 2.8472190352532454, -15.357804594594548
)  # fmt: skip


def per_ms(rate_Hz: float, far_Hz: float, K: float, K_ext: float) -> float:
    """Synaptic events of a neuron per ms, of its own region and from outside."""
    return 0.001 * (K * (max(rate_Hz, 0.0) + 0.001) + K_ext * max(far_Hz, 0.0))


def mean_potential(
    f_E: float,
    f_I: float,
    W: float,
    E_L_mV: float,
    Q_E_nS: float,
    Q_I_nS: float,
    tau_E_ms: float,
    tau_I_ms: float,
    E_E_mV: float,
    E_I_mV: float,
    g_L_nS: float,
) -> float:
    """Mean membrane potential in mV."""
    G_E = Q_E_nS * tau_E_ms * f_E
    G_I = Q_I_nS * tau_I_ms * f_I
    return (G_E * E_E_mV + G_I * E_I_mV + g_L_nS * E_L_mV - W) / (g_L_nS + G_E + G_I)


def transfer(
    rate_E: float,
    rate_I: float,
    far: float,
    W: float,
    E_L_mV: float,
    Q_E_nS: float,
    Q_I_nS: float,
    tau_E_ms: float,
    tau_I_ms: float,
    E_E_mV: float,
    E_I_mV: float,
    g_L_nS: float,
    C_pF: float,
    K_E: float,
    K_I: float,
    K_ext: float,
    P0: float,
    P1: float,
    P2: float,
    P3: float,
    P4: float,
    P5: float,
    P6: float,
    P7: float,
    P8: float,
    P9: float,
) -> float:
    """Firing rate (Hz) of neurons for rates (Hz) of both populations and from outside, and adaptation (pA)."""
    f_E = per_ms(rate_E, far, K_E, K_ext)
    f_I = per_ms(rate_I, 0.0, K_I, 0.0)
    mu = mean_potential(f_E, f_I, W, E_L_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS)
    G = g_L_nS + Q_E_nS * tau_E_ms * f_E + Q_I_nS * tau_I_ms * f_I
    tau = C_pF / G
    U_E = Q_E_nS * tau_E_ms * (E_E_mV - mu) / G
    U_I = Q_I_nS * tau_I_ms * (E_I_mV - mu) / G
    v_E = f_E * U_E * U_E
    v_I = f_I * U_I * U_I
    variance = v_E / (tau_E_ms + tau) + v_I / (tau_I_ms + tau)
    T = (v_E + v_I) / variance
    sigma = sqrt(0.5 * variance)
    x = (mu + 60.0) * 0.1
    y = (sigma - 4.0) / 6.0
    z = T * g_L_nS / C_pF - 0.5
    threshold = P0 + x * (P1 + P4 * x + P7 * y + P8 * z) + y * (P2 + P5 * y + P9 * z) + z * (P3 + P6 * z)
    return 500.0 * erfc((threshold - mu) / (1.4142135623730951 * sigma)) / T


CELLS = (
    Parameter("Q_E_nS", "nS", 1.5, "conductance of an excitatory event", low=0.0, open_low=True),
    Parameter("Q_I_nS", "nS", 5.0, "conductance of an inhibitory event", low=0.0, open_low=True),
    Parameter("tau_E_ms", "ms", 5.0, "decay of excitatory conductances", low=0.0, open_low=True),
    Parameter("tau_I_ms", "ms", 5.0, "decay of inhibitory conductances", low=0.0, open_low=True),
    Parameter("E_E_mV", "mV", 0.0, "excitatory reversal potential"),
    Parameter("E_I_mV", "mV", -80.0, "inhibitory reversal potential"),
    Parameter("g_L_nS", "nS", 10.0, "leak conductance", low=0.0, open_low=True),
    Parameter("C_pF", "pF", 200.0, "membrane capacitance", low=0.0, open_low=True),
    Parameter("E_L_E_mV", "mV", -65.0, "leak reversal potential of excitatory cells"),
    Parameter("E_L_I_mV", "mV", -65.0, "leak reversal potential of inhibitory cells"),
    Parameter("K_E", "1", 400.0, "excitatory synapses of a cell from its region", low=0.0, open_low=True),
    Parameter("K_I", "1", 100.0, "inhibitory synapses of a cell from its region", low=0.0, open_low=True),
    Parameter("K_ext", "1", 400.0, "excitatory synapses of a cell from outside", low=0.0),
    Parameter("nu_ext_Hz", "Hz", 2.5, "rate of each of those", low=0.0),
    Parameter("S_I", "1", 1.0, "share of input from other regions that inhibitory cells get", low=0.0),
    Parameter("a_nS", "nS", 4.0, "subthreshold adaptation of excitatory cells", low=0.0),
    Parameter("b_pA", "pA", 20.0, "spike-triggered adaptation of excitatory cells", low=0.0),
    Parameter("tau_w_ms", "ms", 500.0, "time constant of the adaptation", low=0.0, open_low=True),
    Parameter("T_ms", "ms", 20.0, "time over which the populations are Markovian", low=0.0, open_low=True),
    *(Parameter(f"P_E{k}_mV", "mV", value, "fit of the excitatory threshold") for k, value in enumerate(_THRESHOLD_E)),
    *(Parameter(f"P_I{k}_mV", "mV", value, "fit of the inhibitory threshold") for k, value in enumerate(_THRESHOLD_I)),
)
RATES = (
    RegionState("r_E_Hz", "Hz", "firing rate of excitatory cells", default=2.0, low=0.0),
    RegionState("r_I_Hz", "Hz", "firing rate of inhibitory cells", default=10.0, low=0.0),
)
ADAPTATION = (RegionState("W_pA", "pA", "adaptation current of excitatory cells", default=55.0),)
INPUTS = (
    RegionInput("network", "Hz", "weighted excitatory rates of other regions, to both populations"),
    RegionInput("drive", "Hz", "external rate beside nu_ext, of noise say"),
)
OUTPUTS = (Output("V_E_mV", "mV", "mean potential of excitatory cells"),)
READS = (
    Read("bold", "r_E_Hz", "excitatory rate"),
    Read("eeg", "V_E_mV", "mean potential of excitatory cells"),
    Read("meg", "V_E_mV", "mean potential of excitatory cells"),
    Read("lfp", "V_E_mV", "mean potential of excitatory cells"),
    Read("rate", "r_E_Hz", "excitatory cells are four of five"),
)
EQUATIONS = (
    "F_x = erfc((V_x - mu) / (sqrt(2) sigma)) / (2 T_V) for mean mu, deviation sigma and correlation time T_V\n"
    "    of the potential with conductance synapses at the rates of both populations and from outside\n"
    "V_x = P_x0 + P_x1 m + P_x2 s + P_x3 t + P_x4 m^2 + P_x5 s^2 + P_x6 t^2 + P_x7 m s + P_x8 m t + P_x9 s t\n"
    "m = (mu + 60 mV) / 10 mV,  s = (sigma - 4 mV) / 6 mV,  t = T_V g_L / C - 0.5\n"
    "dW/dt = (a (mu_E - E_L_E) - W) / tau_w + b r_E"
)
