"""What models.py times: every neuron model and every kind of synapse, under the names of both simulators."""

from __future__ import annotations

from typing import Any

DT_MS = 0.1
NEURONS = 2000
SOURCES, TARGETS, RATE_HZ = 1000, 1000, 20.0
DELAY_MS = 1.5
PORTS = {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0}

NEURON_MODELS: dict[str, tuple[dict[str, Any], str | None, dict[str, Any]]] = {
    "iaf_psc_delta": ({"I_e_pA": 400.0}, "iaf_psc_delta", {"I_e": 400.0}),
    "iaf_psc_exp": ({"I_e_pA": 400.0, "tau_syn_in_ms": 5.0}, "iaf_psc_exp", {"I_e": 400.0, "tau_syn_in": 5.0}),
    "iaf_psc_alpha": ({"I_e_pA": 400.0, "tau_syn_in_ms": 5.0}, "iaf_psc_alpha", {"I_e": 400.0, "tau_syn_in": 5.0}),
    "iaf_psc_exp_multisynapse": (
        {"I_e_pA": 400.0},
        "iaf_psc_exp_multisynapse",
        {"I_e": 400.0, "tau_syn": list(PORTS.values())},
    ),
    "iaf_cond_exp": ({"I_e_pA": 400.0}, "iaf_cond_exp", {"I_e": 400.0}),
    "iaf_cond_alpha": ({"I_e_pA": 400.0}, "iaf_cond_alpha", {"I_e": 400.0}),
    "mat2_psc_exp": ({"I_e_pA": 900.0}, "mat2_psc_exp", {"I_e": 900.0}),
    "amat2_psc_exp": ({"I_e_pA": 900.0, "beta_per_ms": 0.1}, "amat2_psc_exp", {"I_e": 900.0, "beta": 0.1}),
    "glif1_psc": ({"E_L_mV": -45.0}, "glif_psc", {"E_L": -45.0}),
    "glif2_psc": ({"E_L_mV": -45.0}, "glif_psc", {"E_L": -45.0, "spike_dependent_threshold": True}),
    "glif3_psc": ({"E_L_mV": -45.0}, "glif_psc", {"E_L": -45.0, "after_spike_currents": True}),
    "lif_dtb": ({}, None, {}),
    "iaf_wang_2002": ({"E_L_mV": -45.0}, "iaf_bw_2001", {"E_L": -45.0}),
    "izhikevich": ({"I_e_mV_per_ms": 10.0}, "izhikevich", {"I_e": 10.0}),
    "izhikevich_2007": ({"I_e_pA": 100.0}, None, {}),
    "aeif_cond_exp": ({"I_e_pA": 800.0}, "aeif_cond_exp", {"I_e": 800.0}),
    "hh_psc_alpha": ({"I_e_pA": 1000.0}, "hh_psc_alpha", {"I_e": 1000.0}),
    "hh_cond_exp_traub": ({"I_e_pA": 500.0}, "hh_cond_exp_traub", {"I_e": 500.0}),
    "qif": ({"eta": 1.0}, None, {}),
    "theta": ({"eta": 1.0}, None, {}),
}
"""Model: its parameters; the model and parameters in NEST, None where NEST has none."""

SYNAPSES: dict[str, tuple[dict[str, Any] | None, str | None, dict[str, Any]]] = {
    "static": (None, "static_synapse", {}),
    "tsodyks_markram": (
        {"kind": "tsodyks_markram", "U": 0.2, "tau_rec_ms": 300.0, "tau_fac_ms": 50.0},
        "tsodyks2_synapse",
        {"U": 0.2, "u": 0.2, "tau_rec": 300.0, "tau_fac": 50.0},
    ),
    "saturating_nmda": ({"kind": "saturating_nmda"}, None, {}),
    "stdp, additive": (
        {"kind": "stdp", "weight_max": 0.1, "mu_plus": 0.0, "mu_minus": 0.0},
        "stdp_synapse",
        {"Wmax": 0.1, "mu_plus": 0.0, "mu_minus": 0.0},
    ),
    "stdp, exponent 0.4": (
        {"kind": "stdp", "weight_max": 0.1, "mu_plus": 0.4, "mu_minus": 0.4},
        "stdp_synapse",
        {"Wmax": 0.1, "mu_plus": 0.4, "mu_minus": 0.4},
    ),
    "stdp_power_law": (
        {"kind": "stdp_power_law", "learning_rate": 0.001, "alpha": 0.05, "weight_max": 0.1},
        "stdp_pl_synapse_hom",
        {"lambda": 0.001, "alpha": 0.05, "mu": 0.4},
    ),
    "stdp_triplet": (
        {"kind": "stdp_triplet", "weight_max": 0.1, "A3_plus": 1e-4, "A2_minus": 1e-4, "A3_minus": 1e-5},
        "stdp_triplet_synapse",
        {"Wmax": 0.1, "Aplus_triplet": 1e-4, "Aminus": 1e-4, "Aminus_triplet": 1e-5},
    ),
}
"""Kind: its configuration; the model and parameters in NEST. Weights are small: they do not change what targets do."""

WEIGHT_PA = 0.02


def neurons_alone(name: str, duration_ms: float) -> dict[str, Any]:
    """NEURONS neurons of one model with a constant current, without synapses."""
    population: dict[str, Any] = {"model": name, "size": NEURONS, "parameters": NEURON_MODELS[name][0]}
    if name.startswith("glif") or name.endswith("multisynapse"):
        population["receptors"] = PORTS if name.endswith("multisynapse") else {"ampa": 2.0}
    return {
        "name": "neurons",
        "simulation": {"dt_ms": DT_MS, "duration_ms": duration_ms, "threads": 1},
        "populations": {"N": population},
    }


def synapses(kind: str | None, duration_ms: float) -> dict[str, Any]:
    """Poisson sources onto tonically firing targets, all to all; None: without synapses."""
    config: dict[str, Any] = {
        "name": "synapses",
        "simulation": {"dt_ms": DT_MS, "duration_ms": duration_ms, "threads": 1},
        "populations": {
            "S": {"model": "poisson_source", "size": SOURCES, "parameters": {"rate_hz": RATE_HZ}},
            "T": {
                "model": "iaf_psc_exp",
                "size": TARGETS,
                "parameters": {"I_e_pA": {"distribution": "uniform", "low": 376.0, "high": 400.0}},
            },
        },
    }
    if kind is not None:
        projection: dict[str, Any] = {"source": "S", "target": "T", "rule": {"kind": "all_to_all"}, "receptor": "ex",
                                      "weight_pA": WEIGHT_PA, "delay_ms": DELAY_MS}  # fmt: skip
        if SYNAPSES[kind][0] is not None:
            projection["synapse"] = SYNAPSES[kind][0]
        config["projections"] = {"ST": projection}
    return config
