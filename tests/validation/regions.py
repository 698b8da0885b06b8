"""Mean-field regions on the connectome of AAL2: functional connectivity of ten minutes over coupling strengths.

Couplings are in units of 1 over the largest eigenvalue of the connectome. Every coupling and seed is a member of one
ensemble.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import brentq

import dtbsim
from dtbsim.analysis.baselines import best_linear_network, structural_correlation
from dtbsim.analysis.fc import fc_correlation, functional_connectivity

Array = np.ndarray[Any, np.dtype[np.float64]]
SEEDS = (1, 2, 3)
SETTLING_MS, DURATION_MS, TR_MS = 60_000.0, 600_000.0, 720.0
COUPLINGS = {
    "dmf": (0.95, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1, 1.15),
    "hopf": (0.03, 0.035, 0.038, 0.04, 0.042, 0.05, 0.06, 0.07, 0.08),
}
"""Of the dynamic mean field with feedback inhibition (Deco 2014), and of Hopf oscillators, a = -0.02 (Deco 2017)."""


def atlas() -> tuple[Any, Array, float]:
    """The atlas, its weights, and their largest eigenvalue."""
    found = dtbsim.load_atlas("aal2")
    weights = np.asarray(found.weights, dtype=np.float64)
    return found, weights, float(np.linalg.eigvals(weights).real.max())


def feedback_inhibition(G: float, weights: Array) -> Array:
    """J_i of every region for which all rest at 3 Hz, in closed form (Deco 2014; default parameters of the model)."""

    def rate(current: float, a: float, b: float, d: float) -> float:
        x = a * current - b
        return x / (1.0 - math.exp(-d * x))

    I_E = brentq(lambda value: rate(value, 310.0, 125.0, 0.16) - 3.0, 0.3, 0.5)
    S_E = 0.000641 * 3.0 * 100.0 / (1.0 + 0.000641 * 3.0 * 100.0)
    S_I = brentq(lambda s: 0.01 * rate(0.7 * 0.382 + 0.15 * S_E - s, 615.0, 177.0, 0.087) - s, 1e-4, 0.5)
    found: Array = (0.382 + 0.15 * S_E * (1.4 + G * weights.sum(axis=1)) - I_E) / S_I
    return found


def dmf_members(couplings: Sequence[float], seeds: Sequence[int] = SEEDS, *, inhibited: bool = True) -> list[Any]:
    """Members of an ensemble: every coupling with every seed, the seed changing fastest."""
    found, weights, largest = atlas()
    members = []
    for coupling in couplings:
        G = coupling / largest
        J_i = feedback_inhibition(G, weights) if inhibited else np.ones(len(weights))
        values = {"regions": dict(zip(found.region_names, J_i.tolist(), strict=True))}
        members += [
            {"couplings.network.strength": G, "populations.cortex.parameters.J_i": values, "seed": seed}
            for seed in seeds
        ]
    return members


def dmf_config(members: list[Any], duration_ms: float = DURATION_MS, bold: str = "r_E_Hz") -> dtbsim.RunConfig:
    """The dynamic mean field, dt 1 ms; BOLD of the excitatory rate, or of the gating S_E."""
    return dtbsim.RunConfig.model_validate(
        {
            "atlas": "aal2",
            "simulation": {"dt_ms": 1.0, "duration_ms": SETTLING_MS + duration_ms, "settling_ms": SETTLING_MS},
            "populations": {
                "cortex": {
                    "model": "deco_2014", "regions": "all", "parameters": {"J_i": 1.0},
                    "noise": {"S_E": {"sigma": 0.01}, "S_I": {"sigma": 0.01}},
                }
            },
            "couplings": {"network": {"source": "cortex", "target": "cortex"}},
            "bold": {
                "population": "cortex", "variable": bold, "gain": 0.02 if bold == "r_E_Hz" else 1.0, "tr_ms": TR_MS
            },
            "record": {"states": [{"population": "cortex", "variables": ["r_E_Hz"], "interval_ms": 200.0}]},
            "ensemble": {"members": members},
        }
    )  # fmt: skip


def hopf_config(
    couplings: Sequence[float], duration_ms: float = DURATION_MS, seeds: Sequence[int] = SEEDS
) -> dtbsim.RunConfig:
    """Hopf oscillators of 0.05 Hz below their bifurcation, dt 2 ms; the network adds sums of x to x and of y to y."""
    _, _, largest = atlas()
    members = [{"couplings.network.strength": g / largest, "seed": seed} for g in couplings for seed in seeds]
    return dtbsim.RunConfig.model_validate(
        {
            "atlas": "aal2",
            "simulation": {"dt_ms": 2.0, "duration_ms": SETTLING_MS + duration_ms, "settling_ms": SETTLING_MS},
            "populations": {
                "cortex": {
                    "model": "hopf", "regions": "all", "parameters": {"a": -0.02, "omega": 2e-3 * np.pi * 0.05},
                    "noise": {"x": {"sigma": 0.02}, "y": {"sigma": 0.02}},
                }
            },
            "couplings": {"network": {"source": "cortex", "target": "cortex", "function": "linear"}},
            "bold": {"population": "cortex", "tr_ms": TR_MS},
            "record": {"states": [{"population": "cortex", "variables": ["x"], "interval_ms": TR_MS}]},
            "ensemble": {"members": members},
        }
    )  # fmt: skip


def run(config: dtbsim.RunConfig) -> tuple[Any, Any]:
    """Summary and recorded states after the settling time, of a run in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        result = dtbsim.run(config, out=Path(folder) / "run", report=False)
        states = result.open().states().sel(time_ms=slice(SETTLING_MS + 1, None)).load()
    return result.summary, states


def dmf_fits(couplings: Sequence[float], duration_ms: float = DURATION_MS, bold: str = "r_E_Hz") -> list[Any]:
    """Of every coupling: r with the measured FC by seed, and mean and spread over regions of the mean rates (Hz)."""
    summary, states = run(dmf_config(dmf_members(couplings), duration_ms, bold))
    r = np.reshape(summary["fc_correlation"], (len(couplings), len(SEEDS)))
    rates = states["r_E_Hz"].mean("time_ms").values.reshape(len(couplings), len(SEEDS), -1)
    return [
        {"coupling": coupling, "r": _rounded(r[k]), "rate_hz": round(float(rates[k].mean()), 2),
         "spread_hz": round(float(rates[k].std(axis=1).mean()), 2)}
        for k, coupling in enumerate(couplings)
    ]  # fmt: skip


def hopf_fits(couplings: Sequence[float], duration_ms: float = DURATION_MS) -> list[Any]:
    """Of every coupling: r by seed of the FC of x, and of its BOLD."""
    summary, states = run(hopf_config(couplings, duration_ms))
    bold = np.reshape(summary["fc_correlation"], (len(couplings), len(SEEDS)))
    measured, x = atlas()[0].fc, states["x"].values
    r = [fc_correlation(functional_connectivity(x[:, k]), measured) for k in range(x.shape[1])]
    direct = np.reshape(r, bold.shape)
    return [
        {"coupling": coupling, "r": _rounded(direct[k]), "bold": _rounded(bold[k])}
        for k, coupling in enumerate(couplings)
    ]


def baselines() -> dict[str, float]:
    """What the structure alone reaches, and the best linear network on it, in closed form."""
    found, weights, _ = atlas()
    return {
        "structure": round(float(structural_correlation(weights, found.fc)), 3),
        "linear": round(float(best_linear_network(weights, found.fc).correlation), 3),
    }


def best(fits: Sequence[Any], key: str = "r") -> tuple[float, Any]:
    """The largest mean over seeds, and its entry."""
    return max(((float(np.mean(item[key])), item) for item in fits), key=lambda pair: pair[0])


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
