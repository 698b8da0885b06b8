"""Weights of plastic projections, and of those with short-term plasticity, that change at given times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.shim_device import GXX, ShimDevice

import dtbsim
from dtbsim.config import load_config_text
from dtbsim.mpi import run_ranks

NET = """\
simulation: {dt_ms: 0.1, duration_ms: 40, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 60, parameters: {I_e_pA: {distribution: uniform, low: 300, high: 600}}}
  D: {model: poisson_source, size: 4, parameters: {rate_hz: 100}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: fixed_indegree, indegree: 8}
    weight_pA: {distribution: uniform, low: 20, high: 90}
    delay_ms: {distribution: uniform, low: 0.3, high: 2}
    synapse: SYNAPSE
record: {weights: [{projection: EE, neurons: 60, interval_ms: 1}]}
"""
PLASTIC = {
    "pairs": "{kind: stdp, weight_max: 120, learning_rate: 0.05}",
    "triplets": "{kind: stdp_triplet, weight_max: 120, A2_plus: 1.2, A2_minus: 5, A3_plus: 0.8, A3_minus: 0.5}",
    "dopamine": "{kind: stdp_dopamine, weight_max: 120, dopamine: D, A_plus: 1, A_minus: 1.5}",
    "calcium": "{kind: graupner_brunel, weight_min: 15, weight_max: 120}",
}
BY_SOURCE = {"depressing": "{kind: tsodyks_markram, U: 0.5, tau_rec_ms: 100, tau_fac_ms: 0}"}
EACH = [
    *("pairs", "calcium", "depressing"),
    *(pytest.param(name, marks=pytest.mark.nightly) for name in ("triplets", "dopamine")),
]
SEVERAL = (
    "a={projection: EE, times_ms: [11, 20], values: {weight_factor: [0.5, 1.7]}}",
    "b={projection: EE, t_ms: 27.3, set: {weight_pA: {distribution: uniform, low: 30, high: 50}}}",
    "c={projection: EE, t_ms: 35, set: {weight_factor: 1.5}}",
)
NEW = "{distribution: uniform, low: 40, high: 110}"


def config_of(synapse: str) -> Any:
    text = NET.replace("SYNAPSE", {**PLASTIC, **BY_SOURCE}[synapse])
    return load_config_text(text if synapse in PLASTIC else text[: text.index("record:")])


def run(synapse: str, *changes: str, out: Path | None = None, comm: Any = None, **overrides: Any) -> Any:
    sets = [f"changes.{change}" for change in changes] + [
        f"{key}={json.dumps(value)}" if isinstance(value, dict) else f"{key}={value}"
        for key, value in overrides.items()
    ]
    return dtbsim.run(config_of(synapse), set=sets, temporary=out is None, out=out, comm=comm)


def weights_of(result: Any) -> Any:
    return result.open().weights().values


def assert_same(found: Any, expected: Any, synapse: str) -> None:
    assert found.spike_hash == expected.spike_hash
    if synapse in PLASTIC:
        assert np.array_equal(weights_of(found), weights_of(expected))


@pytest.mark.parametrize("synapse", [*PLASTIC, *BY_SOURCE])
def test_a_change_at_time_0_equals_the_weight_in_the_configuration(synapse: str) -> None:
    whole = dtbsim.run(config_of(synapse), set=[f"projections.EE.weight_pA={NEW}"], temporary=True)
    assert_same(run(synapse, f"x={{projection: EE, set: {{weight_pA: {NEW}}}}}"), whole, synapse)


@pytest.mark.parametrize("synapse", [*PLASTIC, *BY_SOURCE])
def test_a_factor_of_one_changes_nothing(synapse: str) -> None:
    assert_same(run(synapse, "x={projection: EE, t_ms: 20, set: {weight_factor: 1}}"), run(synapse), synapse)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.5, 40.0])
def test_a_factor_multiplies_what_weights_have_become_within_their_bounds(factor: float) -> None:
    """Spikes are far apart, so that no change is pending; those that follow change what was multiplied."""
    neurons = [*range(60)] * 2
    times_ms = [round(2 + 0.1 * (k % 19), 1) for k in range(120)]
    far = {
        "populations.E.parameters.I_e_pA": 0,
        "drives.d": {
            "kind": "spike_trains", "target": "E", "weight_pA": 5000, "spikes": {"neuron": neurons, "time_ms": times_ms}
        },
    }  # fmt: skip
    before = weights_of(run("pairs", **far))
    after = weights_of(run("pairs", f"x={{projection: EE, t_ms: 30, set: {{weight_factor: {factor}}}}}", **far))
    assert (before[29] != before[0]).any(), "some have changed by then"
    np.testing.assert_array_equal(after[:30], before[:30])
    np.testing.assert_allclose(after[31], np.minimum(before[31] * factor, 120), rtol=1e-6, atol=1e-4)


def test_weights_are_drawn_as_they_would_have_been_at_the_start() -> None:
    far = {"populations.E.parameters.I_e_pA": 0}
    after = weights_of(run("pairs", f"x={{projection: EE, t_ms: 20, set: {{weight_pA: {NEW}}}}}", **far))
    start = weights_of(run("pairs", **far, **{"projections.EE.weight_pA": NEW}))
    np.testing.assert_array_equal(after[21], start[0])
    both = "x={projection: EE, t_ms: 20, set: {weight_pA: 50, weight_factor: 1.2}}"
    np.testing.assert_allclose(weights_of(run("pairs", both, **far))[21], 60, rtol=1e-6)


@pytest.mark.parametrize("synapse", EACH)
def test_ranks_threads_and_chunks_do_not_matter(synapse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(synapse, *SEVERAL)
    assert expected.spike_hash != run(synapse).spike_hash
    threads: dict[str, Any] = {"simulation.threads": 2}
    assert_same(run(synapse, *SEVERAL, **threads), expected, synapse)
    found = run_ranks(3, lambda comm: run(synapse, *SEVERAL, out=tmp_path / "ranks", comm=comm))
    assert_same(found[0], expected, synapse)
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 7)
    assert_same(run(synapse, *SEVERAL), expected, synapse)


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
@pytest.mark.parametrize("synapse", EACH)
def test_a_gpu_gives_the_same(synapse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(synapse, *SEVERAL)
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda local_rank: ShimDevice())
    assert_same(run(synapse, *SEVERAL, **{"simulation.backend": "cuda"}), expected, synapse)


@pytest.mark.parametrize("synapse", EACH)
def test_a_run_in_pieces_gives_the_same(synapse: str) -> None:
    expected = run(synapse, *SEVERAL)
    with dtbsim.start(config_of(synapse)) as sim:
        for until_ms, values in [
            (11, {"weight_factor": 0.5}),
            (20, {"weight_factor": 1.7}),
            (27.3, {"weight_pA": {"distribution": "uniform", "low": 30, "high": 50}}),
            (35, {"weight_factor": 1.5}),
            (40, {}),
        ]:
            sim.run(until_ms - sim.time_ms)
            if values:
                sim.set("EE", values)
    assert_same(sim.result, expected, synapse)


@pytest.mark.parametrize("synapse", EACH)
def test_a_resumed_run_gives_the_same(synapse: str, tmp_path: Path) -> None:
    expected = run(synapse, *SEVERAL)
    every: dict[str, Any] = {"checkpoint": "{every_ms: 15, keep: 9}"}
    out = tmp_path / "run"
    run(synapse, *SEVERAL, out=out, **every, **{"simulation.duration_ms": 30})
    for checkpoint in sorted((out / "checkpoints").iterdir()):
        assert checkpoint.is_dir()
    assert_same(dtbsim.resume(out, set={"simulation.duration_ms": 40}), expected, synapse)


CONFIGURED = (
    "a={projection: EE, t_ms: 12, set: {weight_factor: 1.3}}",
    "b={projection: EE, t_ms: 24, set: {weight_factor: 0.7}}",
    "c={projection: EE, t_ms: 30, set: {weight_pA: 60, weight_factor: 1.1}}",
    "d={projection: EE, t_ms: 33, set: {weight_factor: 0.9}}",
)
SETS: list[tuple[float, dict[str, float]]] = [
    (0, {"weight_factor": 1.2}), (0, {"weight_factor": 0.9}), (6, {"weight_factor": 1.4}), (12, {"weight_factor": 0.8}),
    (18, {"weight_pA": 55.0}), (24, {"weight_factor": 1.5}), (36, {"weight_factor": 0.6}),
]  # fmt: skip


@pytest.mark.parametrize("synapse", ["pairs", "depressing", "none"])
def test_what_is_set_between_changes_of_the_configuration(synapse: str) -> None:
    """As if all had been in the configuration, those of Python after those that were there."""
    sets = [f"changes.{change}" for change in CONFIGURED]
    config = load_config_text(dtbsim.dump_config(config_of(synapse if synapse != "none" else "depressing")))
    if synapse == "none":
        sets.append("projections.EE.synapse=null")
    with dtbsim.start(config, set=sets) as sim:
        for at_ms, values in SETS:
            if at_ms > sim.time_ms:
                sim.run(at_ms - sim.time_ms)
            sim.set("EE", values)
        sim.run(40 - sim.time_ms)
    more = [
        f"changes.set_{k}={json.dumps({'projection': 'EE', 't_ms': at_ms, 'set': values})}"
        for k, (at_ms, values) in enumerate(SETS, start=1)
    ]
    expected = dtbsim.run(config, set=[*sets, *more], temporary=True)
    assert sim.result.spike_hash == expected.spike_hash
    if synapse in PLASTIC:  # the sample of time 0 was taken when the run was started
        assert np.array_equal(weights_of(sim.result)[1:], weights_of(expected)[1:])
