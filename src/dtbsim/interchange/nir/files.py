"""Files of NIR 1.0.8: a graph, and the input of a graph, as HDF5 (its `serialization.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError

VERSION = "1.0.8"
_TEXT = h5py.string_dtype("utf-8")


@dataclass(eq=False)
class Node:
    """A node of a graph: its type, and numbers and arrays by name."""

    kind: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Graph:
    """Nodes by name, edges between them, and what else is known (texts, numbers, arrays)."""

    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Events:
    """Input of a graph: `value` arrives at channel `index` at `time_s`; ascending in time.

    int64[n], float64[n], float64[n].
    """

    index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]
    n_channels: int
    end_s: float


def write_graph(path: Path, graph: Graph) -> None:
    """Write a graph as `nir.read` takes it."""
    with h5py.File(path, "w") as file:
        file.create_dataset("version", data=VERSION, dtype=_TEXT)
        root = file.create_group("node")
        root.create_dataset("type", data="NIRGraph", dtype=_TEXT)
        root.create_dataset("edges", data=np.array(graph.edges, dtype=object), dtype=_TEXT)
        for name, node in graph.nodes.items():
            group = root.create_group(f"nodes/{name}")
            group.create_dataset("type", data=node.kind, dtype=_TEXT)
            _write(group, node.values)
        _write(root.create_group("metadata"), graph.metadata)


def _write(group: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, str):
            group.create_dataset(name, data=value, dtype=_TEXT)
        elif isinstance(value, np.ndarray) and value.size:
            group.create_dataset(name, data=value, compression="gzip")
        else:
            group.create_dataset(name, data=value)


def read_graph(path: Path) -> Graph:
    """Read a graph; InputError where the file is none."""
    try:
        with h5py.File(path, "r") as file:
            if "node" not in file or "nodes" not in file["node"] or "edges" not in file["node"]:
                raise InputError("this is no graph of NIR: it has no group /node with nodes", where=str(path))
            root = file["node"]
            nodes = {name: _node(root["nodes"][name], f"{path}: {name}") for name in root["nodes"]}
            edges = [(_text(source), _text(target)) for source, target in root["edges"][()]]
            return Graph(nodes, edges, _values(root["metadata"]) if "metadata" in root else {})
    except (OSError, RuntimeError) as error:
        raise InputError(f"the file cannot be read as HDF5 ({error})", where=str(path)) from None


def _node(group: Any, where: str) -> Node:
    if "type" not in group:
        raise InputError("this node has no type", where=where)
    values = _values(group)
    return Node(str(values.pop("type")), values)


def _values(group: Any) -> dict[str, Any]:
    found = {name: item[()] for name, item in group.items() if isinstance(item, h5py.Dataset)}
    return {name: _text(value) if isinstance(value, bytes) else value for name, value in found.items()}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def write_events(path: Path, node: str, events: Events) -> None:
    """Write the input of a node as `nir.read_data` takes it: ValuedEventData."""
    with h5py.File(path, "w") as file:
        file.attrs["__type__"] = "NIRGraphData"
        inner = file.create_group(f"nodes/{node}")
        inner.attrs["__type__"] = "NIRNodeData"
        group = inner.create_group("observables/spikes")
        group.attrs["__type__"] = "ValuedEventData"
        group.attrs["n_neurons"], group.attrs["t_max"] = events.n_channels, events.end_s
        for name, values in (("idx", events.index), ("time", events.time_s), ("value", events.value)):
            group.create_dataset(name, data=values, chunks=True, maxshape=(None,), compression="gzip")


def read_events(path: Path, node: str) -> Events:
    """Read what `write_events` wrote, or events without values, which count as 1."""
    try:
        with h5py.File(path, "r") as file:
            inner = file.get(f"nodes/{node}/observables")
            if inner is None or not len(inner):
                raise InputError(f"there is no input of the node '{node}'", where=str(path))
            group = inner[next(iter(inner))]
            if "idx" not in group or "time" not in group:
                raise InputError("only events can be read, with `idx` and `time`", where=f"{path}: {node}")
            index, time_s = group["idx"][()].astype(np.int64), group["time"][()].astype(np.float64)
            value = group["value"][()].astype(np.float64) if "value" in group else np.ones(index.size)
            return Events(index, time_s, value, int(group.attrs["n_neurons"]), float(group.attrs["t_max"]))
    except (OSError, RuntimeError) as error:
        raise InputError(f"the file cannot be read as HDF5 ({error})", where=str(path)) from None
