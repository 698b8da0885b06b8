"""Adaptive linear-nonlinear mean field of exponential integrate-and-fire neurons (Cakan and Obermayer 2020)."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np

from dtbsim.models.base import Constants, Values
from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Lookup, Noise, OwnDelay, Read, RegionInput, RegionState
from dtbsim.models.tables import Derived, Parameter

LARGEST_DT_MS = 0.2
_FOLDER = Path(__file__).with_name("data")
_GRID = ((0.5, 4.5 / 63, 64), (-1.0, 8.0 / 349, 350))
"""sigma from 0.5 to 5 mV/sqrt(ms), mu from -1 to 7 mV/ms."""


phi = Lookup("phi", *_GRID, _FOLDER, "aln.npz:rate_per_ms")
mean_potential = Lookup("mean_potential", *_GRID, _FOLDER, "aln.npz:potential_mV")
input_tau = Lookup("input_tau", *_GRID, _FOLDER, "aln.npz:tau_ms")


def spread(J: float, s: float, z: float, tau_s: float, tau_m: float) -> float:
    """Variance of the input through synapses of one kind, per ms."""
    return 2.0 * J * J * s * tau_s * tau_m / ((1.0 + z) * tau_m + tau_s)


def mean_rise(s: float, z: float, tau_s: float) -> float:
    """Derivative of the mean share of active synapses."""
    return ((1.0 - s) * z - s) / tau_s


def variance_rise(s: float, v: float, z: float, z2: float, tau_s: float) -> float:
    """Derivative of its variance."""
    return ((1.0 - s) * (1.0 - s) * z2 + (z2 - 2.0 * tau_s * (z + 1.0)) * v) / (tau_s * tau_s)


class Aln(RegionModel):
    """Means and variances of synaptic input, filtered means, adaptation; rates by tables of Fokker-Planck solutions."""

    name = "aln"
    summary = "Mean field of adaptive exponential integrate-and-fire neurons (ALN): rates by tables of mu and sigma"
    citation = (
        "Cakan, Obermayer 2020 (doi:10.1371/journal.pcbi.1007822); "
        "Augustin et al. 2017 (doi:10.1371/journal.pcbi.1005545)"
    )
    integration = (
        "rates follow input and adaptation at once: r[n + 1] is the table's value for the states before step n. Tables "
        "are of neurolib 0.6.2 (C = 200 pF, g_L = 10 nS, E_L = -65 mV, Delta_T = 1.5 mV, V_T = -50 mV, V_r = -70 mV, "
        "V_s = -40 mV, t_ref = 1.5 ms), bilinear between grid points, constant outside them"
    )
    equations = (
        "d mu_f/dt = (mu - mu_f) / tau(sigma, mu_f - I_A / C),  r = Phi(sigma, mu_f - I_A / C)\n"
        "mu_E = J_EE s_EE + J_EI s_EI + mu_E_ext + in_mu_E + I_stim\n"
        "mu_I = J_IE s_IE + J_II s_II + mu_I_ext + in_mu_I\n"
        "d I_A/dt = (a (V(sigma, mu_f - I_A / C) - E_A) - I_A + tau_A b r_E) / tau_A\n"
        "d s_ab/dt = ((1 - s_ab) z_ab - s_ab) / tau_b,  d v_ab/dt = ((1 - s_ab)^2 y_ab + (y_ab - 2 tau_b (z_ab + 1)) "
        "v_ab) / tau_b^2\n"
        "z_ab = g_ab K_b r_b(t - d_b),  y_ab = g_ab^2 K_b r_b(t - d_b),  g_ab = c_ab tau_b / abs(J_ab)\n"
        "z_EE += g_gl K_gl (in_network + rate_E_ext),  y_EE += g_gl^2 K_gl (in_squares + rate_E_ext), g_gl likewise\n"
        "z_IE += g_gl K_gl rate_I_ext, y_IE += g_gl^2 K_gl rate_I_ext\n"
        "sigma_a^2 = sum_b 2 J_ab^2 v_ab tau_b tau_m / ((1 + z_ab) tau_m + tau_b) + sigma_a_ext^2"
    )
    parameters = (
        Parameter("c_gl_mV_per_ms", "mV/ms", 0.3, "amplitude of synapses between regions", low=0.0),
        Parameter("K_gl", "1", 250.0, "number of synapses between regions", low=0.0),
        Parameter("mu_E_ext", "mV/ms", 0.4, "mean external input of the excitatory population"),
        Parameter("mu_I_ext", "mV/ms", 0.3, "mean external input of the inhibitory population"),
        Parameter("rate_E_ext_Hz", "Hz", 0.0, "external rate to excitatory synapses between regions", low=0.0),
        Parameter("rate_I_ext_Hz", "Hz", 0.0, "external rate to the inhibitory population", low=0.0),
        Parameter("sigma_E_ext", "mV/sqrt(ms)", 1.5, "external noise of the excitatory population", low=0.0),
        Parameter("sigma_I_ext", "mV/sqrt(ms)", 1.5, "external noise of the inhibitory population", low=0.0),
        Parameter("K_E", "1", 800.0, "excitatory synapses of a neuron", low=0.0),
        Parameter("K_I", "1", 200.0, "inhibitory synapses of a neuron", low=0.0),
        Parameter("d_E_ms", "ms", 4.0, "delay of excitatory synapses", low=0.0, open_low=True),
        Parameter("d_I_ms", "ms", 2.0, "delay of inhibitory synapses", low=0.0, open_low=True),
        Parameter("tau_se_ms", "ms", 2.0, "time constant of excitatory synapses", low=0.0, open_low=True),
        Parameter("tau_si_ms", "ms", 5.0, "time constant of inhibitory synapses", low=0.0, open_low=True),
        Parameter("c_EE", "mV/ms", 0.3, "amplitude of excitatory synapses on excitatory neurons", low=0.0),
        Parameter("c_IE", "mV/ms", 0.3, "amplitude of excitatory synapses on inhibitory neurons", low=0.0),
        Parameter("c_EI", "mV/ms", 0.5, "amplitude of inhibitory synapses on excitatory neurons", low=0.0),
        Parameter("c_II", "mV/ms", 0.5, "amplitude of inhibitory synapses on inhibitory neurons", low=0.0),
        Parameter("J_EE", "mV/ms", 2.43, "largest synaptic current, excitatory to excitatory"),
        Parameter("J_IE", "mV/ms", 2.6, "largest synaptic current, excitatory to inhibitory"),
        Parameter("J_EI", "mV/ms", -3.3, "largest synaptic current, inhibitory to excitatory"),
        Parameter("J_II", "mV/ms", -1.64, "largest synaptic current, inhibitory to inhibitory"),
        Parameter("a_nS", "nS", 12.0, "subthreshold adaptation", low=0.0),
        Parameter("b_pA", "pA", 60.0, "spike-triggered adaptation", low=0.0),
        Parameter("E_A_mV", "mV", -80.0, "reversal potential of the adaptation"),
        Parameter("tau_A_ms", "ms", 200.0, "time constant of the adaptation", low=0.0, open_low=True),
        Parameter("C_pF", "pF", 200.0, "membrane capacitance", low=0.0, open_low=True),
        Parameter("g_L_nS", "nS", 10.0, "leak conductance", low=0.0, open_low=True),
    )
    derived = (
        Derived("g_EE_ms", "ms", "c_EE tau_se / J_EE: a spike's share of active synapses, times the time constant"),
        Derived("g_IE_ms", "ms", "c_IE tau_se / J_IE"),
        Derived("g_EI_ms", "ms", "c_EI tau_si / abs(J_EI)"),
        Derived("g_II_ms", "ms", "c_II tau_si / abs(J_II)"),
        Derived("g_gl_ms", "ms", "c_gl tau_se / J_EE"),
    )
    states = (
        RegionState("mu_E", "mV/ms", "filtered mean input of the excitatory population", default=1.5),
        RegionState("mu_I", "mV/ms", "filtered mean input of the inhibitory population", default=1.5),
        RegionState("I_A_pA", "pA", "adaptation current", default=100.0),
        RegionState("s_EE", "1", "mean share of active synapses, excitatory to excitatory", default=0.25),
        RegionState("s_EI", "1", "mean share of active synapses, inhibitory to excitatory", default=0.25),
        RegionState("s_IE", "1", "mean share of active synapses, excitatory to inhibitory", default=0.25),
        RegionState("s_II", "1", "mean share of active synapses, inhibitory to inhibitory", default=0.25),
        RegionState("v_EE", "1", "variance of s_EE", default=0.0005, low=0.0),
        RegionState("v_EI", "1", "variance of s_EI", default=0.0005, low=0.0),
        RegionState("v_IE", "1", "variance of s_IE", default=0.005, low=0.0),
        RegionState("v_II", "1", "variance of s_II", default=0.005, low=0.0),
        RegionState("r_E_Hz", "Hz", "firing rate of the excitatory population", instant=True),
        RegionState("r_I_Hz", "Hz", "firing rate of the inhibitory population", instant=True),
    )
    inputs = (
        RegionInput("network", "Hz", "weighted excitatory rates of other regions"),
        RegionInput(
            "squares", "Hz", "excitatory rates of other regions, weighted with squares of weights", squared=True
        ),
        RegionInput("mu_E", "mV/ms", "input current of the excitatory population"),
        RegionInput("mu_I", "mV/ms", "input current of the inhibitory population"),
    )
    couples = (("r_E_Hz", "network"), ("r_E_Hz", "squares"))
    delays = (
        OwnDelay("late_E_Hz", "r_E_Hz", "d_E_ms", "excitatory rate, d_E ago"),
        OwnDelay("late_I_Hz", "r_I_Hz", "d_I_ms", "inhibitory rate, d_I ago"),
    )
    lookups = (
        phi,
        mean_potential,
        input_tau,
    )
    functions = (spread, mean_rise, variance_rise)
    noise = (
        Noise("in_mu_E", "ornstein_uhlenbeck", sigma=0.05),
        Noise("in_mu_I", "ornstein_uhlenbeck", sigma=0.05),
    )
    integrator = "euler"
    stimulus_unit = "mV/ms"
    reads = (
        Read("bold", "r_E_Hz", "excitatory rate, as in neurolib"),
        Read("eeg", "mu_E", "mean input of the excitatory population"),
        Read("meg", "mu_E", "mean input of the excitatory population"),
        Read("lfp", "mu_E", "mean input of the excitatory population"),
        Read("rate", "r_E_Hz", "excitatory neurons are most of them"),
    )
    equivalents = (("neurolib", "ALNModel"),)

    def derive(self, p: Values, dt_ms: float) -> Constants:
        """Amplitudes of synapses in units of their largest currents."""
        return {
            "g_EE_ms": p["c_EE"] * p["tau_se_ms"] / p["J_EE"],
            "g_IE_ms": p["c_IE"] * p["tau_se_ms"] / p["J_IE"],
            "g_EI_ms": p["c_EI"] * p["tau_si_ms"] / np.abs(p["J_EI"]),
            "g_II_ms": p["c_II"] * p["tau_si_ms"] / np.abs(p["J_II"]),
            "g_gl_ms": p["c_gl_mV_per_ms"] * p["tau_se_ms"] / p["J_EE"],
        }

    def largest_dt_ms(self, p: Values) -> float:
        """Just above the shortest time constant of the table, 0.16 ms."""
        return LARGEST_DT_MS

    @staticmethod
    def derivatives(
        mu_E: float,
        mu_I: float,
        I_A_pA: float,
        s_EE: float,
        s_EI: float,
        s_IE: float,
        s_II: float,
        v_EE: float,
        v_EI: float,
        v_IE: float,
        v_II: float,
        late_E_Hz: float,
        late_I_Hz: float,
        in_network: float,
        in_squares: float,
        in_mu_E: float,
        in_mu_I: float,
        I_stim: float,
        g_gl_ms: float,
        K_gl: float,
        mu_E_ext: float,
        mu_I_ext: float,
        rate_E_ext_Hz: float,
        rate_I_ext_Hz: float,
        sigma_E_ext: float,
        sigma_I_ext: float,
        K_E: float,
        K_I: float,
        tau_se_ms: float,
        tau_si_ms: float,
        g_EE_ms: float,
        g_IE_ms: float,
        g_EI_ms: float,
        g_II_ms: float,
        J_EE: float,
        J_IE: float,
        J_EI: float,
        J_II: float,
        a_nS: float,
        b_pA: float,
        E_A_mV: float,
        tau_A_ms: float,
        C_pF: float,
        g_L_nS: float,
    ) -> tuple[float, float, float, float, float, float, float, float, float, float, float, float, float]:
        """Synapses, filtered means, adaptation, rates."""
        tau_m = C_pF / g_L_nS
        from_E = 0.001 * K_E * late_E_Hz
        from_I = 0.001 * K_I * late_I_Hz
        far = 0.001 * g_gl_ms * K_gl
        z_EE = g_EE_ms * from_E + far * (in_network + rate_E_ext_Hz)
        z_EI = g_EI_ms * from_I
        z_IE = g_IE_ms * from_E + far * rate_I_ext_Hz
        z_II = g_II_ms * from_I
        y_EE = g_EE_ms * g_EE_ms * from_E + g_gl_ms * far * (in_squares + rate_E_ext_Hz)
        y_EI = g_EI_ms * z_EI
        y_IE = g_IE_ms * g_IE_ms * from_E + g_gl_ms * far * rate_I_ext_Hz
        y_II = g_II_ms * z_II
        around_E = spread(J_EE, v_EE, z_EE, tau_se_ms, tau_m) + spread(J_EI, v_EI, z_EI, tau_si_ms, tau_m)
        around_I = spread(J_IE, v_IE, z_IE, tau_se_ms, tau_m) + spread(J_II, v_II, z_II, tau_si_ms, tau_m)
        sigma_E = sqrt(around_E + sigma_E_ext * sigma_E_ext)
        sigma_I = sqrt(around_I + sigma_I_ext * sigma_I_ext)
        left = mu_E - I_A_pA / C_pF
        r_E = phi(sigma_E, left)
        r_I = phi(sigma_I, mu_I)
        V = mean_potential(sigma_E, left)
        goal_E = J_EE * s_EE + J_EI * s_EI + mu_E_ext + in_mu_E + I_stim
        goal_I = J_IE * s_IE + J_II * s_II + mu_I_ext + in_mu_I
        return (
            (goal_E - mu_E) / input_tau(sigma_E, left),
            (goal_I - mu_I) / input_tau(sigma_I, mu_I),
            (a_nS * (V - E_A_mV) - I_A_pA + tau_A_ms * b_pA * r_E) / tau_A_ms,
            mean_rise(s_EE, z_EE, tau_se_ms),
            mean_rise(s_EI, z_EI, tau_si_ms),
            mean_rise(s_IE, z_IE, tau_se_ms),
            mean_rise(s_II, z_II, tau_si_ms),
            variance_rise(s_EE, v_EE, z_EE, y_EE, tau_se_ms),
            variance_rise(s_EI, v_EI, z_EI, y_EI, tau_si_ms),
            variance_rise(s_IE, v_IE, z_IE, y_IE, tau_se_ms),
            variance_rise(s_II, v_II, z_II, y_II, tau_si_ms),
            1000.0 * r_E,
            1000.0 * r_I,
        )
