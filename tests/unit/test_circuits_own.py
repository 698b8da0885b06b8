"""Circuits of other packages: an object is all that a new one needs, and what it breaks is said in one line."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field
from tests.helpers.networks import network_of, simulate
from tests.unit.config_samples import assert_for_people

import dtbsim
from dtbsim.config import json_schema
from dtbsim.errors import InputError
from dtbsim.models.circuits import CIRCUITS, Circuit, CircuitConfig, Parts, _checked

TEXT = "simulation: {dt_ms: 0.1, duration_ms: 20}\nseed: 2\ncircuits: {c: CIRCUIT}\n"


class Pair(CircuitConfig):
    """Two populations that drive each other."""

    POPULATIONS: ClassVar[tuple[str, ...]] = ("A", "B")
    delay_keys: ClassVar[tuple[str, ...]] = ("delay_ms",)
    kind: Literal["pair"] = "pair"
    size: int = Field(default=20, ge=1)
    delay_ms: float = 1.0


class PairCircuit(Circuit):
    config = Pair

    def expand(self, name: str, item: Pair, dt_ms: float) -> Parts:
        parts = Parts()
        for own, other in ("AB", "BA"):
            parts.populations[own] = dtbsim.Population(model="iaf_psc_exp", size=item.size)
            parts.projections[own] = dtbsim.Projection(
                source=f"{name}.{own}", target=f"{name}.{other}", rule="all_to_all", weight_pA=90,
                delay_ms=item.delay_ms,
            )  # fmt: skip
        parts.drives["in"] = dtbsim.PoissonDrive(target=f"{name}.A", rate_hz=20000, weight_pA=60)
        return parts


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Any:
    def add(circuit: Circuit) -> None:
        monkeypatch.setattr(CIRCUITS, "_built_in", {**CIRCUITS._built_in, circuit.kind: circuit})

    return add


def said(text: str) -> str:
    with pytest.raises(InputError) as caught:
        network_of(text)
    assert_for_people(caught.value)
    return str(caught.value)


def test_a_circuit_of_another_package_is_one_object(known: Any) -> None:
    known(PairCircuit())
    network = network_of(TEXT.replace("CIRCUIT", "{kind: pair, size: 30}"))
    assert network.population_names() == ["c.A", "c.B"]
    assert np.unique(simulate(network)[:, 1]).size > 30
    assert network_of(TEXT.replace("CIRCUIT", "pair")).n_neurons == 40  # by its name alone
    assert "Pair" in str(json_schema())


class Lists(PairCircuit):
    def expand(self, name: str, item: Any, dt_ms: float) -> Parts:
        parts = super().expand(name, item, dt_ms)
        ends = [f"{name}.A", f"{name}.B"]
        parts.projections["all"] = dtbsim.Projection(
            source=ends[0], target=ends, rule="all_to_all", weight_pA=9, delay_ms=1
        )
        return parts


def test_projections_with_lists_of_ends_are_one_for_every_pair(known: Any) -> None:
    known(Lists())
    names = [projection.name for projection in network_of(TEXT.replace("CIRCUIT", "pair")).projections]
    assert names == ["c.A", "c.B", "c.all.c.A", "c.all.c.B"]


def test_places_and_suggestions(known: Any) -> None:
    known(PairCircuit())
    assert "did you mean 'pair'" in said(TEXT.replace("CIRCUIT", "{kind: pear}"))
    assert "circuits.c.delay_ms" in said(TEXT.replace("CIRCUIT", "{kind: pair, delay_ms: 0.25}"))
    assert "circuits.c.delay_ms" in said(TEXT.replace("CIRCUIT", "{kind: pair, delay_ms: 2000}"))
    assert "circuits.c.size" in said(TEXT.replace("CIRCUIT", "{kind: pair, size: 0}"))
    assert "c.A, c.B" in said(TEXT.replace("CIRCUIT", "pair") + "drives: {d: {kind: dc, target: c, amplitude: 1}}\n")


class Raises(PairCircuit):
    def expand(self, name: str, item: Any, dt_ms: float) -> Parts:
        return item.nothing  # type: ignore[no-any-return]


class NoParts(PairCircuit):
    def expand(self, name: str, item: Any, dt_ms: float) -> Any:
        return {"A": 1}


class OtherNames(PairCircuit):
    def expand(self, name: str, item: Any, dt_ms: float) -> Parts:
        parts = super().expand(name, item, dt_ms)
        parts.populations["C"] = parts.populations.pop("B")
        return parts


class WrongPart(PairCircuit):
    def expand(self, name: str, item: Any, dt_ms: float) -> Parts:
        parts = super().expand(name, item, dt_ms)
        parts.drives["in"] = {"kind": "poisson"}  # type: ignore[assignment]
        return parts


class WrongValue(PairCircuit):
    def expand(self, name: str, item: Any, dt_ms: float) -> Parts:
        parts = super().expand(name, item, dt_ms)
        parts.populations["A"] = dtbsim.Population(model="iaf_psc_exp", size=-3)
        return parts


@pytest.mark.parametrize(
    ("circuit", "text"),
    [
        (Raises(), "AttributeError"),
        (NoParts(), "returns dict; it must be a Parts object"),
        (OtherNames(), "has the populations A, C; its configuration names A, B"),
        (WrongPart(), "has a dict among its drives"),
        (WrongValue(), "got -3"),
    ],
)
def test_a_circuit_that_breaks_its_interface_is_one_line(known: Any, circuit: Circuit, text: str) -> None:
    known(circuit)
    found = said(TEXT.replace("CIRCUIT", "pair"))
    assert text in found
    assert "circuits.c" in found
    assert "\n" not in found


class Lacks(Circuit):
    config = Pair


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("pair", 3, "subclass of dtbsim.models.circuits.Circuit"),
        ("other", PairCircuit(), "kind 'pair'"),
        ("pair", Lacks(), "expand(name, item, dt_ms)"),
    ],
)
def test_what_an_entry_point_must_be(name: str, value: Any, text: str) -> None:
    assert isinstance(_checked("pair", PairCircuit), PairCircuit)
    with pytest.raises(TypeError) as caught:
        _checked(name, value)
    assert text in str(caught.value)
