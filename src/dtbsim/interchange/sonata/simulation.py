"""The configuration files of a SONATA network: which circuit, which input, for how long."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dtbsim.errors import InputError
from dtbsim.files import read_text, text_lines
from dtbsim.files.limits import MOST_JSON_BYTES, MOST_TABLE_BYTES
from dtbsim.interchange.sonata.tables import EMPTY

NAMES = (
    "simulation_config_pointnet.json",
    "config.json",
    "simulation_config.json",
    "config.simulation.json",
    "config.circuit.json",
    "circuit_config.json",
)
"""Files that are looked for in a folder, in this order."""
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")
_DEEPEST = 20


@dataclass(frozen=True)
class Sonata:
    """A network with its input: paths are resolved.

    `nodes`, `edges`: pairs of an HDF5 file and its table of types (None: it has none). `directories`: by component.
    """

    file: Path
    nodes: list[tuple[Path, Path | None]]
    edges: list[tuple[Path, Path | None]]
    directories: Mapping[str, Path]
    run: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    reports: Mapping[str, Any] = field(default_factory=dict)
    node_sets: Mapping[str, Any] = field(default_factory=dict)


def find_config(source: Path) -> Path:
    """Return the configuration that a folder holds, or the file itself."""
    if source.is_file():
        return source
    if not source.is_dir():
        raise InputError("there is no such file or folder", where=str(source), remedy="name a folder or a config.json")
    for name in NAMES:
        if (source / name).is_file():
            return source / name
    others = sorted(path.name for path in source.glob("*.json"))
    shown = f"; it has {', '.join(others[:6])}" if others else ""
    raise InputError(
        f"no SONATA configuration is in this folder ({', '.join(NAMES)}){shown}", where=str(source),
        remedy="name the configuration file itself",
    )  # fmt: skip


def read_sonata(source: Path) -> Sonata:
    """Read a simulation configuration with its circuit, a circuit alone, or a file that names both, as BMTK makes."""
    file = find_config(source)
    values = _resolved(file)
    network = _path(values["network"], file) if isinstance(values.get("network"), str) else None
    if isinstance(values.get("simulation"), str):
        file = _path(values["simulation"], file)
        values = {**values, **_resolved(file)}
        if network is None and isinstance(values.get("network"), str):
            network = _path(values["network"], file)
    circuit, circuit_file = values, file
    if network is not None:
        circuit_file = network
        circuit = {**values, **_resolved(circuit_file)}
    networks = circuit.get("networks")
    if not isinstance(networks, dict):
        raise InputError(
            "names no `networks`, as a SONATA circuit does", where=str(circuit_file), remedy="name another"
        )
    sets = circuit.get("node_sets_file") or values.get("node_sets_file")
    return Sonata(
        file=file,
        nodes=_pairs(networks.get("nodes", []), "nodes_file", "node_types_file", circuit_file),
        edges=_pairs(networks.get("edges", []), "edges_file", "edge_types_file", circuit_file),
        directories={
            key: _path(value, circuit_file)
            for key, value in _mapping(circuit.get("components")).items()
            if isinstance(value, str)
        },
        run=_mapping(values.get("run")),
        inputs=_mapping(values.get("inputs")),
        reports=_mapping(values.get("reports")),
        node_sets=_mapping(read_json(_path(sets, circuit_file)) if isinstance(sets, str) else values.get("node_sets")),
    )


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; InputError with its place where it is none."""
    try:
        return json.loads(read_text(path, MOST_JSON_BYTES, "this is no configuration"))
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), remedy="put it there, or correct its name") from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("is no text in UTF-8", where=str(path)) from None
    except json.JSONDecodeError as error:
        raise InputError(f"is no JSON: {error.msg}", where=f"{path}:{error.lineno}", remedy="correct it") from None
    except RecursionError:
        raise InputError("is nested too deeply", where=str(path)) from None


def read_types(path: Path, key: str) -> dict[int, dict[str, Any]]:
    """Return a table of types by id; what is NULL, NaN or empty is left out."""
    try:
        rows = csv.reader(text_lines(path, MOST_TABLE_BYTES, "this is no table of types"), delimiter=" ")
        header = [name for name in next(rows, []) if name]
        if key not in header:
            raise InputError(
                f"the table has no column {key}", where=str(path), remedy="columns are separated by spaces"
            )
        found: dict[int, dict[str, Any]] = {}
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                what = f"{len(row)} values for {len(header)} columns"
                raise InputError(what, where=f"{path}:{rows.line_num}", remedy="quote values with spaces")
            given = dict(zip(header, row, strict=True))
            kept = {name: _cell(text) for name, text in given.items() if text not in ("", EMPTY, "NaN", "nan", "None")}
            if not isinstance(kept.get(key), int):
                raise InputError(f"{key} is '{given[key]}', no whole number", where=f"{path}:{rows.line_num}")
            found[kept[key]] = kept
    except FileNotFoundError:
        raise InputError("there is no such table of types", where=str(path), remedy="put it there") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"is no table of types: {error}", where=str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    return found


def _cell(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _resolved(file: Path) -> dict[str, Any]:
    """A configuration with the variables of its manifest replaced."""
    values = read_json(file)
    if not isinstance(values, dict):
        raise InputError("is no SONATA configuration", where=str(file))
    folder = str(file.resolve().parent)
    variables: dict[str, str] = {"configdir": folder, "workingdir": folder, "configfname": str(file)}
    for name, text in _mapping(values.get("manifest")).items():
        variables[name.strip("${}")] = str(text)

    def replaced(text: str, depth: int = 0) -> str:
        if depth > _DEEPEST:
            raise InputError(f"'{text}' names itself", where=f"{file}: manifest", remedy="correct the variables")

        def one(found: re.Match[str]) -> str:
            if found[1] not in variables:
                known = ", ".join(f"${name}" for name in variables)
                raise InputError(
                    f"there is no variable {found[0]}", where=f"{file}: manifest", remedy=f"known: {known}"
                )
            return replaced(variables[found[1]], depth + 1)

        return _VARIABLE.sub(one, text)

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return replaced(value) if "$" in value else value
        if isinstance(value, list):
            return [walk(item) for item in value]
        return {key: walk(item) for key, item in value.items()} if isinstance(value, dict) else value

    made: dict[str, Any] = walk({key: value for key, value in values.items() if key != "manifest"})
    return made


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _path(text: str, file: Path) -> Path:
    return (file.resolve().parent / text).resolve()


def _pairs(items: Any, data: str, types: str, file: Path) -> list[tuple[Path, Path | None]]:
    found: list[tuple[Path, Path | None]] = []
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict) or not isinstance(item.get(data), str):
            raise InputError(f"an entry of `networks` names no {data}", where=str(file), remedy=f"give it a {data}")
        table = item.get(types)
        path = _path(item[data], file)
        if not path.is_file():
            what = data.removesuffix("_file")
            raise InputError(
                f"the file of {what} is missing", where=str(path), remedy=f"put it there, or correct {file}"
            )
        found.append((path, _path(table, file) if isinstance(table, str) and table not in ("", EMPTY) else None))
    return found
