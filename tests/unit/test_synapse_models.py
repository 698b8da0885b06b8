"""Synapse models as objects: those built in, one of another package, and what is wrong with a model."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.errors import InputError
from dtbsim.models.synapses import (
    SYNAPSE_MODELS,
    WEIGHT,
    WEIGHT_MAX,
    Decay,
    PlasticSynapse,
    SourceState,
    SourceSynapse,
    StatefulSynapse,
    SynapseModel,
    SynapseParameter,
    SynapseState,
    Trace,
)
from dtbsim.models.synapses.check import check_synapse
from dtbsim.models.synapses.config import config_class
from dtbsim.registry import Registry

TAU = SynapseParameter("tau_ms", "ms", 20.0, "time constant", low=0, open_low=True)
PRE = Trace("pre", "source", "tau_ms", read_by="target")
POST = Trace("post", "target", "tau_ms", read_by="source")


class Hebbian(PlasticSynapse):
    """Pairs potentiate, whichever spike comes first; every spike of the source costs a little."""

    name = "hebbian"
    parameters = (SynapseParameter("gain", WEIGHT, None, "potentiation by a pair", low=0), TAU, WEIGHT_MAX)
    traces = (PRE, POST)

    @staticmethod
    def on_target_spike(w: Any, pre: Any, gain: Any) -> Any:
        return w + gain * pre

    @staticmethod
    def on_source_spike(w: Any, post: Any, gain: Any) -> Any:
        return w + gain * (post - 0.125)


class Fading(SourceSynapse):
    """Every spike transmits less than the one before."""

    name = "fading"
    parameters = (TAU,)
    states = (SourceState("x", "share that is left", default=1.0),)
    decays = (Decay("recovery", "tau_ms"),)

    @staticmethod
    def on_source_spike(x: Any, recovery: Any) -> Any:
        left = 1.0 - (1.0 - x) * recovery
        return 0.5 * left, 0.5 * left


def test_every_model_that_is_built_in_passes_the_checks() -> None:
    assert SYNAPSE_MODELS.names()[:9] == [
        "tsodyks_markram", "saturating_nmda", "stdp", "stdp_power_law", "stdp_triplet", "stdp_dopamine",
        "vogels_sprekeler", "graupner_brunel", "symmetric_hebbian",
    ]  # fmt: skip
    for model in (*(kind.model for kind in SYNAPSE_MODELS.usable().values()), Hebbian(), Fading()):
        check_synapse(model)


class Counting(StatefulSynapse):
    """Spikes of both ends add up, and the weight follows slowly."""

    name = "counting"
    parameters = (WEIGHT_MAX, SynapseParameter("start", "1", 2.0, "number at the beginning"))
    states = (SynapseState("number", "spikes", default="start"),)

    @staticmethod
    def between(w: Any, number: Any, interval_ms: Any) -> Any:
        return w + interval_ms * number, number

    @staticmethod
    def on_target_spike(w: Any, number: Any) -> Any:
        return w, number + 1.0

    @staticmethod
    def on_source_spike(w: Any, number: Any) -> Any:
        return w, number + 1.0


def test_a_model_with_states_has_what_it_needs() -> None:
    check_synapse(Counting())
    made = config_class(Counting())
    assert made(weight_max=3).plastic
    with pytest.raises(InputError, match="unknown key 'frozen_ms'"):
        made(weight_max=3, frozen_ms=[[1, 2]])


def test_the_configuration_class_is_made_from_the_table() -> None:
    made = config_class(Hebbian())
    item = made(gain=2, weight_max=50)
    assert (made.__name__, item.kind, item.tau_ms, item.plastic, item.frozen) == ("Hebbian", "hebbian", 20.0, True, [])
    assert item.numbers() == {"gain": 2.0, "tau_ms": 20.0, "weight_max": 50.0}
    for given, message in (
        ({"weight_max": 50}, "gain"),
        ({"gain": -1, "weight_max": 50}, "gain"),
        ({"gain": 1, "weight_max": 50, "tau_ms": 0}, "tau_ms"),
    ):
        with pytest.raises(InputError, match=message):
            made(**given)
    assert not config_class(Fading())().plastic
    assert dtbsim.VogelsSprekeler(weight_max=3, learning_rate=1).plastic


def test_configurations_are_sent_between_ranks() -> None:
    item = dtbsim.STDPDopamine(dopamine="DA", weight_max=5, frozen_ms=[[1, 2]])
    again = pickle.loads(pickle.dumps(item))
    assert type(again) is type(item)
    assert again == item
    assert again.model_fields_set == item.model_fields_set
    assert copy.deepcopy(item) == item


def changed(base: type[SynapseModel], **attributes: Any) -> SynapseModel:
    return type("Changed", (base,), {"__doc__": base.__doc__, **attributes})()


def two_results(w: Any, pre: Any) -> Any:
    return w, pre


def only_weight(w: Any) -> Any:
    return w


def with_if(w: Any, pre: Any) -> Any:
    if pre > 0:
        w = w + pre
    return w


def unknown(w: Any, vm: Any) -> Any:
    return w + vm


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (changed(Hebbian, parameters=(TAU,)), "has no parameter weight_max"),
        (changed(Hebbian, parameters=WEIGHT_MAX), "no tuple of SynapseParameter"),
        (changed(Hebbian, traces=(PRE, PRE)), "2 traces of the source that spikes of the target read"),
        (changed(Hebbian, traces=(Trace("pre", "source", "tau", read_by="target"), POST)), "decays with 'tau'"),
        (changed(Hebbian, derived=("gain",)), "uses the name 'gain' twice"),
        (changed(Hebbian, derived=("for",)), "the name 'for' of synapse 'hebbian' cannot be used"),
        (changed(Hebbian, __doc__=""), "has no docstring"),
        (changed(Hebbian, on_target_spike=staticmethod(two_results)), "does not return one number"),
        (changed(Hebbian, on_target_spike=staticmethod(with_if)), "an `if` statement is not allowed"),
        (changed(Hebbian, on_target_spike=staticmethod(unknown)), "argument 'vm' is no state"),
        (changed(Fading, states=Fading.states * 3), "there is room for 2"),
        (changed(Counting, states=()), "has 0 states; possible: 1 to 4"),
        (changed(Counting, states=Counting.states * 5), "has 5 states; possible: 1 to 4"),
        (changed(Counting, states=(SynapseState("number", "spikes", default="begin"),)), "starts at 'begin'"),
        (changed(Counting, between=staticmethod(two_results)), "argument 'pre' is no state"),
        (changed(Counting, on_target_spike=staticmethod(Hebbian.on_source_spike)), "argument 'post'"),
        (changed(Counting, between=StatefulSynapse.__dict__["between"]), "has no function between"),
        (changed(Counting, traces=(PRE,)), "has states and traces"),
        (changed(Counting, on_source_spike=staticmethod(only_weight)), "does not return the weight, then every state"),
        (changed(SynapseModel, name="nothing"), "is no kind of synapse"),
    ],
)
def test_what_is_wrong_is_said(model: SynapseModel, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_synapse(model)
    assert message in str(caught.value)
    assert_for_people(caught.value)


def test_a_model_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "pack_s", raising=False)
    (tmp_path / "pack_s.py").write_text("from tests.unit.test_synapse_models import Hebbian\nbroken = 3\n")
    info = tmp_path / "pack_s-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pack_s\nVersion: 1.0\n")
    points = "[dtbsim.synapse_models]\nhebbian = pack_s:Hebbian\nother = pack_s:broken\n"
    (info / "entry_points.txt").write_text(points)
    made = Registry(SYNAPSE_MODELS.group, SYNAPSE_MODELS.what, {}, SYNAPSE_MODELS._check)
    assert [kind.config.__name__ for kind in made.usable().values()] == ["Hebbian"]
    assert "is a subclass of dtbsim.models.synapses.SynapseModel" in str(made.problems()[0])
