"""What may be written shortly: objects by the name of their kind, classes that say their kind, lists of ends."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from config_samples import assert_for_people

import dtbsim
from dtbsim.config import dump_config, json_schema, load_config_data, load_config_text
from dtbsim.config.fields import leaves
from dtbsim.config.network import Circuit, Rule
from dtbsim.config.plain import plain
from dtbsim.config.synapses import Synapse
from dtbsim.errors import InputError
from dtbsim.spec import compile_network

START = """\
simulation: {duration_ms: 10}
populations:
  E: {model: iaf_psc_exp, size: 8}
  I: {model: iaf_psc_exp, size: 2}
  P: {model: parrot_neuron, size: 3}
"""
ENDS = "source: {}, target: {}, weight_pA: 1, delay_ms: 1"


def with_projection(ends: str, rule: str = "all_to_all", more: str = "") -> str:
    return f"{START}projections:\n  x: {{{ends}, rule: {rule}}}\n{more}"


def error_of(text: str, folder: Path) -> InputError:
    (folder / "net.yaml").write_text(text)
    with pytest.raises(InputError) as caught, contextlib.chdir(folder):
        dtbsim.validate("net.yaml")
    assert_for_people(caught.value)
    return caught.value


# -- kinds by name -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["all_to_all", "one_to_one"])
def test_a_rule_by_its_name_is_the_rule_with_its_defaults(rule: str) -> None:
    ends = ENDS.format("E", "E")
    short = load_config_text(with_projection(ends, rule))
    assert short == load_config_text(with_projection(ends, f"{{kind: {rule}}}"))
    assert short == load_config_text(dump_config(short))
    assert short.projections["x"].rule.kind == rule


def test_every_kind_that_needs_nothing_else_can_be_named_alone() -> None:
    for union in (Rule, Circuit, Synapse):
        (named, *_), objects = (
            [leaf.values for leaf in leaves(union) if leaf.kind == "literal"],
            [leaf for leaf in leaves(union) if leaf.model is not None],
        )
        complete = [
            leaf.tag
            for leaf in objects
            if leaf.model is not None
            and not any(field.is_required() for field in leaf.model.model_fields.values())
            and leaf.tag != "explicit"  # needs a file or edges
        ]
        assert sorted(named) == sorted(str(tag) for tag in complete)


def test_circuits_and_synapses_by_name() -> None:
    config = load_config_text(
        "simulation: {duration_ms: 1}\ncircuits: {ctx: balanced_ei}\nprojections:\n"
        "  x: {source: ctx.E, target: ctx.E, rule: all_to_all, weight_mV: 1, delay_ms: 1, synapse: saturating_nmda}"
    )
    assert config.circuits["ctx"] == dtbsim.BalancedEI()
    assert config.projections["x"].synapse == dtbsim.SaturatingNMDA()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("fixed_indegree", "rule.indegree: missing (give a whole number"),
        ("pairwise_bernoulli", "rule.probability: missing (give a number"),
        ("AllToAllConnector", "rule: unknown kind 'AllToAllConnector' (did you mean 'all_to_all'? allowed: all_to_all"),
        ("all_to_al", "rule: unknown kind 'all_to_al' (did you mean 'all_to_all'? allowed: all_to_all"),
        ("3", "rule: got 3 (allowed: all_to_all | one_to_one, or a mapping with kind: fixed_indegree"),
        ("{kind: all}", "rule.kind: unknown kind 'all' (did you mean 'all_to_all'? allowed: all_to_all"),
    ],
)
def test_wrong_names_of_rules(rule: str, message: str, tmp_path: Path) -> None:
    error = error_of(with_projection(ENDS.format("E", "E"), rule), tmp_path)
    assert str(error).startswith(f"net.yaml:7: projections.x.{message}")


def test_the_schema_takes_what_is_taken() -> None:
    for rule in ("all_to_all", "{kind: one_to_one}"):
        data = dtbsim.config.yaml_text.parse_yaml(with_projection(ENDS.format("[E, I]", "E"), rule), "net.yaml")[0]
        jsonschema.validate(data, json_schema())
    data["projections"]["x"]["rule"] = "fixed_indegree"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema())
    data["projections"]["x"]["rule"] = {"autapses": True}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json_schema())


def test_from_python() -> None:
    def projection(**given: Any) -> dtbsim.Projection:
        return dtbsim.Projection(source="E", target="E", weight_pA=1, delay_ms=1, **given)

    assert projection(rule="one_to_one") == projection(rule=dtbsim.OneToOne())
    with pytest.raises(InputError, match=r"^Projection\.rule: unknown kind 'one' \(allowed: all_to_all, "):
        projection(rule="one")
    changed = projection(rule="one_to_one")
    changed.rule = "all_to_all"  # type: ignore[assignment]
    assert changed == projection(rule="all_to_all")


# -- classes say their kind ----------------------------------------------------------------------------------------


def test_classes_say_their_kind() -> None:
    made = [item for item in (getattr(dtbsim, name) for name in dtbsim.__all__) if isinstance(item, type)]
    named = [item for item in made if {"kind", "distribution"} & getattr(item, "model_fields", {}).keys()]
    assert len(named) > 25
    for item in named:
        (key,) = {"kind", "distribution"} & item.model_fields.keys()
        default = item.model_fields[key].default
        assert default
        with pytest.raises(InputError, match=rf"{item.__name__}\.{key}: got 'another' \(allowed: {default}\)"):
            item(**{key: "another"})
    assert dtbsim.Uniform(low=1, high=2) == dtbsim.Uniform(distribution="uniform", low=1, high=2)
    assert dtbsim.DCDrive(target="E", amplitude=1) == dtbsim.DCDrive(kind="dc", target="E", amplitude=1)


def test_a_file_says_it() -> None:
    with pytest.raises(InputError, match=r"drives\.d: got \{target: 'E', amplitude: 1\}; `kind` is missing"):
        load_config_text(START + "drives: {d: {target: E, amplitude: 1}}", "net.yaml")


# -- lists of ends -------------------------------------------------------------------------------------------------


def pairs(ends: str, rule: str = "all_to_all") -> dict[str, tuple[str, str, int]]:
    network = compile_network(load_config_text(with_projection(ends, rule)))
    names = [family.name for family in network.families]
    return {
        item.name: (names[item.source_family], names[item.target_family], item.rule) for item in network.projections
    }


def test_lists_mean_a_projection_for_every_pair() -> None:
    rule = pairs(ENDS.format("E", "I"))["x"][2]
    assert pairs(ENDS.format("[E, P]", "I")) == {"x.E": ("E", "I", rule), "x.P": ("P", "I", rule)}
    assert pairs(ENDS.format("P", "[E, I]")) == {"x.E": ("P", "E", rule), "x.I": ("P", "I", rule)}
    assert pairs(ENDS.format("[E, I]", "[I, E]")) == {
        "x.E.I": ("E", "I", rule),
        "x.E.E": ("E", "E", rule),
        "x.I.I": ("I", "I", rule),
        "x.I.E": ("I", "E", rule),
    }
    assert pairs(ENDS.format("[E]", "I")) == {"x.E": ("E", "I", rule)}


def test_lists_are_the_projections_written_out() -> None:
    rule = "{kind: fixed_indegree, indegree: 4}"
    lists = compile_network(load_config_text(with_projection(ENDS.format("[E, I]", "E"), rule)))
    one_by_one = "".join(f"  {s}: {{{ENDS.format(s, 'E')}, rule: {rule}}}\n" for s in "EI")
    written = compile_network(load_config_text(f"{START}projections:\n{one_by_one}"))
    for short, long in zip(lists.projections, written.projections, strict=True):
        assert (short.index, short.source_family, short.target_family) == (
            long.index,
            long.source_family,
            long.target_family,
        )
        assert short.piece_number.tolist() == long.piece_number.tolist() == [4]
    assert [item.key_path for item in lists.projections] == ["projections.x", "projections.x"]


@pytest.mark.parametrize(
    ("ends", "more", "told"),
    [
        (ENDS.format("[E, F]", "I"), "", "net.yaml:7: projections.x.source.1: no population 'F' (did you mean"),
        (ENDS.format("E", "[I, I]"), "", "net.yaml:7: projections.x.target.1: 'I' is named twice"),
        (ENDS.format("[]", "I"), "", "net.yaml:7: projections.x.source: got [] (allowed: a text, or a non-empty list"),
        (
            ENDS.format("[E, I]", "E") + ", synapse: {kind: stdp, weight_max: 2}",
            "record: {weights: [{projection: x}]}",
            "net.yaml:8: record.weights.0.projection: projection 'x' has several sources or targets "
            "(name one of its parts: x.E, x.I)",
        ),
    ],
)
def test_wrong_lists(ends: str, more: str, told: str, tmp_path: Path) -> None:
    assert str(error_of(with_projection(ends, more=more), tmp_path)).startswith(told.replace(" (did you mean", ""))


def test_parts_of_a_list_can_be_recorded_and_scaled() -> None:
    ends = ENDS.format("[E, I]", "E") + ", synapse: {kind: stdp, weight_max: 2}"
    more = "record: {weights: [{projection: x.I, neurons: [7]}]}\ncontrollers:\n"
    more += "  s: {kind: synaptic_scaling, projection: x.E, target_rate_hz: 5, interval_ms: 1, eta: 0.1}"
    network = compile_network(load_config_text(with_projection(ends, more=more)))
    assert [item.name for item in network.projections] == ["x.E", "x.I"]


# -- mistakes that only models and atlas can tell --------------------------------------------------------------------


def test_what_the_network_finds_is_told_together(tmp_path: Path) -> None:
    text = """\
simulation: {duration_ms: 10}
populations:
  A: {model: lif, size: 3}
  B: {model: iaf_psc_exp, size: 3, parameters: {tau_m: 3, C_m_pF: -1, V_thresh: 3}, initial: {v: -60}}
  C: {model: iaf_psc_exp, size: 3}
  D: {model: iaf_psc_exp, size: 4}
projections:
  AB: {source: A, target: B, rule: all_to_all, weight_pA: 1, delay_ms: 1}
  CD: {source: C, target: D, rule: one_to_one, weight_pA: 1, delay_ms: 1}
  DC: {source: D, target: C, rule: all_to_all, weight_nS: 1, delay_ms: 1}
drives:
  a: {kind: dc, target: A, amplitude: 1}
  c: {kind: poisson, target: C, rate_hz: 10, weight_pA: 1, receptor: exc}
"""
    told = str(error_of(text, tmp_path)).splitlines()
    assert [line.partition(" (")[0] for line in told] == [
        "net.yaml:3: populations.A.model: unknown model 'lif'",
        "net.yaml:4: populations.B.parameters.tau_m: model 'iaf_psc_exp' has no parameter 'tau_m'",
        "net.yaml:4: populations.B.parameters.V_thresh: model 'iaf_psc_exp' has no parameter 'V_thresh'",
        "net.yaml:4: populations.B.initial.v: model 'iaf_psc_exp' has no state 'v'",
        "net.yaml:4: populations.B.parameters: C_m_pF is -1 pF; allowed:",
        "net.yaml:9: projections.CD.rule: one_to_one needs equal sizes; 'C' has 3, 'D' 4",
        "net.yaml:10: projections.DC.weight_nS: model 'iaf_psc_exp' takes weight_pA, not weight_nS",
        "net.yaml:13: drives.c.receptor: model 'iaf_psc_exp' has no receptor 'exc'",
    ]


def test_mistakes_of_a_circuit_are_told_once(tmp_path: Path) -> None:
    text = "atlas: dk68\nsimulation: {duration_ms: 1}\ncircuits: {c: {kind: balanced_ei, regions: [nowhere]}}"
    assert str(error_of(text, tmp_path)).startswith(
        "net.yaml:3: circuits.c.regions: atlas 'dk68' has no region 'nowhere' ("
    )


def test_a_mapping_of_python_is_told_by_key_paths() -> None:
    with pytest.raises(InputError) as caught:
        compile_network(
            load_config_data({"simulation": {"duration_ms": 1}, "populations": {"E": {"model": "adex", "size": 1}}})
        )
    assert str(caught.value).startswith("populations.E.model: unknown model 'adex' (did you mean 'aeif_cond_exp'? ")
    assert plain(dtbsim.OneToOne()) == {"kind": "one_to_one"}
