"""Mistakes in objects of registered kinds are told alike, wherever a configuration has one: of every kind there is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from dtbsim.config import load_config_data
from dtbsim.config.controllers import INTERVENTIONS
from dtbsim.config.kinds import needs_nothing
from dtbsim.config.signals import SIGNALS
from dtbsim.errors import InputError
from dtbsim.models.circuits import CIRCUITS
from dtbsim.models.connections import CONNECTION_RULES
from dtbsim.models.drives import DRIVES
from dtbsim.models.synapses import SYNAPSE_MODELS

CONFIG: dict[str, Any] = {
    "simulation": {"duration_ms": 10},
    "populations": {"E": {"model": "iaf_psc_exp", "size": 4}},
    "projections": {"P": {"source": "E", "target": "E", "rule": "all_to_all", "weight_pA": 1, "delay_ms": 1}},
}
PLACES = {
    "projections.P.rule": CONNECTION_RULES, "projections.P.synapse": SYNAPSE_MODELS, "drives.D": DRIVES,
    "circuits.C": CIRCUITS, "controllers.C": INTERVENTIONS, "signals.S": SIGNALS,
}  # fmt: skip
CASES = [
    (place, name, registry.find(name).config)
    for place, registry in PLACES.items()
    for name in registry.names()
    if getattr(registry.find(name), "config", None) is not None
]


def told(place: str, value: Any) -> str:
    """What is said of `value` at `place`, in one line for each mistake."""
    data = copy.deepcopy(CONFIG)
    *path, last = place.split(".")
    inner = data
    for key in path:
        inner = inner.setdefault(key, {})
    inner[last] = value
    with pytest.raises(InputError) as caught:
        load_config_data(data)
    return str(caught.value)


@pytest.mark.parametrize(("place", "name", "config"), CASES)
def test_mistakes_in_a_kind(place: str, name: str, config: Any) -> None:
    assert f"{place}.flavour: unknown key 'flavour' with kind: {name} (allowed: " in told(
        place, {"kind": name, "flavour": 3}
    )
    for key in set(config.model_fields) - {"kind"}:
        assert f"{place}.{key}: got a whole number of about 5,000 digits" in told(place, {"kind": name, key: 10**5000})
    required = [key for key, field in config.model_fields.items() if field.is_required()]
    for given in [{"kind": name}, name] if required else []:
        said = told(place, given)
        assert all(f"{place}.{key}: missing (give " in said for key in required)
    near = f"{name}z"
    for given, where in [({"kind": near}, f"{place}.kind"), (near, place)]:
        assert told(place, given).startswith(f"{where}: unknown kind '{near}' (did you mean '{name}'? allowed: ")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("value", [3, ["x"], {}, {"colour": 1}, {"kind": None}, {"kind": 5}, {"kind": ["x"]}, True])
def test_what_is_no_object_of_a_kind(place: str, value: Any) -> None:
    said = told(place, value)
    assert said.startswith(place)
    assert "allowed: " in said
    assert "\n" not in said


def test_a_name_is_enough_where_nothing_else_is_needed() -> None:
    alone = [(place, name) for place, name, config in CASES if needs_nothing(config)]
    assert {place for place, _ in alone} >= {"projections.P.rule", "projections.P.synapse", "circuits.C"}
    config = load_config_data({**CONFIG, "circuits": {"C": "potjans_diesmann"}})
    assert config.circuits["C"].kind == "potjans_diesmann"
