"""Mean field of conductance-based adaptive exponential neurons (di Volo et al. 2019), first order."""

from __future__ import annotations

from dtbsim.models.region_model import RegionModel
from dtbsim.models.region_tables import Noise
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


class DiVolo2019(RegionModel):
    """Rates of excitatory and inhibitory cells, and the adaptation of the excitatory ones."""

    name = "di_volo_2019"
    summary = "Mean field of adaptive exponential neurons with conductances, first order: rates"
    citation = CITATION
    equations = "T dr_x/dt = F_x(r_E, r_I, nu_ext + in_drive + in_network, W_x) - r_x,  W_I = 0\n" + EQUATIONS
    parameters = CELLS
    states = (*RATES, *ADAPTATION)
    inputs = INPUTS
    outputs = OUTPUTS
    couples = (("r_E_Hz", "network"),)
    functions = (per_ms, mean_potential, transfer)
    noise = (Noise("in_drive", "ornstein_uhlenbeck", sigma=1.0),)
    integrator = "heun"
    reads = READS
    equivalents = (("TVB", "ZerlautAdaptationFirstOrder"),)

    @staticmethod
    def derivatives(
        r_E_Hz: float,
        r_I_Hz: float,
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
    ) -> tuple[float, float, float]:
        """Rates towards their transfer functions."""
        far_E = nu_ext_Hz + in_drive + in_network
        far_I = nu_ext_Hz + in_drive + S_I * in_network
        F_E = transfer(
            r_E_Hz,
            r_I_Hz,
            far_E,
            W_pA,
            E_L_E_mV,
            Q_E_nS,
            Q_I_nS,
            tau_E_ms,
            tau_I_ms,
            E_E_mV,
            E_I_mV,
            g_L_nS,
            C_pF,
            K_E,
            K_I,
            K_ext,
            P_E0_mV,
            P_E1_mV,
            P_E2_mV,
            P_E3_mV,
            P_E4_mV,
            P_E5_mV,
            P_E6_mV,
            P_E7_mV,
            P_E8_mV,
            P_E9_mV,
        )
        F_I = transfer(
            r_E_Hz,
            r_I_Hz,
            far_I,
            0.0,
            E_L_I_mV,
            Q_E_nS,
            Q_I_nS,
            tau_E_ms,
            tau_I_ms,
            E_E_mV,
            E_I_mV,
            g_L_nS,
            C_pF,
            K_E,
            K_I,
            K_ext,
            P_I0_mV,
            P_I1_mV,
            P_I2_mV,
            P_I3_mV,
            P_I4_mV,
            P_I5_mV,
            P_I6_mV,
            P_I7_mV,
            P_I8_mV,
            P_I9_mV,
        )
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
            (F_E - r_E_Hz) / T_ms,
            (F_I - r_I_Hz) / T_ms,
            (a_nS * (mu - E_L_E_mV) - W_pA) / tau_w_ms + 0.001 * b_pA * r_E_Hz,
        )

    @staticmethod
    def output(
        r_E_Hz: float,
        r_I_Hz: float,
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
        K_E: float,
        K_I: float,
        K_ext: float,
        E_L_E_mV: float,
        nu_ext_Hz: float,
    ) -> float:
        """Mean potential of excitatory cells."""
        far_E = nu_ext_Hz + in_drive + in_network
        return mean_potential(
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
