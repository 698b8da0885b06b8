"""What is suggested for names of other programs, other letters and other spellings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import dtbsim
from dtbsim.aliases import _ALIASES, meant_by
from dtbsim.atlas import list_atlases
from dtbsim.atlas.folder import MATRIX_STEMS, TABLE_STEMS
from dtbsim.atlas.keys import KEYS
from dtbsim.config import RunConfig
from dtbsim.config.fields import field_annotation, leaves
from dtbsim.errors import InputError, did_you_mean
from dtbsim.models import list_models
from dtbsim.models.region_registry import list_region_models
from dtbsim.models.registry import example_model
from dtbsim.units import key_advice


def vocabulary(annotation: Any, seen: set[type[BaseModel]]) -> set[str]:
    """Every key and every kind of a configuration."""
    names: set[str] = set()
    for leaf in leaves(annotation):
        if leaf.item is not None:
            names |= vocabulary(leaf.item, seen)
        if leaf.model is not None and leaf.model not in seen:
            seen.add(leaf.model)
            names |= {leaf.discriminator[1]} if leaf.discriminator else set()
            for key, field in leaf.model.model_fields.items():
                names |= {key} | vocabulary(field_annotation(field), seen)
    return names


def known_names() -> set[str]:
    models = [example_model(name) for name in list_models()]
    rows = {row.name for model in models for row in (*model.parameters, *model.states)}
    keys = {key.name.rstrip("/") for key in KEYS}
    return (
        {*list_models(), *list_region_models(), *list_atlases(), *MATRIX_STEMS, *TABLE_STEMS}
        | rows
        | keys
        | vocabulary(RunConfig, set())
    )


def test_every_alias_leads_to_a_name_that_exists() -> None:
    assert set(_ALIASES) - known_names() == set()


@pytest.mark.parametrize(
    ("given", "allowed", "meant"),
    [
        ("size_e", ["size_I", "size_E"], "size_E"),
        ("SIZE", ["size", "sizes"], "size"),
        ("lif", list_models(), "iaf_psc_exp"),
        ("LIF", list_models(), "iaf_psc_exp"),
        ("IF_cond_exp", list_models(), "iaf_cond_exp"),
        ("EIF_cond_exp_isfa_ista", list_models(), "aeif_cond_exp"),
        ("AdEx", list_models(), "aeif_cond_exp"),
        ("ReducedWongWangExcInh", list_region_models(), "deco_2014"),
        ("DMF", list_region_models(), "deco_2014"),
        ("SupHopf", list_region_models(), "hopf"),
        ("hodgkin_huxley", list_models(), "hh_psc_alpha"),
        ("SpikeSourcePoisson", list_models(), "poisson_source"),
        ("spike_generator", list_models(), "spike_source"),
        ("izhikevic", list_models(), "izhikevich"),
        ("poisson_generator", ["dc", "poisson", "ramp"], "poisson"),
        ("noise_generator", ["dc", "noise_current"], "noise_current"),
        ("fixed_probability", ["pairwise_bernoulli", "fixed_indegree"], "pairwise_bernoulli"),
        ("tsodyks2_synapse", ["stdp", "tsodyks_markram"], "tsodyks_markram"),
        ("gaussian", ["normal", "uniform"], "normal"),
        ("FC_emp.csv", ["fc.csv", "maps.csv"], "fc.csv"),
        ("SC.npy", ["weights.csv", "weights.npy"], "weights.npy"),
        ("tract_lengths.txt", ["lengths_mm.csv", "weights.csv"], "lengths_mm.csv"),
        ("centres.txt", ["regions.csv", "weights.csv"], "regions.csv"),
        ("schaefer", list_atlases(), "schaefer100"),
        ("desikan", list_atlases(), "dk68"),
    ],
)
def test_names_of_other_programs(given: str, allowed: list[str], meant: str) -> None:
    assert did_you_mean(given, allowed).startswith(f"did you mean '{meant}'? allowed: ")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("cm", "C_m_pF"),
        ("tau_refrac", "t_ref_ms"),
        ("v_thresh", "V_th_mV"),
        ("v_rest", "E_L_mV"),
        ("i_offset", "I_e_pA"),
        ("tau_syn_E", "tau_syn_ex_ms"),
        ("tau_refrac_ms", "t_ref_ms"),
        ("Vt", "V_th_mV"),
    ],
)
def test_parameters_of_pynn_and_brian(given: str, meant: str) -> None:
    names = [row.name for row in example_model("iaf_psc_exp").parameters]
    assert f"did you mean '{meant}'?" in key_advice(given, names)


def test_units_are_explained_before_names_are_guessed() -> None:
    names = [row.name for row in example_model("iaf_psc_exp").parameters]
    assert key_advice("C_m", names).startswith("the unit belongs in the name: C_m_pF")
    assert key_advice("tau_m_s", names, 0.01).startswith("this key takes milliseconds: tau_m_ms (0.01 s = 10 ms)")


def test_nothing_is_suggested_for_what_resembles_nothing() -> None:
    assert did_you_mean("qqqqq", ["size", "model"]) == "allowed: model, size"
    assert list(meant_by("qqqqq")) == []
    assert did_you_mean("x" * 10_000_000, ["size"]) == "allowed: size", "at once"


def test_suggestions_reach_the_user(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("simulation: {resolution: 0.1, duration_ms: 1}\npopulations: {E: {n: 3, model: lif}}\nsynapses: {}")
    with pytest.raises(InputError) as caught:
        dtbsim.validate(file)
    told = str(caught.value)
    for hint in ("did you mean 'dt_ms'?", "did you mean 'size'?", "did you mean 'projections'?"):
        assert hint in told
    folder = tmp_path / "atlas"
    folder.mkdir()
    (folder / "FC_emp.csv").write_text("1")
    with pytest.raises(InputError, match=r"unknown file 'FC_emp\.csv' \(did you mean 'fc\.csv'\?"):
        dtbsim.load_atlas(folder)
    circuits = {"c": {"kind": "balanced_ei", "size_e": 10}}
    with pytest.raises(InputError, match=r"circuits\.c\.size_e: unknown key .*did you mean 'size_E'\?"):
        dtbsim.validate({"simulation": {"duration_ms": 1}, "circuits": circuits})
