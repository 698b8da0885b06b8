"""A model whose state grows beyond float32 in finite time, and a network in which some of its neurons do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

MODEL = '''\
"""dx/dt = 0.05 (x^2 - 0.25) in explicit steps: it ends at infinity for x above 0.5, at -0.5 below."""

from dtbsim.models import NeuronModel, State


class Runaway(NeuronModel):
    name = "runaway"
    summary = "grows beyond all bounds"
    states = (State("calm", "1", "stays where it is"), State("x", "1", "grows", default=-0.5))

    @staticmethod
    def update(calm, x, dt_ms):
        return calm, x + dt_ms * 0.05 * (x * x - 0.25), False
'''
CONFIG = """\
name: blow_up
seed: 11
simulation: {dt_ms: 0.1, duration_ms: 20000, threads: 1, block_size: 16, partitioner: contiguous}
populations:
  E: {model: iaf_psc_exp, size: 80}
  X: {model: runaway.py:Runaway, size: 40, initial: {x: {distribution: uniform, low: 0.4, high: 0.51}}}
drives:
  background: {kind: poisson, target: E, rate_hz: 8000, weight_pA: 60}
record:
  states:
    - {population: X, variables: [x], neurons: 40}
"""


def write(folder: Path) -> Path:
    """Write the model and the configuration; return the path of the latter."""
    (folder / "runaway.py").write_text(MODEL)
    config = folder / "blow_up.yaml"
    config.write_text(CONFIG)
    return config


def first_invalid_steps(x: np.ndarray, limit: int) -> np.ndarray:
    """Return the step after which each neuron is not finite, int64[n], `limit` for those that stay so.

    `x` is float32[n], the state after one step; the same float32 operations in the same order as in the model.
    """
    x, dt, found = x.astype(np.float32), np.float32(0.1) * np.float32(0.05), np.full(len(x), limit)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(2, limit):
            x = x + dt * (x * x - np.float32(0.25))
            found[~np.isfinite(x) & (found == limit)] = step
    return found
