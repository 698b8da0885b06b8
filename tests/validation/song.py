"""Song, Miller, Abbott (2000) in a plain simulator without delays, under the conventions of several simulators.

Nothing is known of dtbsim here. Two things differ between simulators, whatever the equations: whether a spike transmits
the weight before or after the depression that it causes itself, and what a pair of spikes in one time step does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import numpy as np

CONFIG = Path(__file__).parent / "published" / "song.yaml"
SIZE, RATE_HZ, STRENGTH, ALPHA, TAU_MS = 1000, 15.0, 0.01, 1.05, 20.0
G_MAX, TAU_SYN_MS, TAU_M_MS, E_L_MV, V_TH_MV, V_RESET_MV = 0.01, 5.0, 10.0, -74.0, -54.0, -60.0
DURATION_MS, SETTLED_MS = 200_000.0, 100_000.0
NEST = {"after_depression": True, "potentiates": False}
"""`stdp_synapse`: the spike transmits what is left, pairs in one step change nothing."""
BRIAN = {"after_depression": False, "potentiates": True}
"""`ge += w` comes first in `on_pre`, and `on_post` after it in the same step."""


def run_dtbsim(seed: int, *more: str) -> float:
    """Rate of the neuron once the weights have settled (Hz)."""
    import dtbsim

    run = dtbsim.run(CONFIG, set=[f"seed={seed}", *more], temporary=True, report=False, progress=False).open()
    return float(len(run.spikes("neuron", SETTLED_MS)) / (DURATION_MS - SETTLED_MS) * 1e3)


def run_plain(seed: int, dt_ms: float, *, after_depression: bool, potentiates: bool) -> float:
    """The same without delay: an input in step k acts in step k + 1."""
    spikes = _simulate(seed, dt_ms, round(DURATION_MS / dt_ms), after_depression, potentiates)
    return float(np.sum(np.asarray(spikes) * dt_ms > SETTLED_MS) / (DURATION_MS - SETTLED_MS) * 1e3)


@numba.njit
def _simulate(seed: int, dt: float, n_steps: int, after_depression: bool, potentiates: bool) -> Any:
    np.random.seed(seed)
    weights = np.random.rand(SIZE) * G_MAX
    source, source_step = np.zeros(SIZE), np.zeros(SIZE, np.int64)  # traces, and when they were that
    target, target_step = 0.0, 0
    V, g = E_L_MV, 0.0
    chosen = np.empty(SIZE, np.int64)
    spikes = [0 for _ in range(0)]
    for k in range(n_steps):
        middle = g * np.exp(-0.5 * dt / TAU_SYN_MS)  # of the step, E_ex = 0
        V_inf = E_L_MV / (1.0 + middle)
        V = V_inf + (V - V_inf) * np.exp(-dt * (1.0 + middle) / TAU_M_MS)
        g *= np.exp(-dt / TAU_SYN_MS)
        fires = V > V_TH_MV
        n = np.random.poisson(SIZE * RATE_HZ * 1e-3 * dt)
        for i in range(n):
            chosen[i] = np.random.randint(SIZE)
        for j in chosen[:n]:
            depressed = max(
                0.0, weights[j] - ALPHA * STRENGTH * G_MAX * target * np.exp((target_step - k) * dt / TAU_MS)
            )
            g += depressed if after_depression else weights[j]
            weights[j] = depressed
            if potentiates:
                source[j], source_step[j] = source[j] * np.exp((source_step[j] - k) * dt / TAU_MS) + 1.0, k
        if fires:
            V = V_RESET_MV
            spikes.append(k)
            target, target_step = target * np.exp((target_step - k) * dt / TAU_MS) + 1.0, k
            for j in range(SIZE):
                trace = source[j] * np.exp((source_step[j] - k) * dt / TAU_MS)
                weights[j] = min(G_MAX, weights[j] + STRENGTH * G_MAX * trace)
        if not potentiates:
            for j in chosen[:n]:
                source[j], source_step[j] = source[j] * np.exp((source_step[j] - k) * dt / TAU_MS) + 1.0, k
    return spikes
