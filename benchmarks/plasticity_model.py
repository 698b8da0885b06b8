"""The balanced network with plastic excitation of NEST's `hpc_benchmark` (Morrison et al. 2007; Kunkel et al. 2014)."""

from __future__ import annotations

import math
from typing import Any

DT_MS = 0.1
E_NEURONS, I_NEURONS = 9000, 2250
TAU_M_MS, C_M_PF, TAU_SYN_MS = 10.0, 250.0, 0.32582722403722841
V_TH_MV, V_MEAN_MV, V_SD_MV = 20.0, 5.7, 7.2
PSP_MV, G, ETA = 0.14, -5.0, 1.685
DELAY_MS = 1.5
STDP = {"learning_rate": 0.1, "alpha": 0.0513, "mu": 0.4, "tau_plus_ms": 15.0, "tau_minus_ms": 30.0}


def weight_pA() -> float:
    """Weight of an alpha-shaped current whose potential peaks at PSP_MV."""
    from scipy.special import lambertw

    a, b = TAU_M_MS / TAU_SYN_MS, 1.0 / TAU_SYN_MS - 1.0 / TAU_M_MS
    rise = (-lambertw(-math.exp(-1.0 / a) / a, -1).real - 1.0 / a) / b
    fast, slow = math.exp(-rise / TAU_SYN_MS), math.exp(-rise / TAU_M_MS)
    peak = math.e / (TAU_SYN_MS * C_M_PF * b) * ((slow - fast) / b - rise * fast)
    return float(PSP_MV / peak)


def plain_model(scale: float) -> dict[str, Any]:
    """The network as numbers, for both simulators. `scale` multiplies the neurons and, with them, the in-degrees."""
    weight = weight_pA()
    indegree = {"E": round(E_NEURONS * scale), "I": round(I_NEURONS * scale)}
    # a smaller network keeps its mean input: weights grow as in-degrees fall
    weight /= scale
    threshold_per_ms = V_TH_MV / (indegree["E"] * TAU_M_MS / C_M_PF * weight * math.e * TAU_SYN_MS)
    return {
        "dt_ms": DT_MS,
        "sizes": indegree,
        "indegrees": indegree,
        "weights_pA": {"E": weight, "I": G * weight},
        "rate_hz": threshold_per_ms * ETA * indegree["E"] * 1000.0,
        "membrane": {"C_m": C_M_PF, "tau_m": TAU_M_MS, "E_L": 0.0, "V_th": V_TH_MV, "V_reset": 0.0, "t_ref": 0.5,
                     "tau_syn_ex": TAU_SYN_MS, "tau_syn_in": TAU_SYN_MS},
        "V_m": {"mean": V_MEAN_MV, "sd": V_SD_MV},
        "delay_ms": DELAY_MS,
        "stdp": STDP,
    }  # fmt: skip


def network(scale: float, duration_ms: float, seed: int, threads: int | None, plastic: bool) -> Any:
    """The same for dtbsim, a RunConfig."""
    from dtbsim.config import load_config_data

    model = plain_model(scale)
    units = {"C_m": "pF", "tau_m": "ms", "t_ref": "ms", "tau_syn_ex": "ms", "tau_syn_in": "ms"}
    parameters = {f"{name}_{units.get(name, 'mV')}": value for name, value in model["membrane"].items()}
    start = {"V_m_mV": {"distribution": "normal", **model["V_m"]}}
    projections: dict[str, Any] = {}
    for source in "EI":
        for target in "EI":
            projections[source + target] = {
                "source": source,
                "target": target,
                "rule": {"kind": "fixed_indegree", "indegree": model["indegrees"][source]},
                "receptor": "ex" if source == "E" else "in",
                "weight_pA": model["weights_pA"][source],
                "delay_ms": model["delay_ms"],
            }
    if plastic:
        projections["EE"]["synapse"] = {"kind": "stdp_power_law", **model["stdp"]}
    return load_config_data(
        {
            "name": "plasticity",
            "seed": seed,
            "simulation": {"dt_ms": DT_MS, "duration_ms": duration_ms, "threads": threads},
            "populations": {
                name: {"model": "iaf_psc_alpha", "size": size, "parameters": parameters, "initial": start}
                for name, size in model["sizes"].items()
            },
            "projections": projections,
            "drives": {
                "external": {"kind": "poisson", "target": ["E", "I"], "receptor": "ex", "rate_hz": model["rate_hz"],
                             "weight_pA": model["weights_pA"]["E"]}
            },
        }
    )  # fmt: skip
