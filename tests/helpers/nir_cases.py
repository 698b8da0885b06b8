"""Networks whose spikes readers of NIR give too."""

from __future__ import annotations

from typing import Any


def case(model: str, *, recurrent: bool = False, heterogeneous: bool = False, steps: int = 10_000) -> dict[str, Any]:
    """A layer of 100 neurons with input from sources and a Poisson drive, and synapses among them if `recurrent`."""
    delta = model == "iaf_psc_delta"
    unit = "mV" if delta else "pA"
    draw = "normal"
    big, small = (3.0, -1.0) if delta else (400.0, -150.0)
    port: dict[str, Any] = {} if delta else {"receptor": "ex"}
    parameters: dict[str, Any] = {"t_ref_ms": 0.0, "V_reset_mV": -70.0}
    if heterogeneous:
        parameters["tau_m_ms"] = {"distribution": "uniform", "low": 8.0, "high": 14.0}
        parameters["V_th_mV"] = {"distribution": "uniform", "low": -57.0, "high": -54.0}
    if delta and heterogeneous:
        parameters["I_e_pA"] = {"distribution": "uniform", "low": 0.0, "high": 150.0}
    spread = {"distribution": draw, "mean": big, "sd": 0.3 * big}
    made: dict[str, Any] = {
        "name": "layer",
        "seed": 3,
        "simulation": {"duration_ms": steps * 0.1, "dt_ms": 0.1},
        "populations": {
            "E": {"model": model, "size": 100, "parameters": parameters},
            "S": {
                "model": "spike_source",
                "size": 20,
                "spikes": {
                    "neuron": [k % 20 for k in range(0, steps // 20)],
                    "time_ms": [round(0.1 * (1 + 20 * k), 6) for k in range(0, steps // 20)],
                },
            },
        },
        "projections": {
            "in": {
                "source": "S",
                "target": "E",
                "rule": {"kind": "pairwise_bernoulli", "probability": 0.3},
                f"weight_{unit}": spread,
                "delay_ms": {"distribution": "uniform", "low": 0.1, "high": 0.5},
                **port,
            },
        },
        "drives": {
            "background": {
                "kind": "poisson", "target": "E", "rate_hz": 900.0, f"weight_{unit}": 0.6 * big, "start_ms": 0.2, **port
            }
        },
    }  # fmt: skip
    if recurrent:
        made["projections"]["rec"] = {
            "source": "E",
            "target": "E",
            "rule": {"kind": "fixed_indegree", "indegree": 20},
            f"weight_{unit}": {"distribution": draw, "mean": small, "sd": abs(small)},
            "delay_ms": 0.1,
            **port,
        }
    return made


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "norse_jumps": ("norse", case("iaf_psc_delta", heterogeneous=True, steps=2000)),
    "norse_recurrent": ("norse", case("iaf_psc_delta", recurrent=True, heterogeneous=True, steps=2000)),
    "norse_currents": ("norse", case("iaf_psc_exp", heterogeneous=True, steps=2000)),
    "snntorch_jumps": ("snntorch", case("iaf_psc_delta", steps=2000)),
    "snntorch_currents": ("snntorch", case("iaf_psc_exp", steps=2000) | {"seed": 4}),
}
"""By name: the reader and the configuration. Seeds with which numbers of 32 and 64 bits do not part within the run."""
