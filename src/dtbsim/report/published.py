"""Published rates that a run can be held against, and when such a comparison is fair."""

from __future__ import annotations

from typing import Any

PD14_RATES_HZ = {
    "L23E": 0.903,
    "L23I": 2.965,
    "L4E": 4.414,
    "L4I": 5.876,
    "L5E": 7.569,
    "L5I": 8.633,
    "L6E": 1.105,
    "L6I": 7.829,
}
"""Mean rates of the full-scale microcircuit of Potjans & Diesmann (2014, Cereb Cortex 24:785) with Poisson drive."""

PD14_SOURCE = "the reference implementation of the full-scale model (INM-6 microcircuit-PD14-model)"


def published_rates(config: dict[str, Any]) -> tuple[dict[str, float], str]:
    """Return published rates by population name and their source; empty unless the run is that very model.

    That is: nothing but one Potjans-Diesmann circuit, full scale in neurons and in-degrees, with Poisson drive.
    """
    circuits = config.get("circuits") or {}
    additions = ("populations", "projections", "drives", "controllers")
    if len(circuits) != 1 or any(config.get(key) for key in additions):
        return {}, ""
    name, circuit = next(iter(circuits.items()))
    full = circuit.get("scale", 1.0) == 1.0 and circuit.get("indegree_scale", 1.0) == 1.0
    plain = circuit.get("regions") is None and circuit.get("drive", "poisson") == "poisson"
    if circuit.get("kind") != "potjans_diesmann" or not (full and plain):
        return {}, ""
    return {f"{name}.{population}": rate for population, rate in PD14_RATES_HZ.items()}, PD14_SOURCE
