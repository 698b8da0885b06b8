"""Sources that may be drawn once only: the same synapses by marks and by a set, whose size follows the in-degree."""

from __future__ import annotations

import numpy as np
import pytest
from tests.helpers.networks import all_synapses, network_of

from dtbsim.build.rank import lane_builder, plan_rank

NETWORK = """\
simulation: {dt_ms: 0.1, duration_ms: 1, block_size: 16}
populations: {A: {model: iaf_psc_exp, size: 200}, B: {model: iaf_psc_exp, size: 90}}
projections:
  P: {source: A, target: A, rule: RULE, weight_pA: {distribution: normal, mean: 40, sd: 5}, delay_ms: 1}
  Q: {source: B, target: A, rule: RULE, weight_pA: 30, delay_ms: {distribution: uniform, low: 0.5, high: 3}}
"""
RULES = (
    "{kind: fixed_indegree, indegree: 1, multapses: false}",
    "{kind: fixed_indegree, indegree: 37, multapses: false, autapses: false}",
    "{kind: fixed_indegree, indegree: 89, multapses: false}",
    "{kind: pairwise_bernoulli, probability: 0.02}",
    "{kind: pairwise_bernoulli, probability: 0.3, autapses: false}",
    "{kind: pairwise_bernoulli, probability: 0.5}",
    "{kind: pairwise_bernoulli, probability: 0.9, autapses: false}",
    "{kind: pairwise_bernoulli, probability: 1}",
)


@pytest.mark.parametrize("rule", RULES)
def test_marks_and_sets_give_the_same_synapses(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of(NETWORK.replace("RULE", rule))
    expected = all_synapses(network)
    monkeypatch.setattr("dtbsim.build.synapses.MOST_MARKS", 0)
    found = all_synapses(network)
    assert np.array_equal(found, expected)
    pairs = expected[:, :2][expected[:, 0] < 200]
    assert len(np.unique(pairs, axis=0)) == len(pairs), "each source once"


def test_the_set_follows_what_is_drawn() -> None:
    text = NETWORK.replace("RULE", RULES[1]).replace("size: 200", "size: 3000000")
    plan = plan_rank(network_of(text, "simulation.block_size=8192", "simulation.partitioner=contiguous"), 0, 100, 1)
    builder = lane_builder(plan, plan.lanes[0])
    assert builder.bits.size == 0
    assert 37 < builder.known.size <= 128
