"""Facts from papers about synapses that change: small runs with given spikes, and closed forms beside them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

LEADER_MV = 100.0
"""A spike with this weight makes a target of `follower` fire in the step in which it arrives."""
FOLLOWER = {"tau_m_ms": 5.0, "E_L_mV": 0.0, "V_th_mV": 50.0, "V_reset_mV": 0.0, "t_ref_ms": 0.1}

RHO_HZ = (0.1, 10.0, 20.0, 40.0, 50.0)
VISUAL_CORTEX = {
    10.0: ((-0.04, 0.14, 0.29, 0.53, 0.56), (0.05, 0.10, 0.14, 0.11, 0.26)),
    -10.0: ((-0.29, -0.41, -0.34, 0.56, 0.75), (0.08, 0.11, 0.10, 0.32, 0.19)),
}
"""By t_post - t_pre (ms): change of the weight at RHO_HZ and its standard error (Sjostrom 2001, Neuron 32:1149)."""
PAIRINGS = 60
TRIPLET = {"A2_plus": 0.0, "A3_plus": 6.5e-3, "A2_minus": 7.1e-3, "A3_minus": 0.0, "tau_plus_ms": 16.8,
           "tau_minus_ms": 33.7, "tau_plus_slow_ms": 101.0, "tau_minus_slow_ms": 114.0}  # fmt: skip
"""Minimal model, all spikes interact, visual cortex (Pfister, Gerstner 2006, J Neurosci 26:9673, table 4)."""


def changes(
    pre_ms: list[Any], post_ms: list[Any], synapse: dict[str, Any], *, dt_ms: float, start_mV: float = 1e-2
) -> Any:
    """Weights (mV) at the end, float64[n]: spikes of both ends meet at synapse k at `pre_ms[k]` and `post_ms[k]`.

    The delay, one step, is dendritic: the targets fire so much earlier. They are made to fire by strong input; the
    synapses are too weak to matter.
    """
    import dtbsim

    size = len(pre_ms)
    last = max(float(np.max(times)) for times in [*pre_ms, *post_ms])
    firing = [np.asarray(times) - dt_ms for times in post_ms]
    leading = [times - dt_ms for times in firing]
    one_to_one = {"rule": {"kind": "one_to_one"}, "delay_ms": dt_ms}
    config = {
        "simulation": {"dt_ms": dt_ms, "duration_ms": last + 100 * dt_ms, "threads": 1, "block_size": 16},
        "populations": {
            "S": {"model": "spike_source", "size": size, "spikes": _listed(pre_ms)},
            "L": {"model": "spike_source", "size": size, "spikes": _listed(leading)},
            "T": {"model": "iaf_psc_delta", "size": size, "parameters": FOLLOWER},
        },
        "projections": {
            "LT": {"source": "L", "target": "T", "weight_mV": LEADER_MV, **one_to_one},
            "ST": {"source": "S", "target": "T", "weight_mV": start_mV, **one_to_one, "synapse": synapse},
        },
        "record": {"weights": [{"projection": "ST", "neurons": size}], "rate_bin_ms": None},
    }
    with tempfile.TemporaryDirectory() as folder:
        run = dtbsim.run(config, out=Path(folder) / "run").open()
        steps, gids = run.spike_steps("T")
        for k in range(size):
            fired = (steps[gids == 2 * size + k] + 1) * dt_ms
            np.testing.assert_allclose(fired, firing[k], err_msg="a target did not fire when it was told to")
        weights = run.weights(0)
        order = np.argsort(weights.target.values)
        return weights.values[-1][order].astype(np.float64)


def _listed(trains: list[Any]) -> dict[str, list[Any]]:
    neuron = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    return {"neuron": neuron.tolist(), "time_ms": np.round(np.concatenate(trains), 6).tolist()}


# --- triplets -------------------------------------------------------------------------------------------------------


def pairing_protocol() -> dict[float, list[float]]:
    """Relative change of a weight after 60 pairs at RHO_HZ, by t_post - t_pre (ms)."""
    dt_ms, start = 1.0, 0.01
    pre, post = [], []
    for shift_ms in VISUAL_CORTEX:
        for rho_hz in RHO_HZ:
            times = 20.0 + np.arange(PAIRINGS) * 1000.0 / rho_hz
            pre.append(times)
            post.append(times + shift_ms)
    scaled = {key: value * start if key.startswith("A") else value for key, value in TRIPLET.items()}
    found = changes(pre, post, {"kind": "stdp_triplet", "weight_max": 5 * start, **scaled}, dt_ms=dt_ms) / start - 1.0
    parts = np.split(found, len(VISUAL_CORTEX))
    return {shift: part.tolist() for shift, part in zip(VISUAL_CORTEX, parts, strict=True)}


def expected_pairing(shift_ms: float, rho_hz: float) -> float:
    """The same summed over all pairs and triplets of spikes, in float64."""
    times = np.arange(PAIRINGS) * 1000.0 / rho_hz
    ahead = times[:, None] - times[None, :]
    p = TRIPLET

    def trace(gap: Any, tau_ms: float) -> Any:
        return np.where(gap > 1e-9, np.exp(-np.clip(gap, 0.0, None) / tau_ms), 0.0).sum(axis=1)

    fast, slow = trace(ahead + shift_ms, p["tau_plus_ms"]), trace(ahead, p["tau_minus_slow_ms"])
    depression = p["A2_minus"] * trace(ahead - shift_ms, p["tau_minus_ms"]).sum()
    return float((fast * (p["A2_plus"] + p["A3_plus"] * slow)).sum() - depression)


def misfit(found: dict[float, list[float]]) -> float:
    """Mean squared deviation from the experiment in units of its standard errors."""
    terms = [
        ((value - mean) / error) ** 2
        for shift, (means, errors) in VISUAL_CORTEX.items()
        for value, mean, error in zip(found[shift], means, errors, strict=True)
    ]
    return float(np.mean(terms))


# --- one pair -------------------------------------------------------------------------------------------------------

WINDOW = {"kind": "stdp", "weight_max": 0.02, "learning_rate": 0.05, "alpha": 1.2, "mu_plus": 0.0, "mu_minus": 0.0,
          "tau_plus_ms": 17.0, "tau_minus_ms": 34.0}  # fmt: skip
SHIFTS_MS = tuple(float(k) for k in range(-80, 81, 4) if k)


def stdp_window() -> list[float]:
    """Change of the weight, as a share of weight_max, by one pair of spikes at each of SHIFTS_MS."""
    found = changes([[100.0]] * len(SHIFTS_MS), [[100.0 + shift] for shift in SHIFTS_MS], WINDOW, dt_ms=0.1)
    return (found / WINDOW["weight_max"] - 0.5).tolist()


def expected_window(shift_ms: float) -> float:
    """The closed form."""
    if shift_ms > 0:
        return float(WINDOW["learning_rate"] * np.exp(-shift_ms / WINDOW["tau_plus_ms"]))
    return float(-WINDOW["alpha"] * WINDOW["learning_rate"] * np.exp(shift_ms / WINDOW["tau_minus_ms"]))


# --- short-term plasticity ------------------------------------------------------------------------------------------

SHORT_TERM = {
    "depressing": {"U": 0.5, "tau_rec_ms": 800.0, "tau_fac_ms": 0.0},
    "facilitating": {"U": 0.05, "tau_rec_ms": 100.0, "tau_fac_ms": 1000.0},
}
"""Synapses of the kinds of Tsodyks, Pawelzik, Markram (1998), figures 1 and 2."""
RATES_HZ = (2.0, 5.0, 10.0, 20.0, 40.0, 62.5, 80.0, 100.0)
"""Their intervals are whole numbers of steps."""
SPIKES = 200


def steady_shares(kind: str) -> list[float]:
    """Share of the weight that the last spikes of long regular trains transmit, at RATES_HZ."""
    import dtbsim

    dt_ms, tau_ms, weight_pA, size = 0.5, 5.0, 100.0, len(RATES_HZ)
    trains = [5.0 + np.arange(SPIKES) * 1000.0 / rate for rate in RATES_HZ]
    config = {
        "simulation": {"dt_ms": dt_ms, "duration_ms": float(trains[0][-1]) + 10.0, "threads": 1, "block_size": 16},
        "populations": {
            "S": {"model": "spike_source", "size": size, "spikes": _listed(trains)},
            "T": {"model": "iaf_psc_exp", "size": size, "parameters": {"tau_syn_ex_ms": tau_ms}},
        },
        "projections": {
            "ST": {"source": "S", "target": "T", "rule": {"kind": "one_to_one"}, "weight_pA": weight_pA,
                   "delay_ms": dt_ms, "synapse": {"kind": "tsodyks_markram", **SHORT_TERM[kind]}}
        },
        "record": {
            "rate_bin_ms": None,
            "states": [{"population": "T", "variables": ["I_syn_ex_pA"], "neurons": size}],
        },
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        current = dtbsim.run(config, out=Path(folder) / "run").open().states(0)["I_syn_ex_pA"].values
    found = []
    for k, train in enumerate(trains):
        arrived = round(float(train[-1]) / dt_ms)
        found.append(float(current[arrived, k] - current[arrived - 1, k] * np.exp(-dt_ms / tau_ms)) / weight_pA)
    return found


def expected_share(kind: str, rate_hz: float) -> float:
    """u x in the steady state of a regular train."""
    p = SHORT_TERM[kind]
    interval_ms = 1000.0 / rate_hz
    kept = np.exp(-interval_ms / p["tau_fac_ms"]) if p["tau_fac_ms"] else 0.0
    u = p["U"] / (1.0 - (1.0 - p["U"]) * kept)
    lost = np.exp(-interval_ms / p["tau_rec_ms"])
    return float(u * (1.0 - lost) / (1.0 - (1.0 - u) * lost))


# --- distributions of weights ---------------------------------------------------------------------------------------

RULES = {
    "additive": {"mu_plus": 0.0, "mu_minus": 0.0, "alpha": 1.05},
    "van Rossum": {"mu_plus": 0.0, "mu_minus": 1.0, "alpha": 2.0},
}
"""Song, Miller, Abbott 2000; van Rossum, Bi, Turrigiano 2000: potentiation by a constant, depression by a share."""
SOURCES, TARGETS, SOURCE_HZ, TOP_MV = 400, 4, 15.0, 0.7
LEARNING_RATE = 0.005
NEURON = {"tau_m_ms": 20.0, "E_L_mV": -70.0, "V_th_mV": -54.0, "V_reset_mV": -60.0}


def stationary_weights(rule: str, duration_ms: float, *, independent: bool = False, seed: int = 1) -> Any:
    """Weights, as shares of the largest, float64[SOURCES * TARGETS], after so long: independent Poisson inputs.

    `independent`: the synapses are too weak to matter, and strong Poisson input makes the targets fire.
    """
    import dtbsim

    dt_ms, top_mV = 0.5, 1e-3 if independent else TOP_MV
    start = {"distribution": "uniform", "low": 0.0, "high": top_mV}
    synapse = {"kind": "stdp", "weight_max": top_mV, "learning_rate": LEARNING_RATE, **RULES[rule]}
    drives = {"input": {"kind": "poisson", "target": "S", "rate_hz": SOURCE_HZ, "weight": 1.0}}
    if independent:
        drives["leader"] = {"kind": "poisson", "target": "T", "rate_hz": SOURCE_HZ, "weight_mV": LEADER_MV}
    config = {
        "seed": seed,
        "simulation": {"dt_ms": dt_ms, "duration_ms": duration_ms, "threads": 1},
        "populations": {
            "S": {"model": "parrot_neuron", "size": SOURCES},
            "T": {"model": "iaf_psc_delta", "size": TARGETS, "parameters": FOLLOWER if independent else NEURON},
        },
        "projections": {
            "ST": {"source": "S", "target": "T", "rule": {"kind": "all_to_all"}, "weight_mV": start,
                   "delay_ms": dt_ms, "synapse": synapse}
        },
        "drives": drives,
        "record": {
            "rate_bin_ms": None,
            "spikes": {"populations": ["T"]},
            "weights": [{"projection": "ST", "neurons": TARGETS}],
        },
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = dtbsim.run(config, out=Path(folder) / "run").open()
        return run.weights(0).values[-1].astype(np.float64) / top_mV


def expected_spread() -> tuple[float, float]:
    """Mean and standard deviation of independent weights under van Rossum's rule, to first order in the learning rate.

    Their drift is proportional to 1 - alpha w, and the diffusion at the mean comes from single pairs, as potentiation
    and depression cancel there: a variance of learning_rate / (2 alpha).
    """
    alpha = RULES["van Rossum"]["alpha"]
    return 1.0 / alpha, float(np.sqrt(LEARNING_RATE / (2.0 * alpha)))
