"""A configuration file with other numbers: its text stays as it is, comments included, but for these."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dtbsim.config import RunConfig
from dtbsim.config.dump import dump_config
from dtbsim.config.yaml_write import to_yaml
from dtbsim.files import read_bytes
from dtbsim.files.limits import MOST_CONFIG_BYTES
from dtbsim.paths import user_path
from dtbsim.run_folder.inputs import find_inputs

_CODE = ".py:"


def tuned_text(source: Any, config: RunConfig, changes: Mapping[str, Any], base_dir: Path, folder: Path) -> str:
    """The text of `source` with `changes`, {key: value}, for a file in `folder`; of objects it is written anew.

    `config` is the changed configuration; relative paths in it start from `base_dir`, and from `folder` in the text.
    """
    moved = dict(_moved(config, base_dir, folder))
    if not isinstance(source, str | os.PathLike):
        return changed_text(dump_config(config), moved)
    text = read_bytes(Path(source), MOST_CONFIG_BYTES, "put spikes and matrices into files of their own").decode()
    return changed_text(text, {**changes, **moved})


def _moved(config: RunConfig, base_dir: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield key and text of each file that a configuration names relative to its own folder."""
    for given in find_inputs(config, base_dir):
        if not given.bundled and not Path(given.given).is_absolute():
            yield ".".join(given.key), os.path.relpath(given.path, folder.absolute())
    for name, population in config.populations.items():
        if isinstance(population.model, str) and _CODE in population.model:
            yield f"populations.{name}.model", _moved_code(population.model, base_dir, folder)
    for name, projection in config.projections.items():
        model = getattr(projection.synapse, "model", None)
        if isinstance(model, str) and _CODE in model:
            yield f"projections.{name}.synapse.model", _moved_code(model, base_dir, folder)


def _moved_code(model: str, base_dir: Path, folder: Path) -> str:
    file, _, name = model.rpartition(":")
    path = user_path(file)
    where = str(path) if path.is_absolute() else os.path.relpath((base_dir / path).absolute(), folder.absolute())
    return f"{where}:{name}"


def changed_text(text: str, changes: Mapping[str, Any]) -> str:
    """The YAML text with other values at key paths, dots between keys.

    Where a scalar stands, it alone is replaced; what is not in the text yet is added to it.
    """
    places = _scalars(text)
    inside = {key: value for key, value in changes.items() if key in places and not isinstance(value, dict | list)}
    for key, value in sorted(inside.items(), key=lambda item: -places[item[0]][0]):
        start, stop = places[key]
        text = text[:start] + _scalar(value) + text[stop:]
    return _added(text, {key: value for key, value in changes.items() if key not in inside})


def _scalars(text: str) -> dict[str, tuple[int, int]]:
    """Where the scalars of a YAML text stand: first and last index by key path."""
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

    found: dict[str, tuple[int, int]] = {}

    def walk(node: Node, path: tuple[str, ...]) -> None:
        if isinstance(node, MappingNode):
            for key, value in node.value:
                walk(value, (*path, str(key.value)))
        elif isinstance(node, SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*path, str(index)))
        elif isinstance(node, ScalarNode) and node.anchor is None and node.style not in ("|", ">"):
            found[".".join(path)] = node.start_mark.index, node.end_mark.index

    root = YAML(typ="rt", pure=True).compose(text)
    if root is not None:
        walk(root, ())
    return {key: place for key, place in found.items() if place[0] < place[1]}


def _scalar(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return to_yaml([value]).removeprefix("- ").rstrip("\n")


def _added(text: str, changes: Mapping[str, Any]) -> str:
    if not changes:
        return text
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 2**20
    data = yaml.load(text)
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = data
        for part in parents:
            index: Any = int(part) if isinstance(place, list) else part
            if isinstance(place, dict) and place.get(index) is None:
                place[index] = {}
            place = place[index]
        place[int(last) if isinstance(place, list) else last] = value
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()
