"""Delays of a run, felt by neurons that repeat what arrives: those of the distribution between its bounds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import dtbsim
from dtbsim.config import dump_config, load_config_text

SIGMA = math.sqrt(math.log(2))
EXACT = stats.lognorm(SIGMA, scale=1.5 * math.exp(-SIGMA * SIGMA / 2))
"""Mean and standard deviation 1.5 ms: 0.2 % below 0.1 ms, 18 % below 0.5 ms."""
TEXT = """\
simulation: {{dt_ms: 0.1, duration_ms: 150}}
populations:
  S: {{model: spike_source, size: 1, spikes: {{neuron: [0], time_ms: [1]}}}}
  P: {{model: parrot_neuron, size: 40000}}
projections:
  p: {{source: S, target: P, rule: all_to_all, weight: 1,
      delay_ms: {{distribution: lognormal, mean: 1.5, sd: 1.5, low: {low}{outside}}}{more}}}
record: {{spikes: {{populations: [P]}}}}
"""


@pytest.mark.parametrize("low", [0.1, 0.5])
@pytest.mark.parametrize("more", ["", ", procedural: true"])
@pytest.mark.parametrize("outside", ["", ", outside: redraw", ", outside: clip"])
def test_lognormal_delays_from_a_bound_on(tmp_path: Path, outside: str, more: str, low: float) -> None:
    config = load_config_text(TEXT.format(outside=outside, more=more, low=low))
    assert load_config_text(dump_config(config)) == config
    run = dtbsim.run(config, out=tmp_path / "run").open()
    time_ms, neuron = run.spikes("P")
    assert np.array_equal(np.sort(neuron), np.arange(40_000)), "every neuron repeats the one spike"
    steps = np.rint((time_ms - 1.0) / 0.1).astype(int)
    assert steps.min() == round(low / 0.1)
    edges = (np.arange(round(low / 0.1), 400) + 0.5) * 0.1
    observed = np.cumsum(np.bincount(steps, minlength=400))[round(low / 0.1) : 400] / steps.size
    below = EXACT.cdf(low)
    redrawn = (EXACT.cdf(edges) - below) / (1 - below)
    right, wrong = (EXACT.cdf(edges), redrawn) if "clip" in outside else (redrawn, EXACT.cdf(edges))
    assert math.sqrt(steps.size) * np.abs(observed - right).max() < 1.8, "Kolmogorov-Smirnov, at the edges of steps"
    if low == 0.5:
        assert math.sqrt(steps.size) * np.abs(observed - wrong).max() > 10, "one is told from the other"
