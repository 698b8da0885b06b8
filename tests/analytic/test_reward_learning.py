"""Learning from a reward that comes late (Izhikevich 2007): of two pathways the one that is followed by reward grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dtbsim

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 20000, block_size: 16, threads: 1}
populations:
  rewarded: {model: spike_source, size: 10, spikes_file: rewarded.npz}
  other: {model: spike_source, size: 10, spikes_file: other.npz}
  DA: {model: spike_source, size: 8, spikes_file: dopamine.npz}
  T: {model: iaf_psc_exp, size: 5}
projections:
  one:
    source: rewarded
    target: T
    rule: {kind: all_to_all}
    weight_pA: 50
    delay_ms: 1
    synapse: &rule
      {kind: stdp_dopamine, dopamine: DA, weight_max: 100, A_plus: 2, A_minus: 2, tau_c_ms: 500, tau_n_ms: 100,
       baseline_per_ms: 0.004, update_interval_ms: 50}
  two: {source: other, target: T, rule: {kind: all_to_all}, weight_pA: 50, delay_ms: 1, synapse: *rule}
drives:
  teacher: {kind: spike_trains, target: T, file: teacher.npz, weight_pA: 4000}
record: {weights: [{projection: one, neurons: 5}, {projection: two, neurons: 5}]}
"""
TRIAL_MS, TRIALS, LATE_MS = 2000, 10, 300


@pytest.fixture(params=["late", "at other times"])
def reward_ms(request: pytest.FixtureRequest) -> Any:
    """When dopamine comes in every trial: after the first pathway, or long after the second."""
    return {"late": 100 + LATE_MS, "at other times": 900}[request.param]


def write_trains(folder: Path, reward_ms: float) -> None:
    """Per trial: pathway one and its targets at 100 ms, pathway two and its targets at 1100 ms, dopamine."""
    starts = np.arange(TRIALS) * float(TRIAL_MS)

    def save(name: str, size: int, *times_ms: float) -> None:
        at = np.sort(np.concatenate([starts + time_ms for time_ms in times_ms]))
        neuron = np.repeat(np.arange(size), at.size)
        np.savez(folder / f"{name}.npz", neuron=neuron, time_ms=np.tile(at, size))

    save("rewarded", 10, 100)
    save("other", 10, 1100)
    save("teacher", 5, 105, 1105)
    save("dopamine", 8, reward_ms)


def test_the_pathway_that_a_late_reward_follows_grows(tmp_path: Path, reward_ms: float) -> None:
    write_trains(tmp_path, reward_ms)
    (tmp_path / "net.yaml").write_text(NETWORK)
    run = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run").open()
    one, two = (run.weights(k).values[-1] - run.weights(k).values[0] for k in range(2))
    print(one.mean(), one.min(), two.mean(), two.max())
    dtbsim.hash_run(tmp_path / "run")
    assert one.min() > 10 * abs(two).max()
