"""Connectomes as GraphML: nodes are regions, edges have weights and lengths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from numpy.typing import NDArray

from dtbsim.atlas.importing.region_table import RegionTable
from dtbsim.errors import InputError
from dtbsim.files import open_regular
from dtbsim.files.limits import MOST_TABLE_BYTES
from dtbsim.files.regular import check_size

MOST_NODES = 20_000
"""Of a dense matrix."""
_NAMES = ("dn_name", "name", "label", "dn_fsname", "dn_label", "region_name", "dn_region_name")
_SIDES = ("dn_hemisphere", "hemisphere", "hemi")
_AXES = {axis: (f"dn_position_{axis}", f"position_{axis}", f"{axis}_mm", axis) for axis in "xyz"}
_WEIGHTS = ("weight", "number_of_fibers", "fiber_count", "streamlines", "count", "value")
_LENGTHS = ("fiber_length_mean", "length", "length_mm", "distance", "fiber_length")

Part = tuple[str, NDArray[np.float64] | RegionTable, dict[int, tuple[str, ...]]]


class _Reader:
    """Collects nodes and edges with their data, by the names of the attributes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.keys: dict[str, str] = {}
        self.nodes: dict[str, dict[str, str]] = {}
        self.edges: list[tuple[str, str, dict[str, str]]] = []
        self.directed = False
        self._item: dict[str, str] | None = None
        self._key: str | None = None
        self._text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._entity

    def _entity(self, *_: Any) -> None:
        raise InputError("declares entities, which are not read", where=str(self._path), remedy="export it again")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "key":
            self.keys[attributes.get("id", "")] = attributes.get("attr.name", attributes.get("id", ""))
        elif tag == "graph":
            self.directed = attributes.get("edgedefault") == "directed"
        elif tag == "node":
            if len(self.nodes) >= MOST_NODES:
                raise InputError(f"has more than {MOST_NODES:,} nodes", where=str(self._path))
            self._item = self.nodes.setdefault(attributes.get("id", ""), {})
        elif tag == "edge":
            self._item = {}
            self.edges.append((attributes.get("source", ""), attributes.get("target", ""), self._item))
        elif tag == "data":
            self._key, self._text = self.keys.get(attributes.get("key", ""), ""), []

    def _characters(self, text: str) -> None:
        if self._key is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "data" and self._key is not None:
            if self._item is not None:
                self._item[self._key] = "".join(self._text).strip()
            self._key = None
        elif tag in ("node", "edge"):
            self._item = None


def read_graphml(path: Path) -> Iterator[Part]:
    """Yield name, value and labels of what a graph holds: its regions, weights and lengths, and other numbers of edges.

    Weights are `[target, source]`; an undirected edge counts in both directions. Edges without the attribute are 0.

    Raises:
        InputError: no GraphML, an edge to a node that is not there, an attribute that is no number.
    """
    reader = _parsed(path)
    index = {node: k for k, node in enumerate(reader.nodes)}
    if not index or not reader.edges:
        raise InputError(f"has {len(index)} nodes and {len(reader.edges)} edges", where=str(path))
    table = _regions(reader, path)
    names = table.names or ()
    yield "regions", table, {}
    attributes = list(dict.fromkeys(key for _, _, data in reader.edges for key in data))
    weight = next((key for key in _WEIGHTS if key in attributes), None)
    length = next((key for key in _LENGTHS if key in attributes), None)
    chosen = {"weights": weight, "lengths": length}
    for role, key in chosen.items():
        if key is not None or role == "weights":
            yield role, _matrix(reader, index, key, path), {len(index): names}
    for key in attributes:
        if key not in chosen.values() and _all_numbers(reader, key):
            yield f"edge {key}", _matrix(reader, index, key, path), {len(index): names}


def _parsed(path: Path) -> _Reader:
    reader = _Reader(path)
    try:
        with open_regular(path) as file:
            check_size(file, MOST_TABLE_BYTES, path, "save the matrix as .npy")
            reader.parser.ParseFile(file)
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path)) from None
    except expat.ExpatError as error:
        text = expat.ErrorString(error.code)
        raise InputError(f"is no GraphML: {text}", where=f"{path}:{error.lineno}", remedy="export it again") from error
    return reader


def _regions(reader: _Reader, path: Path) -> RegionTable:
    nodes = list(reader.nodes.items())
    keys = {key for _, data in nodes for key in data}
    name = next((key for key in _NAMES if key in keys and len({d.get(key) for _, d in nodes}) == len(nodes)), None)
    names = tuple(data[name] if name else node for node, data in nodes)
    axes = [next((key for key in _AXES[axis] if key in keys), None) for axis in "xyz"]
    xyz = None
    if all(axes):
        xyz = np.array([[_number(data.get(str(key)), str(key), path) for key in axes] for _, data in nodes])
    side = next((key for key in _SIDES if key in keys), None)
    sides = None if side is None else tuple(_side(data.get(side, "")) for _, data in nodes)
    return RegionTable(names, xyz, sides, where=str(path))


def _side(text: str) -> str:
    return {"l": "L", "r": "R"}.get(text.lower()[:1], "")


def _number(text: str | None, key: str, path: Path) -> float:
    try:
        return float(text) if text is not None else 0.0
    except ValueError:
        raise InputError(f"{key} is {text!r}; needed a number", where=str(path)) from None


def _all_numbers(reader: _Reader, key: str) -> bool:
    try:
        for _, _, data in reader.edges:
            float(data.get(key, "0"))
    except ValueError:
        return False
    return True


def _matrix(reader: _Reader, index: dict[str, int], key: str | None, path: Path) -> NDArray[np.float64]:
    matrix = np.zeros((len(index), len(index)))
    for source, target, data in reader.edges:
        if source not in index or target not in index:
            missing = source if source not in index else target
            raise InputError(f"an edge leads to node {missing!r}, which is not there", where=str(path))
        value = 1.0 if key is None else _number(data.get(key), key, path)
        matrix[index[target], index[source]] = value
        if not reader.directed:
            matrix[index[source], index[target]] = value
    return matrix
