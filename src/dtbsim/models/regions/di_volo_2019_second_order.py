"""Mean field of conductance-based adaptive exponential neurons (di Volo et al. 2019), second order."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise, RegionState
from dtbsim.models.regions.di_volo_2019 import DiVolo2019
from dtbsim.models.regions.di_volo_common import (
    ADAPTATION,
    CELLS,
    CITATION,
    EQUATIONS,
    INPUTS,
    OUTPUTS,
    RATES,
    READS,
    mean_potential,
    per_ms,
    transfer,
)
from dtbsim.models.tables import Parameter


class DiVolo2019SecondOrder(RegionModel):
    """As `di_volo_2019`, with variances and covariance of the rates, whose sizes follow from finite populations."""

    name = "di_volo_2019_second_order"
    summary = "Mean field of adaptive exponential neurons with conductances, second order: rates and covariances"
    citation = f"{CITATION}; El Boustani, Destexhe 2009 (doi:10.1162/neco.2009.02-08-710)"
    integration = (
        "derivatives of the transfer functions by central differences of 0.5 Hz, around rates of at least 0.5 Hz; "
        "sums over mu: dc_ab/dt has c_am dF_b/dr_m + c_bm dF_a/dr_m"
    )
    equations = (
        "T dr_x/dt = F_x - r_x + (c_EE d2F_x/dr_E^2 + 2 c_EI d2F_x/dr_E dr_I + c_II d2F_x/dr_I^2) / 2\n"
        "T dc_ab/dt = [a = b] F_a (1 / T - F_a) / N_a + (F_a - r_a) (F_b - r_b)\n"
        "             + sum_m (c_am dF_b/dr_m + c_bm dF_a/dr_m) - 2 c_ab\n" + EQUATIONS
    )
    parameters = (
        *CELLS,
        Parameter("N_E", "1", 8000.0, "number of excitatory cells", low=1.0),
        Parameter("N_I", "1", 2000.0, "number of inhibitory cells", low=1.0),
    )
    states = (
        *RATES,
        RegionState("c_EE", "Hz^2", "variance of the excitatory rate", default=0.08),
        RegionState("c_EI", "Hz^2", "covariance of both rates", default=0.16),
        RegionState("c_II", "Hz^2", "variance of the inhibitory rate", default=0.38),
        *ADAPTATION,
    )
    inputs = INPUTS
    outputs = OUTPUTS
    couples = (("r_E_Hz", "network"),)
    functions = (per_ms, mean_potential, transfer)
    noise = (Noise("in_drive", "ornstein_uhlenbeck", sigma=1.0),)
    integrator = "heun"
    reads = READS
    equivalents = (("TVB", "ZerlautAdaptationSecondOrder"),)
    output = staticmethod(DiVolo2019.output)

    @staticmethod
    def derivatives(
        r_E_Hz: float,
        r_I_Hz: float,
        c_EE: float,
        c_EI: float,
        c_II: float,
        W_pA: float,
        in_network: float,
        in_drive: float,
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
        E_L_E_mV: float,
        E_L_I_mV: float,
        nu_ext_Hz: float,
        S_I: float,
        a_nS: float,
        b_pA: float,
        tau_w_ms: float,
        T_ms: float,
        P_E0_mV: float,
        P_E1_mV: float,
        P_E2_mV: float,
        P_E3_mV: float,
        P_E4_mV: float,
        P_E5_mV: float,
        P_E6_mV: float,
        P_E7_mV: float,
        P_E8_mV: float,
        P_E9_mV: float,
        P_I0_mV: float,
        P_I1_mV: float,
        P_I2_mV: float,
        P_I3_mV: float,
        P_I4_mV: float,
        P_I5_mV: float,
        P_I6_mV: float,
        P_I7_mV: float,
        P_I8_mV: float,
        P_I9_mV: float,
        N_E: float,
        N_I: float,
    ) -> tuple[float, float, float, float, float, float]:
        """Rates, their covariances, adaptation."""
        far_E = nu_ext_Hz + in_drive + in_network
        far_I = nu_ext_Hz + in_drive + S_I * in_network
        E = max(r_E_Hz, 0.5)
        I = max(r_I_Hz, 0.5)  # noqa: E741
        # fmt: off
        F_E_0 = transfer(
            r_E_Hz, r_I_Hz, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF,
            K_E, K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV,
            P_E9_mV
        )
        F_E_c = transfer(
            E, I, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E, K_I,
            K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV, P_E9_mV
        )
        F_E_e_up = transfer(
            E + 0.5, I, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV, P_E9_mV
        )
        F_E_e_down = transfer(
            E - 0.5, I, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV, P_E9_mV
        )
        F_E_i_up = transfer(
            E, I + 0.5, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV, P_E9_mV
        )
        F_E_i_down = transfer(
            E, I - 0.5, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV, P_E9_mV
        )
        F_E_both_up = transfer(
            E + 0.5, I + 0.5, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS,
            C_pF, K_E, K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV,
            P_E9_mV
        )
        F_E_both_down = transfer(
            E - 0.5, I - 0.5, far_E, W_pA, E_L_E_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS,
            C_pF, K_E, K_I, K_ext, P_E0_mV, P_E1_mV, P_E2_mV, P_E3_mV, P_E4_mV, P_E5_mV, P_E6_mV, P_E7_mV, P_E8_mV,
            P_E9_mV
        )
        d_E_e = F_E_e_up - F_E_e_down
        d_E_i = F_E_i_up - F_E_i_down
        d_E_ee = 4.0 * (F_E_e_up - 2.0 * F_E_c + F_E_e_down)
        d_E_ii = 4.0 * (F_E_i_up - 2.0 * F_E_c + F_E_i_down)
        d_E_ei = 2.0 * (F_E_both_up - F_E_e_up - F_E_i_up + 2.0 * F_E_c - F_E_e_down - F_E_i_down + F_E_both_down)
        F_I_0 = transfer(
            r_E_Hz, r_I_Hz, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF,
            K_E, K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV,
            P_I9_mV
        )
        F_I_c = transfer(
            E, I, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E, K_I,
            K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV, P_I9_mV
        )
        F_I_e_up = transfer(
            E + 0.5, I, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV, P_I9_mV
        )
        F_I_e_down = transfer(
            E - 0.5, I, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV, P_I9_mV
        )
        F_I_i_up = transfer(
            E, I + 0.5, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV, P_I9_mV
        )
        F_I_i_down = transfer(
            E, I - 0.5, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF, K_E,
            K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV, P_I9_mV
        )
        F_I_both_up = transfer(
            E + 0.5, I + 0.5, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF,
            K_E, K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV,
            P_I9_mV
        )
        F_I_both_down = transfer(
            E - 0.5, I - 0.5, far_I, 0.0, E_L_I_mV, Q_E_nS, Q_I_nS, tau_E_ms, tau_I_ms, E_E_mV, E_I_mV, g_L_nS, C_pF,
            K_E, K_I, K_ext, P_I0_mV, P_I1_mV, P_I2_mV, P_I3_mV, P_I4_mV, P_I5_mV, P_I6_mV, P_I7_mV, P_I8_mV,
            P_I9_mV
        )
        # fmt: on
        d_I_e = F_I_e_up - F_I_e_down
        d_I_i = F_I_i_up - F_I_i_down
        d_I_ee = 4.0 * (F_I_e_up - 2.0 * F_I_c + F_I_e_down)
        d_I_ii = 4.0 * (F_I_i_up - 2.0 * F_I_c + F_I_i_down)
        d_I_ei = 2.0 * (F_I_both_up - F_I_e_up - F_I_i_up + 2.0 * F_I_c - F_I_e_down - F_I_i_down + F_I_both_down)
        miss_E = F_E_0 - r_E_Hz
        miss_I = F_I_0 - r_I_Hz
        most = 1000.0 / T_ms
        mu = mean_potential(
            per_ms(r_E_Hz, far_E, K_E, K_ext),
            per_ms(r_I_Hz, 0.0, K_I, 0.0),
            W_pA,
            E_L_E_mV,
            Q_E_nS,
            Q_I_nS,
            tau_E_ms,
            tau_I_ms,
            E_E_mV,
            E_I_mV,
            g_L_nS,
        )
        return (
            (miss_E + 0.5 * (c_EE * d_E_ee + 2.0 * c_EI * d_E_ei + c_II * d_E_ii)) / T_ms,
            (miss_I + 0.5 * (c_EE * d_I_ee + 2.0 * c_EI * d_I_ei + c_II * d_I_ii)) / T_ms,
            (F_E_0 * (most - F_E_0) / N_E + miss_E * miss_E + 2.0 * (c_EE * d_E_e + c_EI * d_E_i - c_EE)) / T_ms,
            (miss_E * miss_I + c_EE * d_I_e + c_EI * (d_I_i + d_E_e - 2.0) + c_II * d_E_i) / T_ms,
            (F_I_0 * (most - F_I_0) / N_I + miss_I * miss_I + 2.0 * (c_EI * d_I_e + c_II * d_I_i - c_II)) / T_ms,
            (a_nS * (mu - E_L_E_mV) - W_pA) / tau_w_ms + 0.001 * b_pA * r_E_Hz,
        )
