"""A neuron of each model that LEMS can say, with a current that makes it spike."""

from __future__ import annotations

from typing import Any

from dtbsim.models import NeuronModel, get_model

CURRENTS: dict[str, dict[str, Any]] = {
    "iaf_psc_exp": {"I_e_pA": 600.0},
    "iaf_psc_alpha": {"I_e_pA": 500.0, "V_reset_mV": -65.0},
    "iaf_psc_exp_multisynapse": {"I_e_pA": 450.0, "t_ref_ms": 5.0},
    "iaf_psc_delta": {"I_e_pA": 600.0, "tau_m_ms": 12.0},
    "iaf_cond_exp": {"I_e_pA": 500.0},
    "iaf_cond_alpha": {"I_e_pA": 450.0, "V_reset_mV": -58.0},
    "iaf_wang_2002": {"I_e_pA": 800.0},
    "aeif_cond_exp": {"I_e_pA": 1000.0, "t_ref_ms": 1.0},
    "mat2_psc_exp": {"I_e_pA": 700.0},
    "amat2_psc_exp": {"I_e_pA": 300.0, "beta_per_ms": -0.3},
    "izhikevich": {"I_e_mV_per_ms": 10.0},
    "izhikevich_2007": {"I_e_pA": 300.0},
    "qif": {"I_e": 60.0},
    "theta": {"I_e": 20.0},
    "lif_dtb": {"I_e_uA_per_cm2": 3.0},
    "hh_psc_alpha": {"I_e_pA": 800.0},
    "hh_cond_exp_traub": {"I_e_pA": 600.0},
    "glif1_psc": {"I_e_pA": 500.0},
    "glif2_psc": {"I_e_pA": 500.0},
    "glif3_psc": {"I_e_pA": 500.0},
    "glif4_psc": {"I_e_pA": 500.0},
    "glif5_psc": {"I_e_pA": 500.0},
}
RECEPTORS = {"fast": 2.0, "slow": 8.0}


def ports(name: str) -> dict[str, float] | None:
    """Ports of models that take any."""
    return RECEPTORS if name.startswith("glif") or name.endswith("multisynapse") else None


def model_of(name: str) -> NeuronModel:
    """The model, with ports where it needs some."""
    return get_model(name, ports(name)) if ports(name) else get_model(name)


def config(dt_ms: float, duration_ms: float, interval_ms: float) -> dict[str, Any]:
    """A network of one neuron of each, whose first state is recorded."""
    populations: dict[str, Any] = {}
    states = []
    for name, parameters in CURRENTS.items():
        populations[name] = {"model": name, "size": 1, "parameters": parameters}
        if ports(name):
            populations[name]["receptors"] = ports(name)
        first = model_of(name).states[0].name
        states.append({"population": name, "variables": [first], "neurons": 1, "interval_ms": interval_ms})
    return {
        "name": "each",
        "simulation": {"dt_ms": dt_ms, "duration_ms": duration_ms},
        "populations": populations,
        "record": {"states": states},
    }
