"""The equations of dtbsim's neuron models as functions of the checked subset; see `forms`.

They are those of the `equations` of the models, and tests hold them against `update` at small steps.
"""

from __future__ import annotations

from typing import Any

from dtbsim.interchange.neuroml.forms import Form, Jump, Synapse, both
from dtbsim.models.language.elementary import cos, exp


def _leaky(V_m_mV: Any, E_L_mV: Any, tau_m_ms: Any, C_m_pF: Any, I_e_pA: Any, I: Any) -> Any:  # noqa: E741
    return (E_L_mV - V_m_mV) / tau_m_ms + (I_e_pA + I) / C_m_pF


def _at_threshold(V_m_mV: Any, V_th_mV: Any) -> Any:
    return V_m_mV >= V_th_mV


def _above_threshold(V_m_mV: Any, V_th_mV: Any) -> Any:
    return V_m_mV > V_th_mV


def _to_reset(V_reset_mV: Any) -> Any:
    return V_reset_mV


_IAF: dict[str, Any] = {
    "states": ("V_m_mV",), "spike": _at_threshold, "reset": _to_reset, "changed": ("V_m_mV",), "held": ("V_m_mV",),
    "t_ref": "t_ref_ms",
}  # fmt: skip


def _leaky_conductance(V_m_mV: Any, E_L_mV: Any, g_L_nS: Any, C_m_pF: Any, I_e_pA: Any, I: Any) -> Any:  # noqa: E741
    return (g_L_nS * (E_L_mV - V_m_mV) + I_e_pA + I) / C_m_pF


def _aeif(
    V_m_mV: Any, w_pA: Any, E_L_mV: Any, g_L_nS: Any, C_m_pF: Any, V_th_mV: Any, Delta_T_mV: Any, a_nS: Any,
    tau_w_ms: Any, I_e_pA: Any, I: Any,  # noqa: E741
) -> Any:  # fmt: skip
    upstroke = g_L_nS * Delta_T_mV * exp(min((V_m_mV - V_th_mV) / Delta_T_mV, 80.0))
    return (
        (g_L_nS * (E_L_mV - V_m_mV) + upstroke - w_pA + I_e_pA + I) / C_m_pF,
        (a_nS * (V_m_mV - E_L_mV) - w_pA) / tau_w_ms,
    )


def _aeif_spike(V_m_mV: Any, V_peak_mV: Any) -> Any:
    return V_m_mV >= V_peak_mV


def _aeif_reset(w_pA: Any, V_reset_mV: Any, b_pA: Any) -> Any:
    return V_reset_mV, w_pA + b_pA


def _mat2(
    V_m_mV: Any, V_th_alpha_1_mV: Any, V_th_alpha_2_mV: Any, E_L_mV: Any, tau_m_ms: Any, C_m_pF: Any, I_e_pA: Any,
    tau_1_ms: Any, tau_2_ms: Any, I: Any,  # noqa: E741
) -> Any:  # fmt: skip
    return (
        (E_L_mV - V_m_mV) / tau_m_ms + (I_e_pA + I) / C_m_pF,
        -V_th_alpha_1_mV / tau_1_ms,
        -V_th_alpha_2_mV / tau_2_ms,
    )


def _mat2_spike(V_m_mV: Any, V_th_alpha_1_mV: Any, V_th_alpha_2_mV: Any, omega_mV: Any) -> Any:
    return V_m_mV >= omega_mV + V_th_alpha_1_mV + V_th_alpha_2_mV


def _mat2_reset(V_th_alpha_1_mV: Any, V_th_alpha_2_mV: Any, alpha_1_mV: Any, alpha_2_mV: Any) -> Any:
    return V_th_alpha_1_mV + alpha_1_mV, V_th_alpha_2_mV + alpha_2_mV


def _amat2(
    V_m_mV: Any, V_th_alpha_1_mV: Any, V_th_alpha_2_mV: Any, V_th_dv_mV_per_ms: Any, V_th_v_mV: Any, E_L_mV: Any,
    tau_m_ms: Any, C_m_pF: Any, I_e_pA: Any, tau_1_ms: Any, tau_2_ms: Any, tau_v_ms: Any, beta_per_ms: Any,
    I: Any,  # noqa: E741
) -> Any:  # fmt: skip
    slope = (E_L_mV - V_m_mV) / tau_m_ms + (I_e_pA + I) / C_m_pF
    return (
        slope,
        -V_th_alpha_1_mV / tau_1_ms,
        -V_th_alpha_2_mV / tau_2_ms,
        beta_per_ms * slope - V_th_dv_mV_per_ms / tau_v_ms,
        V_th_dv_mV_per_ms - V_th_v_mV / tau_v_ms,
    )


def _amat2_spike(V_m_mV: Any, V_th_alpha_1_mV: Any, V_th_alpha_2_mV: Any, V_th_v_mV: Any, omega_mV: Any) -> Any:
    return V_m_mV >= omega_mV + V_th_alpha_1_mV + V_th_alpha_2_mV + V_th_v_mV


def _izhikevich(V_m_mV: Any, u: Any, a: Any, b: Any, I_e_mV_per_ms: Any, I: Any) -> Any:  # noqa: E741
    return 0.04 * V_m_mV * V_m_mV + 5.0 * V_m_mV + 140.0 - u + I_e_mV_per_ms + I, a * (b * V_m_mV - u)


def _izhikevich_reset(u: Any, c_mV: Any, d: Any) -> Any:
    return c_mV, u + d


def _izhikevich_2007(
    V_m_mV: Any, u_pA: Any, C_m_pF: Any, k: Any, V_r_mV: Any, V_t_mV: Any, a: Any, b_nS: Any, I_e_pA: Any,
    I: Any,  # noqa: E741
) -> Any:  # fmt: skip
    return (
        (k * (V_m_mV - V_r_mV) * (V_m_mV - V_t_mV) - u_pA + I_e_pA + I) / C_m_pF,
        a * (b_nS * (V_m_mV - V_r_mV) - u_pA),
    )


def _izhikevich_2007_reset(u_pA: Any, c_mV: Any, d_pA: Any) -> Any:
    return c_mV, u_pA + d_pA


def _qif(V_m: Any, tau_m_ms: Any, eta: Any, I_e: Any, I: Any) -> Any:  # noqa: E741
    return (V_m * V_m + eta + I_e + I) / tau_m_ms


def _qif_spike(V_m: Any, V_peak: Any) -> Any:
    return V_m >= V_peak


def _qif_reset(V_reset: Any) -> Any:
    return V_reset


def _theta(theta: Any, tau_m_ms: Any, eta: Any, I_e: Any, I: Any) -> Any:  # noqa: E741
    return (1.0 - cos(theta) + (1.0 + cos(theta)) * (eta + I_e + I)) / tau_m_ms


def _theta_spike(theta: Any) -> Any:
    return theta >= 3.1415927


def _theta_reset(theta: Any) -> Any:
    return theta - 6.2831853


def _lif_dtb(
    V_m_mV: Any, J_AMPA: Any, J_NMDA: Any, J_GABAa: Any, J_GABAb: Any, C_m_uF_per_cm2: Any, g_L_mS_per_cm2: Any,
    E_L_mV: Any, E_AMPA_mV: Any, E_NMDA_mV: Any, E_GABAa_mV: Any, E_GABAb_mV: Any, tau_AMPA_ms: Any, tau_NMDA_ms: Any,
    tau_GABAa_ms: Any, tau_GABAb_ms: Any, g_AMPA_mS_per_cm2: Any, g_NMDA_mS_per_cm2: Any, g_GABAa_mS_per_cm2: Any,
    g_GABAb_mS_per_cm2: Any, Mg_mM: Any, I_e_uA_per_cm2: Any, I: Any,  # noqa: E741
) -> Any:  # fmt: skip
    open_part = 1.0 / (1.0 + Mg_mM * 0.28011204 * exp(-0.062 * V_m_mV))
    current = g_AMPA_mS_per_cm2 * J_AMPA * (E_AMPA_mV - V_m_mV)
    current = current + g_NMDA_mS_per_cm2 * open_part * J_NMDA * (E_NMDA_mV - V_m_mV)
    current = current + g_GABAa_mS_per_cm2 * J_GABAa * (E_GABAa_mV - V_m_mV)
    current = current + g_GABAb_mS_per_cm2 * J_GABAb * (E_GABAb_mV - V_m_mV)
    return (
        (g_L_mS_per_cm2 * (E_L_mV - V_m_mV) + current + I_e_uA_per_cm2 + I) / C_m_uF_per_cm2,
        -J_AMPA / tau_AMPA_ms,
        -J_NMDA / tau_NMDA_ms,
        -J_GABAa / tau_GABAa_ms,
        -J_GABAb / tau_GABAb_ms,
    )


FORMS: dict[str, Form] = {
    "iaf_psc_exp": Form(rates=_leaky, ports=both("exp_current"), **_IAF),
    "iaf_psc_alpha": Form(rates=_leaky, ports=both("alpha_current"), **_IAF),
    "iaf_psc_exp_multisynapse": Form(rates=_leaky, each_port="exp_current", **_IAF),
    "iaf_psc_delta": Form(rates=_leaky, ports={"syn": Jump("V_m_mV")}, **_IAF),
    "iaf_cond_exp": Form(rates=_leaky_conductance, ports=both("exp_conductance"), **_IAF),
    "iaf_cond_alpha": Form(rates=_leaky_conductance, ports=both("alpha_conductance"), **_IAF),
    "iaf_wang_2002": Form(
        rates=_leaky_conductance,
        ports={
            "ampa": Synapse("exp_conductance", "tau_AMPA_ms", "E_ex_mV"),
            "gaba": Synapse("exp_conductance", "tau_GABA_ms", "E_in_mV"),
            "nmda": Synapse("nmda_conductance", "tau_decay_NMDA_ms", "E_ex_mV", "conc_Mg2_mM"),
        },
        **_IAF,
    ),
    "aeif_cond_exp": Form(
        ("V_m_mV", "w_pA"), _aeif, _aeif_spike, _aeif_reset, ("V_m_mV", "w_pA"), ("V_m_mV",), "t_ref_ms",
        both("exp_conductance"),
    ),
    "mat2_psc_exp": Form(
        ("V_m_mV", "V_th_alpha_1_mV", "V_th_alpha_2_mV"), _mat2, _mat2_spike, _mat2_reset,
        ("V_th_alpha_1_mV", "V_th_alpha_2_mV"), (), "t_ref_ms", both("exp_current"),
    ),
    "amat2_psc_exp": Form(
        ("V_m_mV", "V_th_alpha_1_mV", "V_th_alpha_2_mV", "V_th_dv_mV_per_ms", "V_th_v_mV"), _amat2, _amat2_spike,
        _mat2_reset, ("V_th_alpha_1_mV", "V_th_alpha_2_mV"), (), "t_ref_ms", both("exp_current"),
    ),
    "izhikevich": Form(
        ("V_m_mV", "u"), _izhikevich, _at_threshold, _izhikevich_reset, ("V_m_mV", "u"),
        ports={"syn": Jump("V_m_mV")},
    ),
    "izhikevich_2007": Form(
        ("V_m_mV", "u_pA"), _izhikevich_2007, _aeif_spike, _izhikevich_2007_reset, ("V_m_mV", "u_pA"),
        ports=both("exp_current"),
    ),
    "qif": Form(("V_m",), _qif, _qif_spike, _qif_reset, ("V_m",), ("V_m",), "t_ref_ms", {"syn": Jump("V_m")}),
    "theta": Form(("theta",), _theta, _theta_spike, _theta_reset, ("theta",)),
    "lif_dtb": Form(
        ("V_m_mV", "J_AMPA", "J_NMDA", "J_GABAa", "J_GABAb"), _lif_dtb, _at_threshold, _to_reset, ("V_m_mV",),
        ("V_m_mV",), "t_ref_ms", {port: Jump(f"J_{port}") for port in ("AMPA", "NMDA", "GABAa", "GABAb")},
    ),
}  # fmt: skip
