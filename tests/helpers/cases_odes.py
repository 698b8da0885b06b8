"""Cases and mutants of `test_models_c_text.py` for the models with a fixed scheme for non-linear equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dtbsim.models import get_model

N = 67
"""Neurons of a case."""
SPREAD = np.linspace(0.0, 1.0, N)


def once(a: str, b: str) -> Callable[[str], str]:
    return lambda text: text.replace(a, b, 1)


ADEX = {
    "tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3, "E_ex_mV": 3.0, "V_reset_mV": -57.0, "I_e_pA": 500.0 + 500.0 * SPREAD,
    "b_pA": 20.0 * SPREAD,
}  # fmt: skip
HH = {"I_e_pA": 300.0 + 900.0 * SPREAD, "t_ref_ms": 3.0 * SPREAD}

CASES: dict[str, dict[str, Any]] = {
    "aeif_cond_exp": {"model": get_model("aeif_cond_exp"), "parameters": ADEX, "quantum": 0.0625, "use_stim": True},
    "aeif_cond_exp, refractory": {
        "model": get_model("aeif_cond_exp"),
        "parameters": ADEX | {"t_ref_ms": 0.3 + 3.0 * SPREAD, "tau_w_ms": 20.0 + 100.0 * SPREAD, "V_peak_mV": -45.0},
        "quantum": 0.0625,
    },
    "hh_psc_alpha": {
        "model": get_model("hh_psc_alpha"),
        "parameters": HH | {"tau_syn_ex_ms": 0.7, "tau_syn_in_ms": 1.9},
        "use_stim": True,
    },
    "hh_cond_exp_traub": {
        "model": get_model("hh_cond_exp_traub"),
        "parameters": HH | {"E_ex_mV": 4.0},
        "quantum": 0.0625,
        "use_stim": True,
    },
    "izhikevich_2007": {
        "model": get_model("izhikevich_2007"),
        "parameters": {"a": 0.02 + 0.08 * SPREAD, "d_pA": 100.0 - 60.0 * SPREAD, "I_e_pA": 120.0, "tau_syn_in_ms": 6.3},
        "use_stim": True,
    },
}
"""Inputs of the test are integers of either sign, so conductances become negative too: both texts must agree there."""

CASES |= {
    "iaf_wang_2002": {
        "model": get_model("iaf_wang_2002"),
        "parameters": {"I_e_pA": 250.0 + 300.0 * SPREAD, "t_ref_ms": 3.0 * SPREAD, "E_in_mV": -75.0},
        "quantum": 0.0625,
        "use_stim": True,
    },
    "qif": {
        "model": get_model("qif"),
        "parameters": {"eta": 0.5 + 20.0 * SPREAD, "t_ref_ms": SPREAD, "V_peak": 40.0, "tau_m_ms": 9.0},
        "quantum": 0.015625,
        "use_stim": True,
    },
    "theta": {
        "model": get_model("theta"),
        "parameters": {"eta": 0.5 + 20.0 * SPREAD},
        "quantum": 0.015625,
        "use_stim": True,
    },
}

MUTANTS: dict[tuple[str, str], Callable[[str], str]] = {
    ("aeif_cond_exp, refractory", "higher peak"): once("v >= peak_mV", "v >= 1.001f * peak_mV"),
    ("aeif_cond_exp", "no jump of w"): once("b_pA * ", "0.0f * "),
    ("aeif_cond_exp", "swapped halves"): once("* second_ex", "* first_ex"),
    ("aeif_cond_exp", "spike at the end of the step"): once("rest * rate_w", "rate_w"),
    ("aeif_cond_exp", "swapped inputs"): once("+ in_ex", "+ in_in"),
    ("aeif_cond_exp, refractory", "one step less refractory"): once("? refractory_steps :", "? refractory_steps - 1 :"),
    ("hh_psc_alpha", "threshold passed upwards"): once("V_m_mV > v", "V_m_mV < v"),
    ("hh_psc_alpha", "swapped rises"): once("onset_ex * in_ex", "onset_in * in_ex"),
    ("hh_psc_alpha", "a whole substep of m first"): once("(m, v, half_ms)", "(m, v, substep_ms)"),
    ("hh_psc_alpha", "no series at 0"): once("near ? series", "false ? series"),
    ("hh_cond_exp_traub", "lower threshold"): once("0x1.e000000000000p+4f", "0x1.d000000000000p+4f"),
    ("hh_cond_exp_traub", "swapped inputs"): once("+ in_ex", "+ in_in"),
    ("hh_cond_exp_traub", "one substep less of n"): once("n = dtb_own_n_gate(n, v, substep_ms);", ""),
    ("izhikevich_2007", "no jump of u"): once("(d_pA * ", "(0.0f * "),
    ("izhikevich_2007", "spike at the end of the step"): once("rest * rate", "rate"),
    ("izhikevich_2007", "higher peak"): once(">= (peak_mV * below)", ">= (1.01f * peak_mV * below)"),
    ("izhikevich_2007", "swapped means"): once("mean_ex * I_syn_ex", "mean_in * I_syn_ex"),
    ("qif", "higher peak"): once(">= (V_peak * below)", ">= (1.01f * V_peak * below)"),
    ("qif", "no pause"): once("- t_ref_ms", "- 0.0f"),
    ("qif", "kicks in the pause"): once("(pause > 0x0.0p+0f)", "(pause < 0x0.0p+0f)"),
    ("theta", "later wrap"): once("ahead >=", "ahead + 0.001f >="),
    ("theta", "three stages"): once("+ k4", "+ k3"),
    ("iaf_wang_2002", "no block"): once("drive + ((ampa + open_now)", "drive + ((ampa + nmda)"),
    ("iaf_wang_2002", "swapped decays"): once("* P_NMDA", "* P_GABA"),
    ("iaf_wang_2002", "one step less refractory"): once("? refractory_steps :", "? refractory_steps - 1 :"),
    ("iaf_wang_2002", "block at the start"): once("dtb_own_unblocked(middle, mg)", "dtb_own_unblocked(V_m_mV, mg)"),
}
