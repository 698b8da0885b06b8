"""Weights of projections that change at given times: against networks that have them from the start, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.helpers.networks import network_of
from tests.helpers.shim_device import GXX, ShimDevice

import dtbsim
from dtbsim.config import load_config_text
from dtbsim.errors import InputError
from dtbsim.mpi import run_ranks

NET = """\
simulation: {dt_ms: 0.1, duration_ms: 60, block_size: 16, threads: 1}
populations:
  E: {model: iaf_psc_exp, size: 100, parameters: {I_e_pA: {distribution: uniform, low: 380, high: 560}}}
  I: {model: iaf_psc_exp, size: 40, parameters: {I_e_pA: 420}}
projections:
  EE:
    source: E
    target: E
    rule: {kind: RULE}
    weight_pA: {distribution: uniform, low: 20, high: 90}
    delay_ms: {distribution: uniform, low: 0.3, high: 3}
  EI: {source: E, target: I, rule: {kind: fixed_indegree, indegree: 10}, weight_pA: 60, delay_ms: 0.8}
  more: {source: E, target: E, rule: {kind: pairwise_bernoulli, probability: 0.1}, weight_pA: 250, delay_ms: 0.8}
  IE: {source: I, target: E, rule: {kind: fixed_indegree, indegree: 8}, weight_pA: -200, delay_ms: 0.5}
"""
RULES = {
    "indegree": "fixed_indegree, indegree: 10",
    "total": "fixed_total_number, total: 1000",
    "bernoulli": "pairwise_bernoulli, probability: 0.1",
    "outdegree": "fixed_outdegree, outdegree: 10",
}
SEVERAL = (
    "a={projection: EE, times_ms: [15, 30], values: {weight_factor: [0.2, 4]}}",
    "b={projection: IE, t_ms: 30, set: {weight_pA: -100}}",
    "c={projection: more, t_ms: 44.4, set: {weight_pA: {distribution: normal, mean: 100, sd: 20, low: 0}}}",
)


def run(*changes: str, rule: str = "indegree", out: Any = None, comm: Any = None, **overrides: Any) -> Any:
    config = load_config_text(NET.replace("RULE", RULES[rule]))
    sets = [f"changes.{change}" for change in changes] + [f"{key}={value}" for key, value in overrides.items()]
    return dtbsim.run(config, set=sets, temporary=out is None, out=out, comm=comm)


@pytest.fixture(scope="module")
def plain() -> Any:
    return run()


@pytest.mark.parametrize("rule", RULES)
def test_a_change_at_time_0_equals_the_weight_in_the_configuration(rule: str) -> None:
    new = "{distribution: uniform, low: 60, high: 120}"
    config = load_config_text(NET.replace("RULE", RULES[rule]))
    whole = dtbsim.run(config, set=[f"projections.EE.weight_pA={new}"], temporary=True)
    assert run(f"x={{projection: EE, set: {{weight_pA: {new}}}}}", rule=rule).spike_hash == whole.spike_hash


@pytest.mark.parametrize("rule", RULES)
def test_a_change_back_gives_what_was_there(rule: str) -> None:
    """Rebuilt rows hold the same synapses: after a factor of 1/2 and one of 2 nothing has changed."""
    there = run("x={projection: EE, times_ms: [20, 20.1], values: {weight_factor: [0.5, 2]}}", rule=rule)
    same = run("x={projection: EE, t_ms: 20, set: {weight_factor: 1}}", rule=rule)
    steps = [result.open().spikes().step for result in (there, same, run(rule=rule))]
    assert same.spike_hash == run(rule=rule).spike_hash
    np.testing.assert_array_equal(steps[0][steps[0] < 200], steps[2][steps[2] < 200])


def test_a_weight_acts_from_its_step_on(plain: Any) -> None:
    changed = run("x={projection: more, t_ms: 25, set: {weight_factor: 0}}")
    (before, after) = (result.open().spikes() for result in (plain, changed))
    np.testing.assert_array_equal(after.gid[after.step < 250], before.gid[before.step < 250])
    assert after.step.size != before.step.size


def test_the_potential_follows_the_weight() -> None:
    """A spike of every 10 ms moves the potential by its weight: 1 mV, from 25 ms on 2.5 mV, also one under way."""
    text = """\
simulation: {dt_ms: 0.1, duration_ms: 50, threads: 1}
populations:
  S: {model: spike_source, size: 1, spikes: {neuron: [0, 0, 0, 0], time_ms: [5, 15, 24.5, 35]}}
  T: {model: iaf_psc_delta, size: 1}
projections:
  ST: {source: S, target: T, rule: {kind: all_to_all}, weight_mV: 1, delay_ms: 1}
changes: {x: {projection: ST, t_ms: 25, set: {weight_factor: 2.5}}}
record: {states: [{population: T, variables: [V_m_mV]}]}
"""
    states = dtbsim.run(load_config_text(text), temporary=True).open().states()
    jumps = np.diff(states["V_m_mV"].values[:, 0])
    at = np.flatnonzero(jumps > 0.5)
    times_ms = states["time_ms"].values[at + 1]
    np.testing.assert_allclose(times_ms, [6, 16, 25.5, 36], atol=1e-6)
    np.testing.assert_allclose(jumps[at], [1, 1, 2.5, 2.5], atol=0.05)


def test_ranks_threads_and_chunks_do_not_matter(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(*SEVERAL)
    assert expected.spike_hash != run().spike_hash
    found = run_ranks(3, lambda comm: run(*SEVERAL, out=tmp_path / "ranks", comm=comm).spike_hash)
    assert set(found) == {expected.spike_hash}
    monkeypatch.setattr("dtbsim.simulate.chunks.MOST_STEPS", 7)
    threads: dict[str, Any] = {"simulation.threads": 2}
    assert run(*SEVERAL, **threads).spike_hash == expected.spike_hash


@pytest.mark.skipif(GXX is None, reason="g++ is not installed")
def test_a_gpu_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = run(*SEVERAL)
    monkeypatch.setattr("dtbsim.backends.cuda.choose.open_device", lambda local_rank: ShimDevice())
    assert run(*SEVERAL, **{"simulation.backend": "cuda"}).spike_hash == expected.spike_hash


def test_the_quantum_holds_for_the_largest_weight() -> None:
    network = network_of(
        NET.replace("RULE", RULES["indegree"]), "changes.x={projection: EE, t_ms: 5, set: {weight_factor: 1000}}"
    )
    largest = max(channel.max_weight * channel.quantum for channel in network.families[0].channels)
    assert largest >= 90_000


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        ("projection: XX, t_ms: 5, set: {weight_factor: 2}", "", "there is no projection 'XX'"),
        ("projection: EE, t_ms: 5, set: {weight_factor: -2}", "", "a factor is a number, not below 0"),
        ("projection: EE, t_ms: 5, set: {weight_mV: 2}", "", "'weight_mV' of a projection cannot change"),
        ("projection: EE, t_ms: 5, set: {delay_ms: 2}", "", "'delay_ms' of a projection cannot change"),
        (
            "projection: EE, t_ms: 5, set: {weight_pA: -20}",
            "populations.E.parameters.tau_syn_in_ms=4",
            "another port",
        ),
        ("projection: EE, t_ms: 5, on: false", "", "on switches a drive"),
        ("projection: EE, t_ms: 5, set: {weight_pA: [1, 2]}", "", "not one number or distribution"),
        (
            "projection: EI, t_ms: 5, set: {weight_pA: 201}",
            "projections.EI.synapse={kind: stdp, weight_max: 200}",
            "weights up to 201 are beyond the largest weight 200",
        ),
        (
            "projection: EI, t_ms: 5, set: {weight_pA: 10}",
            "projections.EI.synapse={kind: graupner_brunel, weight_max: 60, weight_min: 20}",
            "weights down to 10 in size are below the smallest 20",
        ),
        (
            "projection: EI, t_ms: 5, set: {weight_factor: 2}",
            "projections.EI={source: E, target: I, procedural: true, rule: all_to_all, weight_pA: 1, delay_ms: 1}",
            "drawn anew at every spike",
        ),
    ],
)
def test_what_cannot_be_is_told_where_it_is(change: str, more: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        network_of(NET.replace("RULE", RULES["indegree"]), f"changes.x={{{change}}}", *([more] if more else []))
    assert message in str(caught.value)
    assert "changes.x" in str(caught.value)
