"""PyNN's standard cells, those that a model of dtbsim is.

Their native parameters are those of the model here, with its names and units.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pyNN.standardmodels import build_translations, cells

from dtbsim.models import NeuronModel, get_model

_NONE: Mapping[str, Any] = MappingProxyType({})
_MEMBRANE = (
    ("v_rest", "E_L_mV"),
    ("v_reset", "V_reset_mV"),
    ("v_thresh", "V_th_mV"),
    ("cm", "C_m_pF", 1000.0),
    ("tau_refrac", "t_ref_ms"),
    ("i_offset", "I_e_pA", 1000.0),
)
_TIMES = (("tau_syn_E", "tau_syn_ex_ms"), ("tau_syn_I", "tau_syn_in_ms"))
_REVERSAL = (("e_rev_E", "E_ex_mV"), ("e_rev_I", "E_in_mV"))
_LEAK = ("tau_m", "g_L_nS", "cm/tau_m*1000.0", "C_m_pF/g_L_nS")
_PORTS = MappingProxyType({"excitatory": "ex", "inhibitory": "in"})
_V = ("V_m_mV", 1.0)
_CONDUCTANCES = {"gsyn_exc": ("g_ex_nS", 1e-3), "gsyn_inh": ("g_in_nS", 1e-3)}
_CURRENTS = {"isyn_exc": ("I_syn_ex_pA", 1e-3), "isyn_inh": ("I_syn_in_pA", 1e-3)}


class Cell:
    """What the backend asks of a cell type.

    Attributes:
        model: name of the model.
        ports: its port by receptor type.
        weight_scale: factor from PyNN's unit of weights to that of the ports.
        variables: state of the model, and the factor to PyNN's unit, by PyNN's name.
        fixed: parameters that the cell type does not have.
        is_source: whether it only sends spikes.
    """

    model = ""
    ports: Mapping[str, str] = _PORTS
    weight_scale = 1000.0
    variables: Mapping[str, tuple[str, float]] = _NONE
    fixed: Mapping[str, float] = _NONE
    is_source = False

    @classmethod
    def weight_key(cls, receptor: str) -> str:
        """The key of a weight onto a receptor type in a configuration."""
        unit = next(row.weight_unit for row in cls.found().receptors if row.name == cls.ports[receptor])
        return "weight" if unit == "1" else f"weight_{unit}"

    @classmethod
    def found(cls) -> NeuronModel:
        """The model."""
        return get_model(cls.model)

    @classmethod
    def state(cls, variable: str) -> tuple[str, float]:
        """The state of the model behind a variable, and the factor from it."""
        return cls.variables[variable]

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise an error of PyNN for parameters that cannot be; the models check theirs when they are built."""

    def configured(self, file: Path, segments: Any, state: Any) -> dict[str, Any]:
        """More of the entry of `populations`; `file`: where lists may be written."""
        return {}

    def emitted(self, population: Any, index: int, times: Any) -> Any:
        """The times of spikes as they are given to the user."""
        return times


class IF_curr_exp(Cell, cells.IF_curr_exp):
    """Exponential currents, `iaf_psc_exp`."""

    model = "iaf_psc_exp"
    translations = build_translations(*_MEMBRANE, ("tau_m", "tau_m_ms"), *_TIMES)
    variables = MappingProxyType({"v": _V, **_CURRENTS})
    recordable = ("spikes", "v", "isyn_exc", "isyn_inh")


class IF_curr_alpha(Cell, cells.IF_curr_alpha):
    """Alpha-shaped currents, `iaf_psc_alpha`."""

    model = "iaf_psc_alpha"
    translations = build_translations(*_MEMBRANE, ("tau_m", "tau_m_ms"), *_TIMES)
    variables = MappingProxyType({"v": _V, **_CURRENTS})
    recordable = ("spikes", "v", "isyn_exc", "isyn_inh")


class IF_curr_delta(Cell, cells.IF_curr_delta):
    """Jumps of the potential, `iaf_psc_delta`; weights in mV."""

    model = "iaf_psc_delta"
    ports = MappingProxyType({"excitatory": "syn", "inhibitory": "syn"})
    weight_scale = 1.0
    translations = build_translations(*_MEMBRANE, ("tau_m", "tau_m_ms"))
    variables = MappingProxyType({"v": _V})
    recordable = ("spikes", "v")


class IF_cond_exp(Cell, cells.IF_cond_exp):
    """Exponential conductances, `iaf_cond_exp`."""

    model = "iaf_cond_exp"
    translations = build_translations(*_MEMBRANE, _LEAK, *_TIMES, *_REVERSAL)
    variables = MappingProxyType({"v": _V, **_CONDUCTANCES})


class IF_cond_alpha(Cell, cells.IF_cond_alpha):
    """Alpha-shaped conductances, `iaf_cond_alpha`."""

    model = "iaf_cond_alpha"
    translations = build_translations(*_MEMBRANE, _LEAK, *_TIMES, *_REVERSAL)
    variables = MappingProxyType({"v": _V, **_CONDUCTANCES})


class IF_facets_hardware1(Cell, cells.IF_facets_hardware1):
    """The neuron of the FACETS hardware, `iaf_cond_exp`."""

    model = "iaf_cond_exp"
    fixed = MappingProxyType({"C_m_pF": 200.0, "t_ref_ms": 1.0, "E_ex_mV": 0.0})
    translations = build_translations(
        ("v_reset", "V_reset_mV"),
        ("v_rest", "E_L_mV"),
        ("v_thresh", "V_th_mV"),
        ("e_rev_I", "E_in_mV"),
        *_TIMES,
        ("g_leak", "g_L_nS"),
    )
    variables = MappingProxyType({"v": _V, **_CONDUCTANCES})


class EIF_cond_exp_isfa_ista(Cell, cells.EIF_cond_exp_isfa_ista):
    """Adaptive exponential neuron, `aeif_cond_exp`."""

    model = "aeif_cond_exp"
    translations = build_translations(
        *_MEMBRANE,
        _LEAK,
        *_TIMES,
        *_REVERSAL,
        ("v_spike", "V_peak_mV"),
        ("a", "a_nS"),
        ("b", "b_pA", 1000.0),
        ("delta_T", "Delta_T_mV"),
        ("tau_w", "tau_w_ms"),
    )
    variables = MappingProxyType({"v": _V, "w": ("w_pA", 1e-3), **_CONDUCTANCES})


class HH_cond_exp(Cell, cells.HH_cond_exp):
    """Hodgkin-Huxley neuron of Traub and Miles, `hh_cond_exp_traub`."""

    model = "hh_cond_exp_traub"
    receptor_types = ("excitatory", "inhibitory")
    translations = build_translations(
        ("gbar_Na", "g_Na_nS", 1000.0),
        ("gbar_K", "g_K_nS", 1000.0),
        ("g_leak", "g_L_nS", 1000.0),
        ("cm", "C_m_pF", 1000.0),
        ("v_offset", "V_T_mV"),
        ("e_rev_Na", "E_Na_mV"),
        ("e_rev_K", "E_K_mV"),
        ("e_rev_leak", "E_L_mV"),
        *_TIMES,
        *_REVERSAL,
        ("i_offset", "I_e_pA", 1000.0),
    )
    variables = MappingProxyType(
        {"v": _V, "m": ("Act_m", 1.0), "h": ("Inact_h", 1.0), "n": ("Act_n", 1.0), **_CONDUCTANCES}
    )
    recordable = ("spikes", "v", "gsyn_exc", "gsyn_inh", "m", "h", "n")
    units = MappingProxyType(cells.HH_cond_exp.units | dict.fromkeys("mhn", "dimensionless"))


class Izhikevich(Cell, cells.Izhikevich):
    """Izhikevich's neuron of 2003, `izhikevich`; weights in mV."""

    model = "izhikevich"
    ports = MappingProxyType({"excitatory": "syn", "inhibitory": "syn"})
    weight_scale = 1.0
    translations = build_translations(
        ("a", "a"), ("b", "b"), ("c", "c_mV"), ("d", "d"), ("i_offset", "I_e_mV_per_ms", 1000.0)
    )
    variables = MappingProxyType({"v": _V, "u": ("u", 1.0)})
