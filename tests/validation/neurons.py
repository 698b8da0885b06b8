"""Single neurons under constant currents, as stored runs of Brian2 have them: dtbsim's potentials and spikes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tests.validation.make_brian_neurons import CASES, DURATION_MS, SAMPLED_MS

MODELS = {"adex": "aeif_cond_exp", "hh": "hh_psc_alpha", "izhikevich": "izhikevich"}
DT_MS = {"adex": 0.1, "hh": 0.1, "izhikevich": 0.1}
BOUNDS = {"adex": (0.11, 0.1), "hh": (0.5, 0.25), "izhikevich": (0.05, 0.02)}
"""Largest shift of a spike (ms), and of the potential (mV). A spike of Hodgkin-Huxley is the passing of 0 mV in Brian2
(0.3 ms earlier) and of the maximum in dtbsim; `izhikevich` has the same scheme and step in both."""
COMPARED_MS = {"Izhikevich, FS": 60.0}
"""Differences of rounding double at every spike: later, even float64 differs with the order of operations."""
NAMES = {"C_m": "C_m_pF", "g_L": "g_L_nS", "E_L": "E_L_mV", "V_th": "V_th_mV", "Delta_T": "Delta_T_mV", "a": "a_nS",
         "tau_w": "tau_w_ms", "b": "b_pA", "V_reset": "V_reset_mV", "I": "I_e_pA"}  # fmt: skip
IZHIKEVICH = {"a": "a", "b": "b", "c": "c_mV", "d": "d", "I": "I_e_mV_per_ms"}


def run_dtbsim(name: str) -> dict[str, Any]:
    """Potentials (mV) every SAMPLED_MS, float64[DURATION_MS / SAMPLED_MS], and spike times (ms)."""
    import dtbsim

    case = CASES[name]
    names = IZHIKEVICH if case["kind"] == "izhikevich" else NAMES
    config = {
        "simulation": {"dt_ms": DT_MS[case["kind"]], "duration_ms": DURATION_MS, "threads": 1, "block_size": 16},
        "populations": {
            "one": {
                "model": MODELS[case["kind"]],
                "size": 1,
                "parameters": {names[key]: value for key, value in case.items() if key != "kind"},
            }
        },
        "record": {
            "rate_bin_ms": None,
            "states": [{"population": "one", "variables": ["V_m_mV"], "interval_ms": SAMPLED_MS}],
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        run = dtbsim.run(config, out=Path(folder) / "run").open()
        return {
            "V_m_mV": run.states(0)["V_m_mV"].values[:, 0].astype(np.float64),
            "spikes_ms": (run.spike_steps()[0] + 1) * DT_MS[case["kind"]],
        }


def between_spikes(spikes_ms: Any, margin_ms: float = 2.0) -> Any:
    """Which samples are at least so far from every spike, bool[n]."""
    times = np.arange(1, round(DURATION_MS / SAMPLED_MS) + 1) * SAMPLED_MS
    gaps = np.abs(times[:, None] - np.asarray(spikes_ms)[None, :])
    return np.ones(times.size, bool) if not gaps.size else gaps.min(axis=1) > margin_ms


def deviations(ours: dict[str, Any], theirs: dict[str, Any], until_ms: float = DURATION_MS) -> tuple[float, float]:
    """Largest shift of a spike (ms) and root mean square of the potential between spikes (mV); of other numbers of
    spikes, infinity."""
    a, b = (np.asarray(run["spikes_ms"])[np.asarray(run["spikes_ms"]) <= until_ms] for run in (ours, theirs))
    if a.size != b.size:
        return float("inf"), float("inf")
    quiet = between_spikes(b)
    quiet[round(until_ms / SAMPLED_MS) :] = False
    difference = (np.asarray(ours["V_m_mV"]) - np.asarray(theirs["V_m_mV"]))[quiet]
    return float(np.abs(a - b).max(initial=0.0)), float(np.sqrt(np.mean(difference**2)))
