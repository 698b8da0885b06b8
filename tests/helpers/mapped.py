"""Networks that are mapped to chips and run by other tools, the same for tests and for scripts that store results."""

from __future__ import annotations

import dataclasses
from typing import Any

from dtbsim.chips import Chip, load_chip

SMALL = {"n_ex": 120, "n_in": 30, "synapses": 4_000, "ms": 150}
LARGE = {"n_ex": 600, "n_in": 150, "synapses": 83_000, "ms": 400}


def delta_network(*, n_ex: int, n_in: int, synapses: int, ms: int) -> dict[str, Any]:
    """Neurons without synaptic currents, drawn weights and delays, spikes from outside by drive and by source."""
    neurons = {"tau_m_ms": 15.0, "E_L_mV": -65.0, "V_th_mV": -50.0, "V_reset_mV": -65.0, "t_ref_ms": 2.0}
    start = {"V_m_mV": {"distribution": "uniform", "low": -65.0, "high": -52.0}}
    delays = {"distribution": "uniform", "low": 1.0, "high": 5.4}
    listed = {"neuron": [0, 1, 2, 3, 4, 0], "time_ms": [4, 9, 9, 15, 30, 50]}
    share = n_ex / (n_ex + n_in)

    def weights(mean: float) -> dict[str, Any]:
        low, high = (0.0, 2 * mean) if mean > 0 else (2 * mean, 0.0)
        return {"distribution": "normal", "mean": mean, "sd": abs(mean) / 5, "low": low, "high": high}

    scale = 2500.0 * (n_ex + n_in) / synapses / 100
    return {
        "name": "delta",
        "seed": 5,
        "simulation": {"duration_ms": ms, "dt_ms": 1.0},
        "populations": {
            "E": {"model": "iaf_psc_delta", "size": n_ex, "parameters": neurons, "initial": start},
            "I": {"model": "iaf_psc_delta", "size": n_in, "parameters": neurons, "initial": start},
            "S": {"model": "spike_source", "size": 5, "spikes": listed},
        },
        "projections": {
            "E": {
                "source": "E", "target": ["E", "I"], "weight_mV": weights(0.1 * scale), "delay_ms": delays,
                "rule": {"kind": "fixed_indegree", "indegree": round(share * synapses / (n_ex + n_in))},
            },
            "I": {
                "source": "I", "target": ["E", "I"], "weight_mV": weights(-0.5 * scale), "delay_ms": delays,
                "rule": {"kind": "fixed_indegree", "indegree": round((1 - share) * synapses / (n_ex + n_in))},
            },
            "S": {
                "source": "S", "target": "E", "rule": {"kind": "fixed_outdegree", "outdegree": 20}, "weight_mV": 8.0,
                "delay_ms": 3.0,
            },
        },
        "drives": {
            "bg": {"kind": "poisson", "target": ["E", "I"], "rate_hz": 700, "weight_mV": 1.4, "start_ms": 1.0},
        },
    }  # fmt: skip


def small_loihi(neurons_per_core: int) -> Chip:
    """Loihi with smaller cores, so that a network of a test needs many."""
    chip = load_chip("loihi")
    number = dataclasses.replace(chip.numbers["size.neurons_per_core"], value=float(neurons_per_core))
    return dataclasses.replace(chip, numbers={**chip.numbers, "size.neurons_per_core": number})
