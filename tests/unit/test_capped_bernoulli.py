"""pairwise_bernoulli with a limit of the in-degree: against the binomial distribution that is cut at the limit."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import all_synapses, network_of

import dtbsim
from dtbsim.errors import InputError
from dtbsim.models.connections import CONNECTION_RULES, End, Ends, rule_of
from dtbsim.models.connections.pairwise_bernoulli import PairwiseBernoulli
from dtbsim.numerics.philox import philox_array

ALPHA = 1e-4
"""Tests of fixed seeds: how unlikely a deviation may be."""


def drawn(n: int, n_targets: int, regions: int = 1, *, same: bool = False, **rule: Any) -> tuple[Any, Any, Any]:
    """Sources and targets of all synapses, and what was expected; `n` sources in each region, all allowed."""

    def words(target: Any, number: Any, call: int) -> Any:
        return np.asarray(philox_array(target.astype(np.uint32), number.astype(np.uint32), call << 2, 5, 77))

    item = PairwiseBernoulli(**rule)
    source = End("A", n, np.arange(regions, dtype=np.int32))
    target = source if same else End("B", n_targets, np.arange(regions, dtype=np.int32))
    allowed = np.ones((regions, regions), dtype=bool)
    listing = rule_of(item).compile(item, Ends(source, target, same, allowed, 0.1, Path()))
    found = listing.onto(np.arange(target.n_neurons), words)
    return found.source, found.target, listing.expected


def cut_binomial(n: int, p: float, most: int) -> Any:
    """P(min(K, most) = k) for k = 0 ... most."""
    pmf = stats.binom.pmf(np.arange(most + 1), n, p)
    pmf[most] = stats.binom.sf(most - 1, n, p)
    return pmf


def fits(counts: Any, probability: Any) -> bool:
    """A chi-square test, with categories that are hardly expected put together."""
    expected = probability * counts.sum()
    rare = expected < 5
    if rare.any():
        counts = np.append(counts[~rare], counts[rare].sum())
        expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0
    assert not counts[~kept].any(), "what cannot be does not happen"
    chi = ((counts[kept] - expected[kept]) ** 2 / expected[kept]).sum()
    return bool(stats.chi2.sf(chi, kept.sum() - 1) > ALPHA)


@pytest.mark.parametrize(
    ("n", "p", "most"),
    [(200, 0.1, 22), (200, 0.1, 5), (200, 0.1, 60), (40, 0.9, 37), (40, 0.9, 12), (3, 0.5, 2), (5000, 0.001, 4)],
)
def test_in_degrees_are_binomial_and_cut_at_the_limit(n: int, p: float, most: int) -> None:
    source, target, expected = drawn(n, 6000, probability=p, indegree_max=most)
    assert len(set(zip(source.tolist(), target.tolist(), strict=True))) == source.size, "no pair twice"
    assert (np.lexsort((source, target)) == np.arange(source.size)).all()
    degrees = np.bincount(target, minlength=6000)
    pmf = cut_binomial(n, p, most)
    assert fits(np.bincount(degrees, minlength=most + 1), pmf)
    mean = float(pmf @ np.arange(most + 1))
    assert expected.item() == pytest.approx(6000 * mean, rel=1e-9)
    groups = min(n, 40)
    of_group = np.bincount(np.arange(n) * groups // n) / n
    assert fits(np.bincount(source * groups // n, minlength=groups), of_group), "all sources are as likely"


@pytest.mark.parametrize("most", [2, 4])
def test_all_sets_of_sources_are_as_likely(most: int) -> None:
    """Also where most sources are taken, so that those that are left out are drawn."""
    source, target, _ = drawn(5, 30_000, probability=0.95, indegree_max=most)
    sets: dict[int, list[int]] = {}
    for one, of in zip(target.tolist(), source.tolist(), strict=True):
        sets.setdefault(one, []).append(of)
    full = [tuple(of) for of in sets.values() if len(of) == most]
    every = list(itertools.combinations(range(5), most))
    counts = np.array([full.count(chosen) for chosen in every])
    assert counts.sum() > 25_000
    assert fits(counts, np.full(len(every), 1 / len(every)))


def test_the_limit_is_one_for_all_regions_and_no_neuron_is_its_own_source() -> None:
    source, target, expected = drawn(30, 30, regions=4, same=True, probability=0.4, indegree_max=40, autapses=False)
    assert not (source == target).any()
    degrees = np.bincount(target, minlength=120)
    assert degrees.max() == 40
    assert fits(np.bincount(degrees, minlength=41), cut_binomial(119, 0.4, 40))
    mean = float(cut_binomial(119, 0.4, 40) @ np.arange(41))
    assert expected.sum(axis=1) == pytest.approx(np.full(4, 30 * mean))
    assert expected[0] == pytest.approx(30 * mean * np.array([29, 30, 30, 30]) / 119)


def test_certain_and_impossible_pairs() -> None:
    source, target, expected = drawn(7, 50, probability=1.0, indegree_max=3)
    assert (np.bincount(target) == 3).all()
    assert expected.item() == 150
    source, target, _ = drawn(7, 50, same=True, probability=1.0, indegree_max=20, autapses=False)
    assert (np.bincount(target) == 6).all()
    for none in ({"probability": 0.0, "indegree_max": 3}, {"probability": 0.5, "indegree_max": 0}):
        source, _, expected = drawn(7, 50, **none)
        assert (source.size, expected.item()) == (0, 0.0)


def test_targets_get_the_same_sources_whoever_asks() -> None:
    network = network_of(
        """\
simulation: {dt_ms: 0.1, duration_ms: 5, block_size: 16}
seed: 9
atlas: aal2
populations:
  A: {model: iaf_psc_exp, size: 50, regions: [Precentral_L, Precentral_R]}
  B: {model: iaf_psc_exp, size: 30}
projections:
  P:
    source: A
    target: A
    scope: all
    rule: {kind: pairwise_bernoulli, probability: 0.3, indegree_max: 28, autapses: false}
    weight_pA: {distribution: normal, mean: 50, sd: 5}
    delay_ms: {distribution: uniform, low: 1, high: 5}
  Q:
    source: A
    target: B
    rule: {kind: pairwise_bernoulli, probability: 0.5, indegree_max: 9}
    weight_pA: 1
    delay_ms: 1
"""
    )
    synapses = all_synapses(network)
    degrees = np.bincount(synapses[:, 1])
    assert (degrees[:100].max(), degrees[100:].max()) == (28, 9)
    for n_ranks, threads in ((2, 1), (3, 2), (1, 3)):
        np.testing.assert_array_equal(all_synapses(network, n_ranks, threads), synapses)


def test_without_a_limit_the_rule_is_drawn_as_before() -> None:
    rule = CONNECTION_RULES.find("pairwise_bernoulli")
    assert rule_of(PairwiseBernoulli(probability=0.1)) is rule
    assert rule_of(PairwiseBernoulli(probability=0.1, indegree_max=3)) is not rule


BASE: dict[str, Any] = {
    "atlas": "aal2",
    "simulation": {"dt_ms": 0.1, "duration_ms": 1},
    "populations": {"A": {"model": "iaf_psc_exp", "size": 10, "regions": ["Precentral_L", "Precentral_R"]}},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scope": "connectome"}, "P.scope: 'connectome' is not possible with pairwise_bernoulli with indegree_max"),
        ({"procedural": True}, "P.procedural: pairwise_bernoulli draws by target"),
        (
            {"rule": {"probability": {"regions": {"Precentral_L": 0.2}, "default": 0.1}}},
            "P.rule: with indegree_max there is one probability, and not one by region or pair",
        ),
        ({"rule": {"indegree_max": -1}}, "P.rule.indegree_max: got -1"),
        ({"rule": {"indegree_max": 2.5}}, "P.rule.indegree_max: got 2.5"),
        ({"rule": {"probability": 1.5}}, "P.rule.probability: got 1.5"),
        ({"rule": {"max_indegree": 5}}, "indegree_max"),
    ],
)
def test_where_it_makes_no_sense_it_is_refused(changes: dict[str, Any], said: str) -> None:
    rule = {"kind": "pairwise_bernoulli", "probability": 0.1, "indegree_max": 3} | changes.pop("rule", {})
    projection = {"source": "A", "target": "A", "scope": "all", "weight_pA": 1, "delay_ms": 1, "rule": rule} | changes
    with pytest.raises(InputError) as caught:
        dtbsim.validate({**BASE, "projections": {"P": projection}})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
