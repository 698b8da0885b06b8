"""Learning from a reward that comes late (Izhikevich 2007): of two pathways the one before the reward grows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dtbsim

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 20000, block_size: 16, threads: 1}
populations:
  A: {model: spike_source, size: 10, spikes_file: one.npz}
  B: {model: spike_source, size: 10, spikes_file: two.npz}
  DA: {model: spike_source, size: 8, spikes_file: dopamine.npz}
  T: {model: iaf_psc_exp, size: 5}
projections:
  one:
    source: A
    target: T
    rule: {kind: all_to_all}
    weight_pA: 50
    delay_ms: 1
    synapse: &rule
      {kind: stdp_dopamine, dopamine: DA, weight_max: 100, A_plus: 2, A_minus: 2, tau_c_ms: 500, tau_n_ms: 100,
       baseline_per_ms: 0.004, update_interval_ms: 50}
  two: {source: B, target: T, rule: {kind: all_to_all}, weight_pA: 50, delay_ms: 1, synapse: *rule}
drives:
  teacher: {kind: spike_trains, target: T, file: teacher.npz, weight_pA: 4000}
record: {weights: [{projection: one, neurons: 5}, {projection: two, neurons: 5}]}
"""
TRIAL_MS, TRIALS, LATE_MS = 2000, 10, 300
START_MS = {"one": 100, "two": 1100}
"""When each pathway is active in every trial."""


def write_trains(folder: Path, reward_ms: float) -> None:
    """Every trial: spikes of both pathways, a little later spikes of the targets; dopamine after one of them."""
    starts = np.arange(TRIALS) * float(TRIAL_MS)

    def save(name: str, size: int, *times_ms: float) -> None:
        at = np.sort(np.concatenate([starts + time_ms for time_ms in times_ms]))
        np.savez(folder / f"{name}.npz", neuron=np.repeat(np.arange(size), at.size), time_ms=np.tile(at, size))

    for name, start_ms in START_MS.items():
        save(name, 10, start_ms)
    save("teacher", 5, *(start_ms + 5 for start_ms in START_MS.values()))
    save("dopamine", 8, reward_ms)


def expected_change(pair_ms: float, wait_ms: float) -> float:
    """Of one trial: the pair leaves c = A_plus exp(-pair / tau_plus); after `wait_ms` eight neurons release dopamine.

    dw = integral of c (n - baseline) over a whole trial, in which the traces of the one before have not quite gone.
    """
    c = 2.0 * np.exp(-pair_ms / 20.0)
    both = 1.0 / (1.0 / 500.0 + 1.0 / 100.0)
    c_then = sum(c * np.exp(-(wait_ms + k * TRIAL_MS) / 500.0) for k in range(5))
    return float(c_then * 8 / 100.0 * both - c * 500.0 * 0.004)


@pytest.mark.parametrize("rewarded", START_MS)
def test_the_pathway_that_a_late_reward_follows_grows(rewarded: str, tmp_path: Path) -> None:
    reward_ms = START_MS[rewarded] + LATE_MS
    write_trains(tmp_path, reward_ms)
    (tmp_path / "net.yaml").write_text(NETWORK)
    run = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run").open()
    steps, _ = run.spike_steps("T")
    fired = np.unique(steps + 1) * 0.1 % TRIAL_MS
    changes = {}
    for k, (name, start_ms) in enumerate(START_MS.items()):
        weights = run.weights(k)
        pair_ms = float(fired[fired > start_ms].min()) + 1.0 - start_ms
        change = (weights.values[-1] - weights.values[0]) / TRIALS
        wait_ms = (reward_ms - start_ms - pair_ms) % TRIAL_MS
        assert change == pytest.approx(expected_change(pair_ms, wait_ms), rel=0.05)
        changes[name] = float(change.mean())
    assert len(steps) == 2 * TRIALS * 5
    other = next(name for name in START_MS if name != rewarded)
    assert changes[rewarded] > 1.5, "pA per trial"
    assert changes[other] < -1.0
