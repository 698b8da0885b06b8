"""Connection rules of other packages: an object is all that a new one needs, and what it breaks is said in one line."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from tests.helpers.networks import all_synapses, built_rank, network_of

from dtbsim.config import json_schema, load_config_text
from dtbsim.errors import InputError
from dtbsim.models.connections import CONNECTION_RULES, ConnectionRule, Listed, RuleConfig, _checked
from dtbsim.spec import Network

TEXT = """\
simulation: {dt_ms: 0.1, duration_ms: 5, block_size: 16}
seed: 2
populations: {A: {model: iaf_psc_exp, size: 50}, B: {model: iaf_psc_exp, size: 70}}
projections:
  P:
    source: A
    target: B
    rule: RULE
    weight_pA: {distribution: normal, mean: 50, sd: 5}
    delay_ms: {distribution: uniform, low: 1, high: 5}
"""


class Near(RuleConfig):
    """`reach` sources below the target's number, some of them at random."""

    kind: Literal["near"] = "near"
    reach: int
    probability: float = 1.0


class NearSynapses:
    weight = delay = None

    def __init__(self, item: Near, n: int) -> None:
        self.item, self.n = item, n
        self.expected = np.full((1, 1), 70.0 * item.reach * item.probability)

    def onto(self, targets: Any, words: Any) -> Listed:
        target = np.repeat(targets, self.item.reach)
        number = np.tile(np.arange(self.item.reach), targets.size)
        drawn = words(target, number, 1)[0] < self.item.probability * 2.0**32
        return Listed((target[drawn] - number[drawn]) % self.n, target[drawn])


class NearRule(ConnectionRule):
    config = Near

    def compile(self, item: Near, ends: Any) -> Any:
        return NearSynapses(item, ends.source.n_neurons)


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONNECTION_RULES._built_in, "near", NearRule())


def connected(rule: str) -> Network:
    return network_of(TEXT.replace("RULE", rule))


@pytest.mark.usefixtures("near")
def test_a_rule_that_gives_arrays_is_a_rule_like_others() -> None:
    network = connected("{kind: near, reach: 9, probability: 0.6}")
    synapses = all_synapses(network)
    assert abs(len(synapses) - 0.6 * 9 * 70) < 60
    assert set((synapses[:, 1] - 50 - synapses[:, 0]) % 50) == set(range(9))
    for n_ranks, threads in ((2, 1), (3, 2)):
        np.testing.assert_array_equal(all_synapses(network, n_ranks, threads), synapses)
    assert len(set(synapses[:, 3])) > 50
    assert len(set(synapses[:, 4])) > 20


@pytest.mark.usefixtures("near")
def test_schema_and_errors_know_it() -> None:
    assert "Near" in json_schema()["$defs"]
    for rule, expected in (
        ("{kind: near, reach: 2, reech: 3}", "unknown key 'reech' with kind: near (did you mean 'reach'?"),
        ("{kind: near}", "projections.P.rule.reach: missing (give a whole number)"),
        ("{kind: nearr, reach: 1}", "unknown kind 'nearr' (did you mean 'near'?"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            load_config_text(TEXT.replace("RULE", rule))
        assert expected in str(caught.value)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (lambda t: 1 // 0, "the synapses of the rule near cannot be listed: ZeroDivisionError"),
        (lambda t: (t, t), "`onto` returns tuple; it must be a Listed"),
        (lambda t: Listed(t * 0, t, weight=t * 1.0), "its arrays say otherwise"),
        (lambda t: Listed(t * 0 + 50, t), "gives sources 50 to 50; the population has 50 neurons"),
        (lambda t: Listed(t * 0 - 1, t), "it gives sources -1 to -1"),
        (lambda t: Listed(t * 0, t * 0 + 71), "onto neurons that it was not asked for"),
        (lambda t: Listed(t * 0, t[1:]), "and target of the shape"),
        (lambda t: Listed(t * 0, t, weight=np.ones((t.size, 2))), "and weight of the shape (70, 2)"),
    ],
)
def test_arrays_that_cannot_be(given: Any, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NearSynapses, "onto", lambda self, targets, words: given(targets))
    network = connected("{kind: near, reach: 3}")
    with pytest.raises(InputError) as caught:
        built_rank(network)
    assert expected in str(caught.value)
    assert str(caught.value).startswith("projections.P")


@pytest.mark.usefixtures("near")
def test_synapses_that_were_not_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(NearSynapses):
        def __init__(self, item: Near, n: int) -> None:
            super().__init__(item, n)
            self.expected = np.zeros((1, 1))

    monkeypatch.setattr(NearRule, "compile", lambda self, item, ends: Other(item, 50))
    with pytest.raises(InputError, match=r"projections\.P: the rule near gives synapses .* of which it expected none"):
        built_rank(connected("{kind: near, reach: 3}"))


def test_what_an_entry_point_must_name() -> None:
    class Nameless(ConnectionRule):
        pass

    class Loop(NearRule):
        loop = "fixed_indegree"

    for name, value, expected in (
        ("near", 3, "subclass of dtbsim.models.connections.ConnectionRule"),
        ("near", Nameless, "it needs `config`"),
        ("far", NearRule, "kind 'near'; that and the entry point must be one name"),
        ("near", Loop, "compiled loops are built in"),
    ):
        with pytest.raises(TypeError, match=expected):
            _checked(name, value)
    assert isinstance(_checked("near", NearRule), NearRule)
