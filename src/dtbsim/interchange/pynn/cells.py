"""Which neuron model here is which standard cell of PyNN, in its names and units (nA, uS, nF, mV, ms)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class PynnCell:
    """A standard cell of PyNN.

    `parameters`: by its names there, the value of the parameters here. `states` that PyNN can initialise: the name
    there, and a factor. `weight`: factor from the unit here to that of PyNN. `equal`: whether NEST, behind PyNN, gives
    the same spikes.
    """

    name: str
    parameters: Mapping[str, Callable[[Values], Any]]
    states: Mapping[str, tuple[str, float]]
    weight: float
    equal: bool
    by_size: bool = False
    """Weights onto `in` count by their size, as conductances do; otherwise they are below 0."""
    fixed: Mapping[str, float] = field(default_factory=dict)
    """Parameters here that must have this value, as PyNN has none."""


def _plain(name: str, factor: float = 1.0) -> Callable[[Values], Any]:
    return (lambda p: p[name]) if factor == 1.0 else (lambda p: p[name] / factor)


_MEMBRANE = {
    "cm": _plain("C_m_pF", 1000.0),
    "tau_refrac": _plain("t_ref_ms"),
    "v_rest": _plain("E_L_mV"),
    "v_reset": _plain("V_reset_mV"),
    "v_thresh": _plain("V_th_mV"),
    "i_offset": _plain("I_e_pA", 1000.0),
}
_TIMES = {"tau_syn_E": _plain("tau_syn_ex_ms"), "tau_syn_I": _plain("tau_syn_in_ms")}
_REVERSAL = {"e_rev_E": _plain("E_ex_mV"), "e_rev_I": _plain("E_in_mV")}
_CURRENT = _MEMBRANE | {"tau_m": _plain("tau_m_ms")}
_LEAK = {"tau_m": lambda p: p["C_m_pF"] / p["g_L_nS"]}
_V = {"V_m_mV": ("v", 1.0)}

CELLS: dict[str, PynnCell] = {
    "iaf_psc_exp": PynnCell("IF_curr_exp", _CURRENT | _TIMES, _V, 1e-3, True),
    "iaf_psc_alpha": PynnCell("IF_curr_alpha", _CURRENT | _TIMES, _V, 1e-3, True),
    "iaf_psc_delta": PynnCell("IF_curr_delta", _CURRENT, _V, 1.0, True),
    "iaf_cond_exp": PynnCell("IF_cond_exp", _MEMBRANE | _LEAK | _TIMES | _REVERSAL, _V, 1e-3, True, True),
    "iaf_cond_alpha": PynnCell("IF_cond_alpha", _MEMBRANE | _LEAK | _TIMES | _REVERSAL, _V, 1e-3, True, True),
    "aeif_cond_exp": PynnCell(
        "EIF_cond_exp_isfa_ista",
        _MEMBRANE | _LEAK | _TIMES | _REVERSAL | {
            "v_spike": _plain("V_peak_mV"), "a": _plain("a_nS"), "b": _plain("b_pA", 1000.0),
            "delta_T": _plain("Delta_T_mV"), "tau_w": _plain("tau_w_ms"),
        },
        _V | {"w_pA": ("w", 1e-3)}, 1e-3, False, True,
    ),
    "hh_cond_exp_traub": PynnCell(
        "HH_cond_exp",
        _TIMES | _REVERSAL | {
            "gbar_Na": _plain("g_Na_nS", 1000.0), "gbar_K": _plain("g_K_nS", 1000.0),
            "g_leak": _plain("g_L_nS", 1000.0), "cm": _plain("C_m_pF", 1000.0), "v_offset": _plain("V_T_mV"),
            "e_rev_Na": _plain("E_Na_mV"), "e_rev_K": _plain("E_K_mV"), "e_rev_leak": _plain("E_L_mV"),
            "i_offset": _plain("I_e_pA", 1000.0),
        },
        _V, 1e-3, False, True, {"t_ref_ms": 2.0},
    ),
    "izhikevich": PynnCell(
        "Izhikevich",
        {
            "a": _plain("a"), "b": _plain("b"), "c": _plain("c_mV"), "d": _plain("d"),
            "i_offset": _plain("I_e_mV_per_ms", 1000.0),
        },
        _V | {"u": ("u", 1.0)}, 1.0, False, False, {"V_th_mV": 30.0},
    ),
}  # fmt: skip
"""By name here. Whether spikes are equal is tested (tests/parity/test_pynn_nest.py)."""
