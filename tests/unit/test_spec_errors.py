"""Every error of the network compiler: what it says, where, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.small_atlas import save_small_atlas
from tests.unit.config_samples import assert_for_people
from tests.unit.spec_error_cases import BASE, CASES, FILES

from dtbsim.atlas import load_atlas
from dtbsim.config import load_config, load_located
from dtbsim.config.run import RunConfig
from dtbsim.config.yaml_text import parse_yaml
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel
from dtbsim.models.neurons.izhikevich import Izhikevich
from dtbsim.spec import compile_network
from dtbsim.spec.channels import input_mix
from dtbsim.spec.distributions import as_table
from dtbsim.spec.places import Places


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_small_atlas(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 no archive")
    np.savez(tmp_path / "shapes.npz", neuron=np.arange(3), time_ms=np.ones(2))
    np.savez(tmp_path / "floats.npz", neuron=np.arange(3.0), time_ms=np.ones(3))
    return tmp_path


def changed_config(changes: dict[str, str]) -> RunConfig:
    """BASE with values replaced; not checked as a whole, as a configuration that is built in Python."""
    data: Any = parse_yaml(BASE, "base")[0]
    for path, text in changes.items():
        *keys, last = path.split(".")
        place = data
        for key in keys:
            place = place[key]
        value = parse_yaml(f"value: {text}", "value")[0]["value"]
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return RunConfig.model_validate(data)


def failure(config: RunConfig, folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        compile_network(config, folder)
    assert_for_people(caught.value)
    return caught.value


def test_the_base_is_right(folder: Path) -> None:
    assert compile_network(changed_config({}), folder).n_neurons == 5 * 30 + 7 + 5 + 9 + 4


@pytest.mark.parametrize("name", list(CASES))
def test_the_message_place_and_remedy(folder: Path, name: str) -> None:
    changes, message, where, remedy = CASES[name]
    error = failure(changed_config(changes), folder)
    assert message in error.message
    assert error.where == where
    assert (error.remedy is None) if remedy is None else (remedy in (error.remedy or ""))


def test_an_unknown_atlas_is_reported_at_its_key(folder: Path) -> None:
    error = failure(changed_config({"atlas": "smal"}), folder)
    assert error.message == "unknown atlas 'smal'"
    assert error.where == "atlas"
    assert (error.remedy or "").startswith("allowed: aal2")
    (folder / "broken.npz").write_bytes(b"nothing")
    error = failure(changed_config({"atlas": "broken.npz"}), folder)
    assert error.where == f"atlas: {folder / 'broken.npz'}"


def altered_atlas(monkeypatch: pytest.MonkeyPatch, folder: Path, **values: Any) -> None:
    """The small atlas with values that an atlas itself might refuse."""
    atlas = load_atlas("small.npz", base_dir=folder)
    for name, value in values.items():
        object.__setattr__(atlas, name, value)
    monkeypatch.setattr("dtbsim.spec.compile._atlas", lambda *_: atlas)


def test_a_side_without_regions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered_atlas(monkeypatch, folder, hemisphere=("R",) * 5)
    error = failure(changed_config({"populations.E.regions": "left"}), folder)
    assert (error.message, error.where) == ("no region of atlas 'small' matches 'left'", "populations.E.regions")


def test_a_map_that_does_not_cover_the_regions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered_atlas(monkeypatch, folder, maps={"part": np.array([1.0, 2.0, np.nan, 4.0, 5.0])})
    given = "{I_e_pA: {map: part, low: 1, high: 2}}"
    error = failure(changed_config({"populations.E.parameters": given}), folder)
    assert error.message == "map 'part' has no value in region C_R"
    assert error.where == "populations.E.parameters.I_e_pA"
    assert error.remedy == "use a map that covers the regions"
    regions = {"populations.E.parameters": given, "populations.E.regions": "[A_L, B_L, D_R]"}
    assert compile_network(changed_config(regions), folder).families[0].parameters["I_e_pA"].tolist() == [1, 1.25, 1.75]


def test_a_model_without_current_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Izhikevich, "uses_current", False)
    error = failure(changed_config({"drives.dc.target": "Z"}), folder)
    assert (error.message, error.where) == ("model 'izhikevich' takes no input current", "drives.dc")


def test_errors_name_file_and_line(folder: Path) -> None:
    path = folder / "net.yaml"
    path.write_text(
        BASE.replace("size: 7, parameters: {tau_syn_in_ms: 5.0}", "size: 7, parameters: {tau_m_ms: 0}"),
        encoding="utf-8",
    )
    located = load_located(path)
    with pytest.raises(InputError) as caught:
        compile_network(located.config, located.base_dir, located.locator)
    assert caught.value.where == f"{path}:5: populations.N.parameters"
    assert load_config(path) == located.config


def test_places_without_a_locator_give_the_key_path() -> None:
    error = Places().error("a.b", "wrong", "do it right")
    assert str(error) == "a.b: wrong (do it right)"
    mixed = input_mix(NeuronModelWithPorts(), {"p": 0.5, "q": 0.5}, as_table(1.0), "x", Places())
    assert mixed == ((0, 1.0),)


class NeuronModelWithPorts(NeuronModel):
    name = "two ports, one input"

    def receptor(self, name: str | None) -> Any:
        return type("Row", (), {"channel": 0, "takes": "any", "watched": None})

    receptors = (1, 2)  # type: ignore[assignment]
