"""Cases and planted mutants of the current- and conductance-based models for `tests/unit/test_models_c_text.py`.

`edges` of a case prepares its first four rows before the first step and `first` says which of them spike in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.helpers.single_population import KERNEL_TYPE, SinglePopulation

from dtbsim.models import get_model

N = 67
SPREAD = np.linspace(0.0, 1.0, N)
MEMBRANE = {"tau_m_ms": 13.0, "C_m_pF": 211.0, "E_L_mV": -65.3, "V_reset_mV": -61.7, "t_ref_ms": 0.7}
V_TH = {"V_th_mV": -50.2 + 5.0 * SPREAD}
TAUS = {"tau_syn_ex_ms": 1.7, "tau_syn_in_ms": 6.3}
CONDUCTANCE = {key: value for key, value in MEMBRANE.items() if key != "tau_m_ms"} | TAUS | {"g_L_nS": 17.3}
DTB = V_TH | {"E_L_mV": -70.0, "V_reset_mV": -62.0, "C_m_uF_per_cm2": 0.7, "I_e_uA_per_cm2": 0.5 + SPREAD}
MAT = {"E_L_mV": -70.0, "C_m_pF": 190.0, "tau_m_ms": 9.0, "alpha_1_mV": 12.0, "alpha_2_mV": 1.5, **TAUS}
GLIF = {"C_m_pF": 61.0, "g_nS": 9.1, "E_L_mV": -78.0}


def at_threshold(population: SinglePopulation) -> None:
    """Row 0 reaches its threshold exactly in the first step; rows 1 to 3 lie above, refractory for 1, 2 and 0 steps.

    The threshold of row 0 is made the potential that the compiled kernel (not a mutant) reaches, and its adaptive
    parts begin at 0.
    """
    population.state("V_m_mV")[:4] = [10.0, 30.0, 30.0, 30.0]
    population.state("refractory")[:4] = [0, 1, 2, 0]
    theta = population.F[population.offsets["theta_mV"] :]
    floats, integers, given = population.F.copy(), population.I.copy(), theta[0]
    theta[0] = np.float32(1e30)
    own, population._call = population._call, KERNEL_TYPE(population.kernel.address)
    population.step()
    population._call = own
    reached = population.state("V_m_mV")[0]
    follow = population.state("V_th_v_mV")[0] if "V_th_v_mV" in population.offsets else np.float32(0.0)
    population.F[:], population.I[:] = floats, integers
    theta[0] = threshold_at(reached, follow)
    assert theta[0] != given


def threshold_at(reached: Any, follow: Any) -> Any:
    """float32 that is `reached` when `follow`, the part of the threshold that follows the potential, is added."""
    near = (reached - follow).view(np.int32) + np.arange(-9, 10, dtype=np.int32)
    candidates = near.view(np.float32)
    return candidates[candidates + follow == reached][0]


def once(a: str, b: str) -> Callable[[str], str]:
    """Replace the first `a`."""
    return lambda text: text.replace(a, b, 1)


def swap(a: str, b: str) -> Callable[[str], str]:
    """Exchange two names everywhere behind the signature."""

    def exchange(text: str) -> str:
        head, body = text.rsplit("\n{\n", 1)
        return head + "\n{\n" + body.replace(a, "@").replace(b, a).replace("@", b)

    return exchange


CASES: dict[str, dict[str, Any]] = {
    "iaf_psc_delta": {
        "model": get_model("iaf_psc_delta"),
        "parameters": MEMBRANE | V_TH | {"I_e_pA": 150.0 + 250.0 * SPREAD},
        "quantum": 0.0625,
        "use_stim": True,
        "edges": at_threshold,
    },
    "iaf_psc_alpha": {
        "model": get_model("iaf_psc_alpha"),
        "parameters": MEMBRANE | V_TH | TAUS | {"I_e_pA": 150.0 + 250.0 * SPREAD},
        "use_stim": True,
        "edges": at_threshold,
    },
    "iaf_psc_alpha, shared current": {
        "model": get_model("iaf_psc_alpha").simplify({}),
        "parameters": MEMBRANE | V_TH | {"I_e_pA": 150.0 + 250.0 * SPREAD},
        "edges": at_threshold,
    },
    "iaf_cond_exp": {
        "model": get_model("iaf_cond_exp"),
        "parameters": CONDUCTANCE | V_TH | {"I_e_pA": 250.0 + 300.0 * SPREAD},
        "quantum": 0.0625,
        "use_stim": True,
        "edges": at_threshold,
        "first": (1, 0, 0, 1),
    },
    "iaf_cond_alpha": {
        "model": get_model("iaf_cond_alpha"),
        "parameters": CONDUCTANCE | V_TH | {"I_e_pA": 250.0 + 300.0 * SPREAD},
        "quantum": 0.0625,
        "use_stim": True,
        "edges": at_threshold,
        "first": (1, 0, 0, 1),
    },
    "lif_dtb": {
        "model": get_model("lif_dtb"),
        "parameters": DTB | {"Mg_mM": 1.0, "tau_GABAa_ms": 5.0 + 10.0 * SPREAD},
        "quantum": 0.25,
        "use_stim": True,
        "edges": at_threshold,
        "first": (1, 0, 0, 1),
        "dt_ms": 0.5,
    },
    "lif_dtb, no block": {
        "model": get_model("lif_dtb").simplify({}),
        "parameters": DTB,
        "quantum": 0.25,
        "edges": at_threshold,
        "first": (1, 0, 0, 1),
        "dt_ms": 1.0,
    },
    "mat2_psc_exp": {
        "model": get_model("mat2_psc_exp"),
        "parameters": MAT | {"omega_mV": -58.0 + 5.0 * SPREAD, "I_e_pA": 200.0 + 300.0 * SPREAD},
        "edges": at_threshold,
        "first": (1, 0, 0, 1),
        "use_stim": True,
    },
    "amat2_psc_exp": {
        "model": get_model("amat2_psc_exp"),
        "parameters": MAT | {"omega_mV": -58.0 + 5.0 * SPREAD, "I_e_pA": 200.0 + 300.0 * SPREAD, "beta_per_ms": -0.3},
        "edges": at_threshold,
        "first": (1, 0, 0, 1),
        "use_stim": True,
    },
    **{
        name: {
            "model": get_model(name, {"fast": 1.7, "slow": 6.3}),
            "parameters": GLIF | own | {"V_th_mV": -52.0 + 4.0 * SPREAD, "I_e_pA": 150.0 + 250.0 * SPREAD},
            "edges": at_threshold,
            "first": (0, 0, 0, 1),
            "use_stim": True,
        }
        for name, own in (
            ("glif1_psc", {}),
            ("glif2_psc", {"th_spike_add_mV": 2.0}),
            ("glif3_psc", {"asc_r_2": 0.7}),
            ("glif4_psc", {"th_spike_add_mV": 2.0}),
            ("glif5_psc", {"th_voltage_index_per_ms": 0.02}),
        )
    },
}

MUTANTS: dict[tuple[str, str], Callable[[str], str]] = {
    ("iaf_psc_delta", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("iaf_psc_delta", "input during refractoriness"): once("? v : V_m_mV", "? v : V_m_mV + in_syn"),
    ("iaf_psc_delta", "one step less refractory"): once("? refractory_steps :", "? refractory_steps - 1 :"),
    ("iaf_psc_alpha", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("iaf_psc_alpha", "swapped decays"): swap("fade_ex", "fade_in"),
    ("iaf_psc_alpha", "swapped propagators"): swap("V_slope_ex", "V_current_ex"),
    ("iaf_psc_alpha", "swapped inputs"): swap("in_ex", "in_in"),
    ("iaf_cond_exp", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("iaf_cond_exp", "swapped decays"): swap("decay_ex", "decay_in"),
    ("iaf_cond_exp", "swapped means"): swap("mean_ex", "mean_in"),
    ("iaf_cond_exp", "swapped moments"): swap("skew_ex", "skew_in"),
    ("iaf_cond_exp", "swapped reversal potentials"): swap("ex_mV", "in_mV"),
    ("iaf_cond_exp", "no leak"): once(" g_L_nS, ex_mV", " 0.0f * g_L_nS, ex_mV"),
    ("iaf_cond_exp", "free during refractoriness"): once("refractory == (0)", "refractory <= (1)"),
    ("iaf_cond_alpha", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("iaf_cond_alpha", "swapped ramps"): swap("ramp_ex", "ramp_in"),
    ("iaf_cond_alpha", "swapped means of the slopes"): swap("mean_slope_ex", "mean_slope_in"),
    ("iaf_cond_alpha", "swapped moments of the slopes"): swap("skew_slope_ex", "skew_slope_in"),
    ("lif_dtb", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("lif_dtb", "no block"): once("block * dtb_exp", "0.0f * dtb_exp"),
    ("lif_dtb", "swapped receptors"): swap("g_AMPA_mS_per_cm2", "g_NMDA_mS_per_cm2"),
    ("lif_dtb", "swapped decays"): swap("decay_GABAa", "decay_GABAb"),
    ("lif_dtb", "swapped reversal potentials"): swap("reversal_GABAa_mV", "reversal_GABAb_mV"),
    ("lif_dtb, no block", "one step less refractory"): once("? refractory_steps :", "? refractory_steps - 1 :"),
    ("lif_dtb, no block", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("mat2_psc_exp", "> for >="): once("v >= (", "v > ("),
    ("mat2_psc_exp", "spikes during refractoriness"): once("refractory == (0)", "refractory <= (1)"),
    ("mat2_psc_exp", "swapped decays of the threshold"): swap("fade_1", "fade_2"),
    ("mat2_psc_exp", "swapped jumps"): swap("alpha_1_mV", "alpha_2_mV"),
    ("amat2_psc_exp", "> for >="): once("v >= (", "v > ("),
    ("amat2_psc_exp", "swapped sources"): swap("thv_ex", "dv_ex"),
    ("amat2_psc_exp", "threshold without the potential"): once("V_m_mV * thv_V", "V_m_mV * dv_V"),
    ("amat2_psc_exp", "no ramp"): once("V_th_dv_mV_per_ms * ramp_v", "V_th_dv_mV_per_ms * decay_v"),
    ("glif1_psc", ">= for >"): once("v > theta_mV", "v >= theta_mV"),
    ("glif1_psc", "swapped ports"): swap("V_slope_fast", "V_slope_slow"),
    ("glif1_psc", "spikes during refractoriness"): once("refractory == (0)", "refractory <= (1)"),
    ("glif2_psc", ">= for >"): once("v > (theta_mV", "v >= (theta_mV"),
    ("glif2_psc", "reset from the new potential"): once(
        "voltage_reset_fraction * V_m_mV", "voltage_reset_fraction * v"
    ),
    ("glif2_psc", "threshold not raised"): once("+ th_spike_add_mV", "+ 0.0f * th_spike_add_mV"),
    ("glif2_psc", "no decay over refractoriness"): once("raised * kept_spike", "raised"),
    ("glif3_psc", "swapped after-spike currents"): swap("asc_amps_1_pA", "asc_amps_2_pA"),
    ("glif3_psc", "current of the start for the mean"): once("asc_mean_2 * ", ""),
    ("glif3_psc", "decay during refractoriness"): once("refractory == (0)", "refractory >= (0)"),
    ("iaf_psc_alpha, shared current", "> for >="): once("v >= theta_mV", "v > theta_mV"),
    ("iaf_psc_alpha, shared current", "swapped propagators"): swap("V_slope_both", "V_current_both"),
    ("iaf_psc_alpha", "ramp of the wrong port"): once("* ramp_ex)", "* ramp_in)"),
}
