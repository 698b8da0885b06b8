# ruff: noqa: E501
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from config_samples import BASE, assert_for_people, changed, line_of

from dtbsim.config import RunConfig, load_config_text, values
from dtbsim.errors import InputError


def load(*overrides: str, text: str = BASE) -> RunConfig:
    return load_config_text(text, "net.yaml", overrides)


def override_error(*overrides: str, text: str = BASE) -> str:
    with pytest.raises(InputError) as caught:
        load(*overrides, text=text)
    assert_for_people(caught.value)
    return str(caught.value)


def read(config: RunConfig, path: str) -> Any:
    value: Any = config
    for key in path.split("."):
        value = (
            value[int(key)]
            if isinstance(value, list)
            else value[key]
            if isinstance(value, dict)
            else getattr(value, key)
        )
    return value


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("name=NO", "NO"),
        ("simulation.duration_ms=2e3", 2000.0),
        (" simulation.duration_ms = 2000", 2000.0),
        ("populations.E.size=1e3", 1000),
        ("populations.E.parameters.tau_m_ms=5", 5.0),
        ("populations.E.parameters.t_ref_ms=2", 2.0),
        ("populations.I.parameters.t_ref_ms=2", 2.0),
        ("populations.E.regions.1=c", "c"),
        ("populations.E.regions.2=c", "c"),
        ("projections.EE.delay_ms.low=0.5", 0.5),
        ("projections.EE.rule.indegree=9", 9),
        ("record.states.0.interval_ms=1", 1.0),
        ("record.states.0.variables=[a, b]", ["a", "b"]),
        ("record.spikes=null", None),
        ("record.rate_bin_ms=", None),
        ("analysis.fcd_step_s=3", 3.0),
        ("controllers.tonic.stages.1.eta=0", 0.0),
        ("drives.bg.target=E", "E"),
        ("description=" + repr("a=b: c"), "a=b: c"),
    ],
)
def test_value_arrives(override: str, value: object) -> None:
    config = load(override)
    assert read(config, override.partition("=")[0].strip()) == value


def test_other_values_stay() -> None:
    before, after = load(), load("simulation.duration_ms=2000")
    after.simulation.duration_ms = 1000
    assert before == after


def test_later_override_wins() -> None:
    assert load("populations.E.size=3", "populations.E.size=4").populations["E"].size == 4


def test_whole_objects_can_be_added() -> None:
    config = load(
        "populations.K={model: iaf_psc_exp, size: 3}",
        "drives.kick={kind: dc, target: K, amplitude: 1}",
        "record.states.1={population: K, variables: [V_m_mV]}",
    )
    assert config.populations["K"].size == 3
    assert config.record.states[1].population == "K"


def test_optional_objects_are_made() -> None:
    text = changed("bold: {population: ctx.E, tr_ms: 500}\n", "")
    config = load("bold.population=E", "bold.tr_ms=100", text=text)
    assert config.bold is not None
    assert (config.bold.population, config.bold.tr_ms) == ("E", 100.0)


def test_kind_changed_together_with_its_keys() -> None:
    config = load(
        "projections.EE.rule={kind: pairwise_bernoulli, probability: 0.1}", "projections.EE.rule.probability=0.5"
    )
    assert read(config, "projections.EE.rule.probability") == 0.5


def test_drawn_value_made_key_by_key() -> None:
    config = load(
        "projections.EE.weight_pA=null",
        "projections.EE.weight_mV.distribution=normal",
        "projections.EE.weight_mV.mean=1",
        "projections.EE.weight_mV.sd=0.1",
    )
    assert read(config, "projections.EE.weight_mV.sd") == 0.1


ERRORS = [
    (["foo"], "--set: got 'foo' (give KEY.PATH=VALUE, such as simulation.duration_ms=1000)"),
    (["=3"], "--set: got '=3' (give KEY.PATH=VALUE, such as simulation.duration_ms=1000)"),
    (["a..b=3"], "--set: got 'a..b=3' (give KEY.PATH=VALUE, such as simulation.duration_ms=1000)"),
    (["name=[1"], "--set name: not valid YAML: while parsing a flow sequence: expected ',' or ']', but got '<stream end>' (column 3)"),
    (["name=\x01"], "--set name: control character '\\x01' in the text"),
    (["simulation={dt_ms: 1, dt_ms: 2}"], "--set simulation: dt_ms: key 'dt_ms' is given twice; first at --set simulation"),
    (["simulation.duration_s=1"], "--set simulation.duration_s: unknown key 'duration_s' (this key takes milliseconds: duration_ms (1 s = 1000 ms))"),
    (["simulation.duration=1"], "--set simulation.duration: unknown key 'duration' (the unit belongs in the name: duration_ms (milliseconds))"),
    (["nmae=1"], "--set nmae: unknown key 'nmae' (did you mean 'name'? allowed: analysis, atlas, bold, changes, checkpoint, circuits, controllers, couplings, description, drives, ensemble, name, populations, projections, record, schema_version, seed, signals, simulation)"),
    (["duration_ms=1"], "--set duration_ms: unknown key 'duration_ms' (it belongs under `simulation`)"),
    (["projections.EEE.delay_ms=1"], "--set projections.EEE.delay_ms: `projections` has no 'EEE' (did you mean 'EE'? allowed: EE, long; to add one: --set projections.EEE={...})"),
    (["projections.EE.delay_ms.lwo=1"], "--set projections.EE.delay_ms.lwo: unknown key 'lwo' with distribution: uniform (did you mean 'low'? allowed: distribution, high, low)"),
    (["projections.EE.rule.probability=1"], "--set projections.EE.rule.probability: unknown key 'probability' with kind: fixed_indegree (allowed: autapses, indegree, kind, multapses)"),
    (["populations.E.size.x=3"], "--set populations.E.size.x: `populations.E.size` is 80 here, so it has no key 'x' (set the whole of it: a whole number at least 1 and at most 274877906944, or a mapping with map, or a mapping with regions, or null)"),
    (["record.states.1.interval_ms=1"], "--set record.states.1.interval_ms: `record.states` has no item '1' (items: 0 to 0; to add one: --set record.states.1={...})"),
    (["record.states.x=1"], "--set record.states.x: `record.states` has no item 'x' (items: 0 to 0; to add one: --set record.states.1={...})"),
    (["record.states.-1=1"], "--set record.states.-1: `record.states` has no item '-1' (items: 0 to 0; to add one: --set record.states.1={...})"),
    (["record.states=[]", "record.states.0.neurons=1"], "--set record.states.0.neurons: `record.states` has no item '0' (items: none yet; to add one: --set record.states.0={...})"),
    (["populations.E.size=0"], "--set populations.E.size: got 0 (allowed: a whole number at least 1 and at most 274877906944)"),
    (["populations.E.parameters.tau=.nan"], "--set populations.E.parameters.tau: got .nan (allowed: a number, or a mapping with distribution: constant | uniform | normal | truncated_normal | lognormal | exponential, or a mapping with map, or a mapping with regions, or a mapping with file, or a non-empty list (each: a number))"),
    (["populations.K={model: m, sze: 2}"], "--set populations.K: populations.K.sze: unknown key 'sze' (did you mean 'size'? allowed: initial, integrator, model, "),
    (["schema_version=3"], "--set schema_version: version 3 is not known (this dtbsim knows: 1)"),
    (["bold=null", "bold.tr_ms=5"], "--set bold.tr_ms: bold.population: missing (give a text, or a non-empty list of texts)"),
    (["projections.EE.delay_ms=0.01"], "--set projections.EE.delay_ms: a delay of 0.01 ms is shorter than one step (allowed: from dt_ms (0.1) to simulation.max_delay_ms (1000))"),
    (["projections.EE.delay_ms.low=0.01"], "--set projections.EE.delay_ms.low: a delay of 0.01 ms is shorter than one step (allowed: from dt_ms (0.1) to simulation.max_delay_ms (1000))"),
    (["projections.EE.source=X"], "--set projections.EE.source: no population 'X' (allowed: E, I, ctx.E, ctx.I)"),
    (["populations=3"], "--set populations: got 3 (allowed: a mapping of names to a mapping with model)"),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "message"), ERRORS)
def test_error(overrides: list[str], message: str) -> None:
    found = override_error(*overrides)
    assert found == message or (message[-1] == " " and found.startswith(message)), found


def test_error_that_an_override_causes_elsewhere_stands_in_the_file() -> None:
    found = override_error("projections.EE.rule.kind=one_to_one")
    line = line_of(BASE, "rule: {kind: fixed_indegree, indegree: 8}\n    weight_pA")
    assert found.startswith(
        f"net.yaml:{line}: projections.EE.rule.indegree: unknown key 'indegree' with kind: one_to_one"
    )


def test_errors_of_the_file_come_first() -> None:
    found = override_error("populations.I.size=0", text=changed("rate_hz: 8000", "rate_hz: a"))
    first, second = found.splitlines()
    assert first.startswith("net.yaml:")
    assert first.partition(": ")[2].startswith("drives.bg.rate_hz: got 'a'")
    assert second.startswith("--set populations.I.size: got 0")


def test_all_overrides_are_told_together() -> None:
    found = override_error("seed", "simulation.dt_mss=1", "populations.E.size=0", "record.states.7.interval_ms=1")
    assert [line.partition(" (")[0] for line in found.splitlines()] == [
        "--set: got 'seed'",
        "--set simulation.dt_mss: unknown key 'dt_mss'",
        "--set record.states.7.interval_ms: `record.states` has no item '7'",
    ]


def test_overrides_from_python_are_a_mapping() -> None:
    given = {
        "simulation.duration_ms": np.float64(500),
        "populations.E.parameters": {"tau_m_ms": values.Normal(distribution="normal", mean=10, sd=np.float32(2))},
        "record.states.0.neurons": np.arange(3),
        "bold": None,
        "populations.K": {"model": "m", "size": 2},
    }
    config = load_config_text(BASE, "net.yaml", given)
    assert config.simulation.duration_ms == 500
    assert config.populations["E"].parameters["tau_m_ms"] == values.Normal(distribution="normal", mean=10, sd=2)
    assert config.record.states[0].neurons == [0, 1, 2]
    assert config.bold is None
    assert [*config.populations] == ["E", "I", "K"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "set: got 3 (allowed: texts KEY.PATH=VALUE, or a mapping {'key.path': value})"),
        ([3], "set: got [3] (allowed: texts KEY.PATH=VALUE, or a mapping {'key.path': value})"),
        ({3: 4}, "set: got 3 (keys are paths, such as 'simulation.duration_ms')"),
        ({"": 4}, "set: got '' (keys are paths, such as 'simulation.duration_ms')"),
        ({"populations.E.size": (n for n in (1, 2))}, "--set populations.E.size: got a generator (allowed: a whole"),
        ({"description": "a\0"}, "description: \\u0000 in the text 'a\\x00' cannot be written to a file (remove it)"),
        ({"description": b"a"}, "--set description: got b'a' (allowed: a text)"),
    ],
)  # fmt: skip
def test_wrong_overrides_from_python(given: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config_text(BASE, "net.yaml", given)
    assert str(caught.value).startswith(message)


def test_one_override_may_be_a_text() -> None:
    assert load_config_text(BASE, "net.yaml", "seed=5").seed == 5
