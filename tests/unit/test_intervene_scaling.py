"""Synaptic scaling: every weight by hand from the recorded spikes, rates that reach their target, division of work."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import built_rank, dynamic_synapses_of, network_of

import dtbsim
from dtbsim.errors import InputError
from dtbsim.kernels.scaling import FACTOR_BITS, scale_weights
from dtbsim.mpi import run_ranks
from dtbsim.simulate.streams import plan_streams

NETWORK = """\
simulation: {dt_ms: 0.2, duration_ms: 900, block_size: 16}
populations:
  S: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: {distribution: uniform, low: 380, high: 500}}}
  E: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: {distribution: uniform, low: 240, high: 350}}}
  DA: {model: iaf_psc_exp, size: 16, parameters: {I_e_pA: 420}}
projections:
  SE:
    source: S
    target: E
    rule: {kind: fixed_indegree, indegree: 12}
    weight_pA: {distribution: uniform, low: 30, high: 120}
    delay_ms: {distribution: uniform, low: 0.4, high: 2.0}
    synapse: SYNAPSE
controllers:
  scale: {kind: synaptic_scaling, projection: SE, target_rate_hz: 15, interval_ms: 50, tau_rate_ms: 200, eta: 0.05}
record: {weights: [{projection: SE, neurons: 40, interval_ms: 50}]}
"""
SYNAPSES = {
    "alone": "{kind: stdp, weight_max: 900, learning_rate: 0}",
    "with STDP": "{kind: stdp, weight_max: 200, learning_rate: 0.02, alpha: 1.1}",
    "frozen": "{kind: stdp, weight_max: 900, learning_rate: 0, frozen_ms: [[149, 300]]}",
    "with dopamine": "{kind: stdp_dopamine, dopamine: DA, weight_max: 200, weight_min: 25, update_interval_ms: 20}",
}


def text_of(name: str) -> str:
    return NETWORK.replace("SYNAPSE", SYNAPSES[name])


def test_weights_are_scaled_in_whole_numbers() -> None:
    rng = np.random.default_rng(3)
    weights = np.r_[rng.integers(0, 2**23, 200), 0, 1, 2**23].astype(np.int32)
    targets = rng.integers(5, 12, weights.size).astype(np.uint32)
    factors = rng.integers(0, 2**31, 7)
    expected = [
        min(max((w * int(factors[t - 5]) * 2 + 2**FACTOR_BITS) // 2 ** (FACTOR_BITS + 1), 10), 8_000_000)
        for w, t in zip(weights.tolist(), targets.tolist(), strict=True)
    ]
    scale_weights(targets, weights, 5, factors, 10, 8_000_000)
    assert weights.tolist() == expected


def by_hand(run: Any, fine: float, frozen: tuple[int, int] = (0, 0)) -> Any:
    """Weights at every multiple of the interval, before they are scaled there, in fine quanta."""
    recorded = run.weights(0)
    steps, gids = run.spike_steps("E")
    weights = np.rint(recorded.values[0] / fine).astype(int).tolist()
    rates = dict.fromkeys(range(40, 80), 15.0)
    keep, rows = math.exp(-50 / 200), [weights]
    for interval in range(1, 19):
        inside = (steps >= 250 * (interval - 1)) & (steps < 250 * interval)
        rows.append(weights)
        factors = {}
        for gid, rate in rates.items():
            spikes = int((gids[inside] == gid).sum())
            rates[gid] = rate * keep + spikes / 0.05 * (1 - keep)
            factors[gid] = round((1 + 0.05 * max(-1.0, (15 - rates[gid]) / 15)) * 2**30)
        if not frozen[0] < interval <= frozen[1]:
            ends = zip(weights, recorded.target.values.tolist(), strict=True)
            weights = [min((w * factors[target] + 2**29) >> 30, round(900 / fine)) for w, target in ends]
    return np.array(rows)


@pytest.mark.parametrize(("name", "frozen"), [("alone", (0, 0)), ("frozen", (2, 6))])
def test_every_weight_follows_from_the_spikes_of_its_target(name: str, frozen: Any, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(text_of(name))
    run = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run").open()
    ((part, _),) = dynamic_synapses_of(built_rank(network_of(text_of(name))))
    fine = part.quantum / 2 ** part.dynamics.shift(part.quantum)
    found = np.rint(run.weights(0).values / fine).astype(int)
    np.testing.assert_array_equal(found, by_hand(run, fine, frozen))
    ratio = found[-1] / found[0]
    assert (ratio > 1.1).sum() > 100
    assert (ratio < 0.95).sum() > 50
    assert len(np.unique(ratio.round(4))) > 15


@pytest.mark.parametrize("name", ["with STDP", "with dopamine"])
def test_the_division_of_work_does_not_show(name: str, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(text_of(name))
    alone = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "alone", set=["simulation.threads=1"]).open()
    results = run_ranks(3, lambda comm: dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "three", comm=comm))
    unscaled = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "plain", set=["controllers={}"]).open()
    assert results[0].spike_hash == alone.spike_hash().digest != unscaled.spike_hash().digest
    assert alone.weights(0).identical(results[0].open().weights(0))
    assert alone.weights(0).values.min() >= (24.999 if name == "with dopamine" else 0)


def test_rates_reach_their_target(tmp_path: Path) -> None:
    """Neurons with different currents and inputs: each comes to the target by its own factor."""
    (tmp_path / "net.yaml").write_text(text_of("alone"))
    longer = ["simulation.duration_ms=20000", "controllers.scale.tau_rate_ms=500", "record.weights=[]"]
    run = dtbsim.run(tmp_path / "net.yaml", out=tmp_path / "run", set=longer).open()
    steps, gids = run.spike_steps("E")

    def rates_hz(start_s: float, stop_s: float) -> Any:
        inside = (steps >= start_s * 5000) & (steps < stop_s * 5000)
        return np.bincount(gids[inside] - 40, minlength=40) / (stop_s - start_s)

    before, after = rates_hz(0, 1), rates_hz(10, 20)
    assert np.abs(before - 15).mean() > 4
    assert np.abs(after - 15).max() < 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("controllers.scale.projection=ES", "controllers.scale.projection: no projection 'ES'"),
        ("projections.SE.synapse=null", "the weights of projection 'SE' do not change"),
        ("controllers.scale.interval_ms=0.5", "controllers.scale.interval_ms: 0.5 ms is not a whole number of steps"),
        ("controllers.scale.interval_ms=0.1", "controllers.scale.interval_ms: 0.1 ms is less than one step"),
        ("controllers.scale.eta=1.5", "eta * clip is 1.5: a weight could change by its whole size at once"),
        ("controllers.scale.population=E", "unknown key 'population'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(override: str, message: str) -> None:
    text = text_of("alone")
    if "synapse" in override:
        text = text.replace("record: {weights: [{projection: SE, neurons: 40, interval_ms: 50}]}\n", "")
    with pytest.raises(InputError) as caught:
        plan_streams(network_of(text, override))
    assert message in str(caught.value)


def test_a_projection_that_inhibits_is_refused() -> None:
    text = text_of("alone").replace("low: 30, high: 120", "low: -120, high: -30").replace("max: 900", "max: -900")
    with pytest.raises(InputError, match="projection SE inhibits"):
        plan_streams(network_of(text))
