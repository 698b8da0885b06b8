"""Every synapse of every connection rule, read back from the built rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.helpers.networks import (
    CHANNEL,
    DELAY,
    SOURCE,
    TARGET,
    WEIGHT,
    all_synapses,
    between,
    built_rank,
    network_of,
    population,
    synapses_of,
)

BASE = """\
simulation: {dt_ms: 0.1, duration_ms: 10, block_size: 16}
seed: 3
populations:
  A: {model: iaf_psc_exp, size: 60}
  B: {model: iaf_psc_exp, size: 45}
  C: {model: iaf_psc_exp, size: 60, parameters: {tau_syn_ex_ms: 1.5}}
projections:
  P: {source: SOURCE, target: TARGET, rule: RULE, weight_pA: 100, delay_ms: 1.5}
"""


def connected(rule: str, source: str = "A", target: str = "B", *overrides: str) -> tuple[Any, Any]:
    """(network, synapses) of one projection, all of them from `source` to `target`."""
    text = BASE.replace("SOURCE", source).replace("TARGET", target).replace("RULE", rule)
    network = network_of(text, *overrides)
    synapses = synapses_of(built_rank(network))
    assert len(between(network, synapses, source, target)) == len(synapses), "nothing beyond the projection"
    return network, synapses


def counted(network: Any, synapses: Any, column: int, name: str) -> Any:
    """Synapses per neuron of a population."""
    gids = population(network, name)
    return np.bincount(synapses[:, column], minlength=network.n_neurons)[gids]


def pairs(synapses: Any) -> int:
    """How many different (source, target) pairs there are."""
    return len(np.unique(synapses[:, [SOURCE, TARGET]], axis=0))


def uniform(counts: Any) -> float:
    return float(stats.chisquare(counts).pvalue)


# -- fixed_indegree ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indegree", [0, 1, 7, 700])
@pytest.mark.parametrize("target", ["A", "B"])
def test_fixed_indegree(indegree: int, target: str) -> None:
    network, synapses = connected(f"{{kind: fixed_indegree, indegree: {indegree}}}", "A", target)
    assert (counted(network, synapses, TARGET, target) == indegree).all()
    assert set(synapses[:, DELAY]) <= {15}
    assert len(set(synapses[:, WEIGHT])) <= 1
    if indegree == 700:
        assert uniform(counted(network, synapses, SOURCE, "A")) > 1e-3
        own = (synapses[:, SOURCE] == synapses[:, TARGET]).sum()
        expected = len(synapses) / 60 if target == "A" else 0
        assert abs(own - expected) <= 4 * np.sqrt(expected), "autapses are as likely as any other"


def test_fixed_indegree_draws_with_repetition_by_default() -> None:
    _, synapses = connected("{kind: fixed_indegree, indegree: 30}")
    expected = 45 * 60 * (1 - (1 - 1 / 60) ** 30)
    assert abs(pairs(synapses) - expected) < 4 * np.sqrt(expected * 0.3)


@pytest.mark.parametrize(("source", "indegree"), [("A", 1), ("A", 30), ("A", 59), ("A", 60), ("B", 44)])
def test_fixed_indegree_without_multapses(source: str, indegree: int) -> None:
    network, synapses = connected(f"{{kind: fixed_indegree, indegree: {indegree}, multapses: false}}", source)
    assert (counted(network, synapses, TARGET, "B") == indegree).all()
    assert pairs(synapses) == len(synapses)
    if indegree < 59:
        assert uniform(counted(network, synapses, SOURCE, source)) > 1e-3


@pytest.mark.parametrize(("indegree", "multapses"), [(40, True), (1, False), (30, False), (59, False)])
def test_fixed_indegree_without_autapses(indegree: int, multapses: bool) -> None:
    rule = f"{{kind: fixed_indegree, indegree: {indegree}, autapses: false, multapses: {str(multapses).lower()}}}"
    network, synapses = connected(rule, "A", "A")
    assert (counted(network, synapses, TARGET, "A") == indegree).all()
    assert (synapses[:, SOURCE] != synapses[:, TARGET]).all()
    if multapses:
        distance = (synapses[:, SOURCE] - synapses[:, TARGET]) % 60
        assert uniform(np.bincount(distance, minlength=60)[1:]) > 1e-3, "every other neuron is as likely"
    else:
        assert pairs(synapses) == len(synapses)


def test_autapses_off_concerns_only_the_population_itself() -> None:
    _, synapses = connected("{kind: fixed_indegree, indegree: 60, autapses: false, multapses: false}", "A", "C")
    assert pairs(synapses) == 60 * 60


# -- fixed_total_number -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [0, 1, 13, 5000, 123_456])
def test_fixed_total_number(total: int) -> None:
    network, synapses = connected(f"{{kind: fixed_total_number, total: {total}}}")
    assert len(synapses) == total
    if total == 123_456:
        assert uniform(counted(network, synapses, TARGET, "B")) > 1e-3
        assert uniform(counted(network, synapses, SOURCE, "A")) > 1e-3
        assert uniform(np.unique(synapses[:, SOURCE] * 1000 + synapses[:, TARGET], return_counts=True)[1]) > 1e-3


def test_fixed_total_number_without_autapses() -> None:
    _, synapses = connected("{kind: fixed_total_number, total: 60000, autapses: false}", "A", "A")
    assert len(synapses) == 60_000
    assert (synapses[:, SOURCE] != synapses[:, TARGET]).all()
    assert uniform(np.bincount((synapses[:, SOURCE] - synapses[:, TARGET]) % 60, minlength=60)[1:]) > 1e-3
    _, synapses = connected("{kind: fixed_total_number, total: 60000}", "A", "A")
    assert abs((synapses[:, SOURCE] == synapses[:, TARGET]).sum() - 1000) < 4 * np.sqrt(1000)


# -- pairwise_bernoulli -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.01, 0.3, 0.5, 0.8, 0.999, 1.0])
@pytest.mark.parametrize(("target", "autapses"), [("A", True), ("A", False), ("B", True)])
def test_pairwise_bernoulli(p: float, target: str, autapses: bool) -> None:
    seeds = range(20)
    total, indegrees, per_pair = 0, [], np.zeros((60, 60))
    for seed in seeds:
        rule = f"{{kind: pairwise_bernoulli, probability: {p}, autapses: {str(autapses).lower()}}}"
        network, synapses = connected(rule, "A", target, f"seed={seed}")
        assert pairs(synapses) == len(synapses), "each pair once"
        if not autapses:
            assert (synapses[:, SOURCE] != synapses[:, TARGET]).all()
        total += len(synapses)
        indegrees.append(counted(network, synapses, TARGET, target))
        per_pair[synapses[:, SOURCE], synapses[:, TARGET] - population(network, target).start] += 1
    sources = 60 if autapses else 59
    trials = len(seeds) * sources * indegrees[0].size
    assert abs(total - p * trials) <= 4 * np.sqrt(trials * p * (1 - p))
    if 0.1 < p < 0.9:
        variance = np.concatenate(indegrees).var()
        assert variance == pytest.approx(sources * p * (1 - p), rel=0.25)
        off = per_pair[: len(per_pair), : indegrees[0].size]
        possible = off[~np.eye(60, dtype=bool)] if not autapses else off.ravel()
        assert possible.var() == pytest.approx(len(seeds) * p * (1 - p), rel=0.15), "no pair is preferred"


# -- all_to_all, one_to_one -------------------------------------------------------------------------------------------


def test_all_to_all() -> None:
    _, synapses = connected("{kind: all_to_all}")
    assert synapses[:, [SOURCE, TARGET]].tolist() == [[s, t] for s in range(60) for t in range(60, 105)]
    _, synapses = connected("{kind: all_to_all}", "A", "A")
    assert len(synapses) == 3600
    _, synapses = connected("{kind: all_to_all, autapses: false}", "A", "A")
    assert synapses[:, [SOURCE, TARGET]].tolist() == [[s, t] for s in range(60) for t in range(60) if s != t]


def test_one_to_one() -> None:
    _, synapses = connected("{kind: one_to_one}", "A", "C")
    assert synapses[:, [SOURCE, TARGET]].tolist() == [[s, s + 105] for s in range(60)]
    _, synapses = connected("{kind: one_to_one}", "C", "C")
    assert synapses[:, [SOURCE, TARGET]].tolist() == [[s, s] for s in range(105, 165)]


# -- several projections ----------------------------------------------------------------------------------------------


def test_projections_do_not_depend_on_each_other() -> None:
    """A projection's draws are keyed by its place in the list, nothing else of the others matters."""
    text = BASE.replace("SOURCE", "A").replace("TARGET", "B").replace("RULE", "{kind: fixed_indegree, indegree: 9}")
    alone = between(*_both(text), "A", "B")
    second = "  Q: {source: B, target: C, rule: {kind: fixed_total_number, total: 999}, weight_pA: 3, delay_ms: 2.0}\n"
    network, synapses = _both(text + second)
    assert (between(network, synapses, "A", "B") == alone).all()
    twin = second.replace("B, target: C", "A, target: B").replace(
        "{kind: fixed_total_number, total: 999}", "{kind: fixed_indegree, indegree: 9}"
    )
    network, synapses = _both(text + twin.replace("weight_pA: 3", "weight_pA: 50"))
    heavy = synapses[synapses[:, DELAY] == 15]
    light = synapses[synapses[:, DELAY] == 20]
    assert (heavy[:, :3] == alone[:, :3]).all()
    assert len(light) == len(heavy)
    assert (light[:, SOURCE] != heavy[:, SOURCE]).mean() > 0.5, "the same rule twice draws other synapses"


def _both(text: str) -> tuple[Any, Any]:
    network = network_of(text)
    return network, all_synapses(network)


def test_ports_lead_to_their_channels() -> None:
    text = BASE.replace("SOURCE", "A").replace("TARGET", "C").replace("RULE", "{kind: one_to_one}")
    text += "  N: {source: A, target: C, rule: {kind: one_to_one}, weight_pA: -40, delay_ms: 1.0}\n"
    network, synapses = _both(text)
    channels = network.families[2].channels
    assert [channel.mix for channel in channels] == [((0, 1.0),), ((1, 1.0),)]
    for sign, channel, weight, delay in ((1, 0, 100, 15), (-1, 1, 40, 10)):
        part = synapses[synapses[:, CHANNEL] == channel]
        assert len(part) == 60
        assert set(part[:, WEIGHT] * channels[channel].quantum) == {sign * weight}
        assert set(part[:, DELAY]) == {delay}
