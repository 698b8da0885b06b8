"""Networks whose spikes BMTK PointNet on NEST gives too: one for each model, with drawn weights, delays, parameters."""

from __future__ import annotations

from typing import Any

N_E, N_I = 240, 60
CURRENT = {"e": 45.0, "i": -200.0, "drive": 160.0, "unit": "pA"}
SCALES: dict[str, dict[str, Any]] = {
    "iaf_psc_exp": CURRENT | {"parameters": {"tau_syn_in_ms": 5.0}},
    "iaf_psc_alpha": CURRENT | {"e": 20.0, "i": -80.0, "drive": 66.0, "parameters": {"tau_syn_in_ms": 3.0}},
    "iaf_psc_delta": {"e": 0.35, "i": -1.5, "drive": 1.05, "unit": "mV"},
    "iaf_psc_exp_multisynapse": CURRENT | {"receptors": {"fast": 2.0, "slow": 8.0, "gaba": 5.0}},
    "iaf_cond_exp": {"e": 6.0, "i": 20.0, "drive": 26.0, "unit": "nS"},
    "iaf_cond_alpha": {"e": 3.0, "i": 8.0, "drive": 10.5, "unit": "nS"},
    "glif1_psc": {"e": 6.0, "i": -20.0, "drive": 24.0, "unit": "pA", "receptors": {"exc": 3.0, "inh": 5.0}},
    "glif2_psc": {"e": 6.0, "i": -20.0, "drive": 24.0, "unit": "pA", "receptors": {"exc": 3.0, "inh": 5.0}},
    "glif3_psc": {"e": 6.0, "i": -20.0, "drive": 30.0, "unit": "pA", "receptors": {"exc": 3.0, "inh": 5.0}},
    "glif4_psc": {"e": 6.0, "i": -20.0, "drive": 30.0, "unit": "pA", "receptors": {"exc": 3.0, "inh": 5.0}},
    "glif5_psc": {"e": 6.0, "i": -20.0, "drive": 30.0, "unit": "pA", "receptors": {"exc": 3.0, "inh": 5.0}},
    "mat2_psc_exp": CURRENT | {"drive": 450.0},
}
"""Sizes of weights by model; ports where the model takes any."""


def case(model: str, *, duration_ms: float = 700.0, size: float = 1.0, seed: int = 5) -> dict[str, Any]:
    """The configuration of a balanced network of a model; `size` scales the numbers of neurons."""
    given = SCALES[model]
    receptors = given.get("receptors")
    ports = list(receptors) if receptors else None
    key = f"weight_{given['unit']}"
    glif = model.startswith("glif")
    low, high = (-79.0, -60.0) if glif else (-70.0, -56.0)
    parameters = dict(given.get("parameters", {}))
    spread = {"distribution": "uniform", "low": 1.8, "high": 2.4}
    if model != "mat2_psc_exp":
        parameters |= {"V_th_mV": {"distribution": "uniform", "low": -53.0, "high": -51.0}} if glif else {}
        parameters["t_ref_ms"] = spread
    if "iaf_psc" in model:
        parameters["tau_m_ms"] = {"distribution": "uniform", "low": 9.0, "high": 12.0}
    population = {"model": model, "parameters": parameters}
    if receptors:
        population["receptors"] = receptors
    population["initial"] = {"V_m_mV": {"distribution": "uniform", "low": low, "high": high}}
    bound = {"low": 0.0} if given["i"] > 0 else {"high": 0.0}
    weights = {
        "e": {"distribution": "normal", "mean": given["e"], "sd": 0.1 * given["e"], "low": 0.0},
        "i": {"distribution": "normal", "mean": given["i"], "sd": 0.1 * abs(given["i"]), **bound},
    }
    delay = {"distribution": "uniform", "low": 0.5, "high": 3.0}
    projections = {
        "exc": {"source": "E", "target": ["E", "I"], "rule": {"kind": "fixed_indegree", "indegree": int(30 * size)}},
        "inh": {"source": "I", "target": ["E", "I"], "rule": {"kind": "fixed_indegree", "indegree": int(12 * size)}},
    }
    if model != "iaf_psc_delta":
        for name, port in (("exc", ports[0] if ports else "ex"), ("inh", ports[-1] if ports else "in")):
            projections[name]["receptor"] = port
    for name, kind in (("exc", "e"), ("inh", "i")):
        projections[name] |= {key: weights[kind], "delay_ms": delay}
    drive = {"kind": "poisson", "target": ["E", "I"], "rate_hz": 1500.0, key: given["drive"], "start_ms": 0.1}
    if model != "iaf_psc_delta":
        drive["receptor"] = ports[0] if ports else "ex"
    return {
        "name": model,
        "seed": seed,
        "simulation": {"duration_ms": duration_ms, "dt_ms": 0.1},
        "populations": {"E": {**population, "size": int(N_E * size)}, "I": {**population, "size": int(N_I * size)}},
        "projections": projections,
        "drives": {"background": drive},
    }
