"""The network of Brunel (2000) in both simulators, in four regimes and two sizes: spikes and their statistics."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx
from tests.validation.distributions import statistics

EXAMPLE = Path(__file__).parents[2] / "examples" / "brunel.yaml"
REGIMES = {"SR": (3.0, 2.0), "AI": (5.0, 2.0), "SI fast": (6.0, 4.0), "SI slow": (4.5, 0.9)}
"""g and eta (figure 8 of the paper)."""
SIZE_E, SIZE_I, INDEGREE_E, INDEGREE_I = 10_000, 2_500, 1_000, 250
DT_MS, J_MV, DELAY_MS = 0.1, 0.1, 1.5
TAU_M_MS, V_TH_MV, V_RESET_MV, T_REF_MS = 20.0, 20.0, 10.0, 2.0
TRANSIENT_MS = 200.0


def numbers(regime: str, scale: float) -> dict[str, Any]:
    """The network as plain numbers; a smaller one has fewer sources per neuron and larger weights: the same mean."""
    g, eta = REGIMES[regime]
    weight = J_MV / scale
    return {
        "sizes": {"E": round(SIZE_E * scale), "I": round(SIZE_I * scale)},
        "indegrees": {"E": round(INDEGREE_E * scale), "I": round(INDEGREE_I * scale)},
        "weights_mV": {"E": weight, "I": -g * weight},
        "rate_hz": eta * V_TH_MV / (weight * TAU_M_MS) * 1e3,
    }


def overrides(regime: str, scale: float, duration_ms: float, seed: int) -> list[str]:
    """What turns the example into that network."""
    model = numbers(regime, scale)
    weights, rate_hz = model["weights_mV"], model["rate_hz"]
    chosen = [f"seed={seed}", f"simulation.duration_ms={duration_ms}"]
    chosen += ["simulation.threads=1", "record.rate_bin_ms=null"]
    chosen += [f"drives.external.{key}={value!r}" for key, value in (("rate_hz", rate_hz), ("weight_mV", weights["E"]))]
    for source in "EI":
        chosen.append(f"populations.{source}.size={model['sizes'][source]}")
        for target in "EI":
            chosen.append(f"projections.{source}{target}.rule.indegree={model['indegrees'][source]}")
            chosen.append(f"projections.{source}{target}.weight_mV={weights[source]!r}")
    return chosen


def run_dtbsim(regime: str, scale: float, duration_ms: float, seed: int, *more: str) -> dict[str, Any]:
    """Statistics of a run with dtbsim."""
    import dtbsim

    with tempfile.TemporaryDirectory() as folder:
        chosen = [*overrides(regime, scale, duration_ms, seed), *more]
        steps, gids = dtbsim.run(EXAMPLE, out=Path(folder) / "run", set=chosen).open().spike_steps()
    return analysed(steps, gids, regime, scale, duration_ms)


def run_nest(regime: str, scale: float, duration_ms: float, seed: int) -> dict[str, Any]:
    """Statistics of a run with NEST, on one thread."""
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution, nest.rng_seed, nest.local_num_threads = DT_MS, seed, 1
    model = numbers(regime, scale)
    parameters = {"tau_m": TAU_M_MS, "C_m": 1.0, "E_L": 0.0, "V_th": V_TH_MV, "V_reset": V_RESET_MV, "t_ref": T_REF_MS}
    cells = {
        name: nest.Create("iaf_psc_delta", size, parameters | {"V_m": nest.random.uniform(0.0, V_TH_MV)})
        for name, size in model["sizes"].items()
    }
    everyone = cells["E"] + cells["I"]
    for source, cell in cells.items():
        rule = {"rule": "fixed_indegree", "indegree": model["indegrees"][source]}
        nest.CopyModel("static_synapse_hom_w", f"from_{source}", {"weight": model["weights_mV"][source]})
        nest.Connect(cell, everyone, rule, {"synapse_model": f"from_{source}", "delay": DELAY_MS})
    generator = nest.Create("poisson_generator", params={"rate": model["rate_hz"]})
    nest.Connect(generator, everyone, syn_spec={"weight": model["weights_mV"]["E"], "delay": DT_MS})
    recorder = nest.Create("spike_recorder")
    nest.Connect(everyone, recorder)
    nest.Simulate(duration_ms)
    events = recorder.events
    steps = np.rint(events["times"] / DT_MS).astype(np.int64) - 1
    return analysed(steps, events["senders"].astype(np.int64) - 1, regime, scale, duration_ms)


def analysed(steps: Any, gids: Any, regime: str, scale: float, duration_ms: float) -> dict[str, Any]:
    """Statistics over all neurons, after a transient."""
    size = sum(numbers(regime, scale)["sizes"].values())
    first, last = round(TRANSIENT_MS / DT_MS), round(duration_ms / DT_MS)
    return statistics(steps, gids, gid0=0, size=size, dt_ms=DT_MS, start_step=first, stop_step=last)


def stationary_rate_hz(regime: str, scale: float = 1.0) -> float:
    """Rate of the asynchronous state, eq. 21 to 26 of the paper: white noise, no correlations."""
    model = numbers(regime, scale)
    excitation, inhibition = model["weights_mV"]["E"], model["weights_mV"]["I"]
    sources, external = model["indegrees"], model["rate_hz"] * 1e-3

    def surplus(rate_per_ms: float) -> float:
        inputs = ((excitation, sources["E"] * rate_per_ms + external), (inhibition, sources["I"] * rate_per_ms))
        mu = TAU_M_MS * sum(weight * rate for weight, rate in inputs)
        sigma = np.sqrt(TAU_M_MS * sum(weight**2 * rate for weight, rate in inputs))
        bounds = ((V_RESET_MV - mu) / sigma, (V_TH_MV - mu) / sigma)
        time_ms = T_REF_MS + TAU_M_MS * np.sqrt(np.pi) * quad(lambda u: erfcx(-u), *bounds)[0]
        return float(1.0 / time_ms - rate_per_ms)

    return 1e3 * float(brentq(surplus, 1e-6, 0.4))
