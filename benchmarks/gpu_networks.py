"""The networks that gpu.py steps, as configurations of dtbsim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LONG_MS = 100_000.0
"""Longer than any measurement: how long it is is found while it goes on."""
AREAS = 32
AREA_NEURONS = 128_125
"""Of each of 32 areas: 4.1 million neurons."""
INDEGREES = {"E": 2400, "I": 1600, "far": 1854}
"""5,854 inputs per neuron, 24 billion in all: excitatory and inhibitory ones of the area, excitatory ones of others."""
WEIGHT_PA, G = 10.0, -8.0
DRIVE_HZ, DRIVE_PA = 9_500.0, 87.8
"""Irregular activity of about 3 Hz."""
BILLION = 1_000_000_000
IZHIKEVICH_NEURONS, IZHIKEVICH_INDEGREE = 100_000, 1_000


def load(data: dict[str, Any]) -> Any:
    """The RunConfig."""
    from dtbsim.config import load_config_data

    return load_config_data({"seed": 55, **data})


def short_examples(smoke: bool) -> dict[str, tuple[Path, list[str]]]:
    """Path and overrides of the examples, as the tests shorten them; to try the benchmark two of them, even shorter."""
    from tests.helpers.short_examples import EXAMPLES, SHORT

    found = {name: (EXAMPLES / f"{name}.yaml", list(overrides)) for name, overrides in SHORT.items()}
    if smoke:
        del found["resting_state"]
        found["microcircuit"][1].append("simulation.duration_ms=30")
        found["izhikevich"][1].append("simulation.duration_ms=60")
    return found


def areas(folder: Path, scale: float) -> Any:
    """Areas around a ring with tract delays of 10 to 40 ms; `scale` multiplies the neurons of each and the in-degrees.

    Weights grow as in-degrees fall, so that the mean input stays.
    """
    from weak_scaling import save_ring

    size = max(5, round(AREA_NEURONS * scale))
    size_E = round(0.8 * size)
    degrees = {name: max(1, round(degree * scale)) for name, degree in INDEGREES.items()}
    parameters = {"C_m_pF": 250.0, "tau_m_ms": 10.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -65.0,
                  "t_ref_ms": 2.0, "tau_syn_ex_ms": 0.5, "tau_syn_in_ms": 0.5}  # fmt: skip
    start = {"V_m_mV": {"distribution": "normal", "mean": -58.0, "sd": 5.0}}
    projections: dict[str, Any] = {}
    for target in "EI":
        for source, key, weight in (("E", "E", WEIGHT_PA), ("I", "I", G * WEIGHT_PA), ("E", "far", WEIGHT_PA)):
            far = key == "far"
            projections[f"{key}_{target}"] = {
                "source": source,
                "target": target,
                "scope": "connectome" if far else "same_region",
                "rule": {"kind": "fixed_indegree", "indegree": degrees[key]},
                "receptor": "in" if source == "I" else "ex",
                "weight_pA": weight / scale,
                "delay_ms": {"tract_velocity_m_per_s": 10.0} if far else (0.8 if source == "I" else 1.5),
            }
    population = {"model": "iaf_psc_exp", "regions": "all", "parameters": parameters, "initial": start}
    return load(
        {
            "name": "areas",
            "atlas": save_ring(folder, AREAS),
            "simulation": {"dt_ms": 0.1, "duration_ms": LONG_MS},
            "populations": {"E": {**population, "size": size_E}, "I": {**population, "size": size - size_E}},
            "projections": projections,
            "drives": {
                "external": {"kind": "poisson", "target": ["E", "I"], "receptor": "ex", "rate_hz": DRIVE_HZ,
                             "weight_pA": DRIVE_PA}
            },
        }
    )  # fmt: skip


def billion(scale: float) -> Any:
    """Neurons with a thousand procedural synapses each, steps of 1 ms; the drive makes a few of them fire."""
    size = max(2000, round(BILLION * scale))
    degree = min(1000, size // 100)
    return load(
        {
            "name": "billion",
            "simulation": {"dt_ms": 1.0, "duration_ms": LONG_MS, "block_size": 65536},
            "populations": {
                "N": {"model": "iaf_psc_exp", "size": size,
                      "initial": {"V_m_mV": {"distribution": "uniform", "low": -70.0, "high": -56.0}}}
            },
            "projections": {
                "NN": {"source": "N", "target": "N", "rule": {"kind": "fixed_outdegree", "outdegree": degree},
                       "weight_pA": 5.0, "delay_ms": 2.0, "procedural": True}
            },
            "drives": {"external": {"kind": "poisson", "target": "N", "receptor": "ex", "rate_hz": 1500.0,
                                    "weight_pA": 90.0}},
        }
    )  # fmt: skip


def izhikevich(scale: float) -> Any:
    """Izhikevich's network (2003) with a hundred times the neurons and as many inputs to each, steps of 1 ms."""
    size, degree = max(100, round(IZHIKEVICH_NEURONS * scale)), max(5, round(IZHIKEVICH_INDEGREE * scale))
    cells = {
        "RS": (0.4, {"a": 0.02, "b": 0.2, "c_mV": -63.0, "d": 7.2}),
        "CH": (0.4, {"a": 0.02, "b": 0.2, "c_mV": -55.0, "d": 4.0}),
        "FS": (0.2, {"a": 0.06, "b": 0.22, "c_mV": -65.0, "d": 2.0}),
    }
    projections = {
        f"{source}_{target}": {
            "source": source,
            "target": target,
            "rule": {"kind": "fixed_indegree", "indegree": max(1, round(cells[source][0] * degree))},
            "weight_mV": {"distribution": "uniform", "low": 0.0, "high": 0.5}
            if source != "FS"
            else {"distribution": "uniform", "low": -1.0, "high": 0.0},
            "delay_ms": {"distribution": "uniform", "low": 1.0, "high": 10.0} if source != "FS" else 1.0,
        }
        for source in cells
        for target in cells
    }
    drives = {
        f"{name}_{cell}": {"kind": "poisson", "target": cell, "rate_hz": 8000.0, "weight_mV": sign * (
            0.5 if cell == "FS" else 1.25)}
        for cell in cells
        for name, sign in (("up", 1.0), ("down", -1.0))
    }  # fmt: skip
    return load(
        {
            "name": "izhikevich",
            "simulation": {"dt_ms": 1.0, "duration_ms": LONG_MS},
            "populations": {
                name: {"model": "izhikevich", "size": round(share * size), "parameters": parameters}
                for name, (share, parameters) in cells.items()
            },
            "projections": projections,
            "drives": drives,
        }
    )


def regions(members: int, velocity: float | None) -> Any:
    """Members of the dynamic mean field at rest, each with a coupling strength of its own; m/s along tracts."""
    from dtbsim.config import load_config_data

    coupling: dict[str, Any] = {"source": "cortex", "target": "cortex", "strength": 0.2}
    if velocity is not None:
        coupling["delay_ms"] = {"tract_velocity_m_per_s": velocity}
    data: dict[str, Any] = {
        "atlas": "aal2",
        "simulation": {"dt_ms": 0.1, "duration_ms": LONG_MS},
        "populations": {"cortex": {"model": "deco_2014", "regions": "all", "noise": {"S_E": {"sigma": 0.01}}}},
        "couplings": {"long_range": coupling},
        "ensemble": {"grid": {"couplings.long_range.strength": [0.2 * k / members for k in range(1, members + 1)]}},
    }
    return load_config_data(data)
