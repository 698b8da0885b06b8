"""The committed reference and JSON Schema are what the vocabulary says now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from config_samples import BASE
from pydantic import BaseModel

from dtbsim.config import json_schema, load_config_text, reference
from dtbsim.config.fields import field_annotation, leaves
from dtbsim.config.run import RunConfig
from dtbsim.config.yaml_text import parse_yaml

DOCS = Path(__file__).parents[2] / "docs"


def all_models(annotation: object = RunConfig) -> Iterator[type[BaseModel]]:
    for leaf in leaves(annotation):
        if leaf.item is not None:
            yield from all_models(leaf.item)
        if leaf.model is not None:
            yield leaf.model
            for field in leaf.model.model_fields.values():
                yield from all_models(field_annotation(field))


MODELS = sorted(set(all_models()), key=lambda model: model.__name__)


def test_reference_is_up_to_date() -> None:
    assert (DOCS / reference.REFERENCE_FILE).read_text(encoding="utf-8") == reference.render_reference(), (
        "run: python -m dtbsim.config.reference"
    )


def test_schema_is_up_to_date() -> None:
    assert (DOCS / reference.SCHEMA_FILE).read_text(encoding="utf-8") == reference.render_schema(), (
        "run: python -m dtbsim.config.reference"
    )


def test_written_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference.main(tmp_path)
    assert (tmp_path / "config_reference.md").read_text(encoding="utf-8") == reference.render_reference()
    assert json.loads((tmp_path / "schema" / "dtbsim-1.schema.json").read_text(encoding="utf-8")) == json_schema()
    assert capsys.readouterr().out.count("\n") == 2


def test_example_loads_and_fits_the_schema() -> None:
    assert load_config_text(reference.EXAMPLE).name == "two_populations"
    jsonschema.validate(parse_yaml(reference.EXAMPLE, "example")[0], json_schema())


def test_schema_is_a_schema() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(parse_yaml(BASE, "base")[0], schema)


def test_titles_are_the_keys() -> None:
    properties = json_schema()["$defs"]["Projection"]["properties"]
    assert all(body.get("title", key) == key for key, body in properties.items())


def test_the_vocabulary_is_found() -> None:
    assert {"Simulation", "PoissonDrive", "TractDelay", "RegionMap", "HomeostaticStage"} <= {m.__name__ for m in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_everything_is_described(model: type[BaseModel]) -> None:
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_in_the_reference(model: type[BaseModel]) -> None:
    text = reference.render_reference()
    section = text[text.index((model.__doc__ or "").strip().splitlines()[0]) :] if model is not RunConfig else text
    for name in model.model_fields:
        assert f"| `{name}` |" in section
