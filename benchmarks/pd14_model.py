"""The Potjans-Diesmann microcircuit as a configuration of dtbsim, and as plain numbers for another simulator."""

from __future__ import annotations

from typing import Any

DT_MS = 0.1
NEST_NAMES = {
    "C_m_pF": "C_m", "tau_m_ms": "tau_m", "E_L_mV": "E_L", "V_th_mV": "V_th", "V_reset_mV": "V_reset",
    "t_ref_ms": "t_ref", "tau_syn_ex_ms": "tau_syn_ex", "tau_syn_in_ms": "tau_syn_in",
}  # fmt: skip


def microcircuit(scale: float, duration_ms: float, seed: int, threads: int | None) -> Any:
    """Return the RunConfig; below scale 1 neurons and in-degrees shrink alike and DC keeps the mean input."""
    import dtbsim

    return dtbsim.RunConfig(
        name="pd14",
        seed=seed,
        simulation=dtbsim.Simulation(dt_ms=DT_MS, duration_ms=duration_ms, threads=threads),
        circuits={
            "column": dtbsim.PotjansDiesmann(
                kind="potjans_diesmann", scale=scale, indegree_scale=scale, drive="poisson"
            )
        },
    )


def plain_model(scale: float) -> dict[str, Any]:
    """Return populations and projections as numbers under the names of NEST, from the same circuit."""
    from dtbsim.models.circuits.potjans_diesmann import potjans_diesmann

    circuit = microcircuit(scale, 1.0, 1, None).circuits["column"]
    parts = potjans_diesmann("column", circuit, DT_MS)
    populations = {name: _population(parts, name) for name in parts.populations}
    return {
        "dt_ms": DT_MS,
        "populations": populations,
        "projections": [_projection(projection) for projection in parts.projections.values()],
    }


def _population(parts: Any, name: str) -> dict[str, Any]:
    population, background = parts.populations[name], parts.drives[f"background_{name}"]
    initial = population.initial["V_m_mV"]
    direct = parts.drives.get(f"dc_{name}")
    return {
        "size": population.size,
        "parameters": {NEST_NAMES[key]: value for key, value in population.parameters.items()},
        "V_m_mean": initial.mean,
        "V_m_sd": initial.sd,
        "I_e": 0.0 if direct is None else direct.amplitude,
        "poisson_rate_hz": background.rate_hz,
        "poisson_weight": background.weight_pA,
    }


def _projection(projection: Any) -> dict[str, Any]:
    weight, delay = projection.weight_pA, projection.delay_ms
    return {
        "source": projection.source.split(".")[1],
        "target": projection.target.split(".")[1],
        "total": projection.rule.total,
        "weight_mean": weight.mean,
        "weight_sd": weight.sd,
        "weight_low": weight.low,
        "weight_high": weight.high,
        "delay_mean": delay.mean,
        "delay_sd": delay.sd,
        "delay_low": delay.low,
    }
