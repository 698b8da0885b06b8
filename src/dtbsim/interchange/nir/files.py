"""Files of NIR 1.0.8: a graph, and the input of a graph, as HDF5 (its `serialization.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.files.limits import most_array_bytes, size_of

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
            root = file.get("node")
            if not isinstance(root, h5py.Group) or not isinstance(root.get("nodes"), h5py.Group) or "edges" not in root:
                raise InputError("this is no graph of NIR: it has no group /node with nodes", where=str(path))
            nodes = {name: _node(root["nodes"][name], path, name) for name in root["nodes"]}
            pairs = _read(root["edges"], path)
            if np.ndim(pairs) != 2 or np.shape(pairs)[1] != 2:
                raise InputError("its edges are no pairs of names", where=f"{path}: edges")
            edges = [(_text(source), _text(target)) for source, target in pairs]
            metadata = root.get("metadata")
            return Graph(nodes, edges, _values(metadata, path) if isinstance(metadata, h5py.Group) else {})
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read as HDF5 ({error})", where=str(path)) from None


def _node(group: Any, path: Path, name: str) -> Node:
    if not isinstance(group, h5py.Group) or "type" not in group:
        raise InputError("this node has no type", where=f"{path}: {name}")
    values = _values(group, path)
    return Node(str(values.pop("type")), values)


def _values(group: Any, path: Path) -> dict[str, Any]:
    found = {name: _read(item, path) for name, item in group.items() if isinstance(item, h5py.Dataset)}
    return {name: _text(value) if isinstance(value, bytes) else value for name, value in found.items()}


def _read(item: Any, path: Path) -> Any:
    """A whole dataset; InputError where it is none, or claims more than a file of this size can hold."""
    where = f"{path}: {item.name}"
    if not isinstance(item, h5py.Dataset) or item.is_virtual or item.external or item.dtype.kind not in "biufSOU":
        raise InputError("this is no plain dataset of numbers or text", where=where)
    if item.size is not None and item.size * item.dtype.itemsize > most_array_bytes(path.stat().st_size):
        said = f"this has {item.size:,} entries, more than a file of {size_of(path.stat().st_size)} holds"
        raise InputError(said, where=where, remedy="damaged: copy or export it again")
    return item[()]


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
            if not isinstance(inner, h5py.Group) or not len(inner):
                raise InputError(f"there is no input of the node '{node}'", where=str(path))
            group = inner[next(iter(inner))]
            if (
                not isinstance(group, h5py.Group)
                or not {"idx", "time"} <= set(group)
                or not {"n_neurons", "t_max"} <= set(group.attrs)
            ):
                raise InputError("only events can be read, with `idx` and `time`", where=f"{path}: {node}")
            columns = {name: np.asarray(_read(group[name], path)) for name in ("idx", "time", "value") if name in group}
            columns.setdefault("value", np.ones(columns["idx"].shape))
            _check_columns(columns, f"{path}: {node}")
            index, time_s, value = (columns[name] for name in ("idx", "time", "value"))
            ends = int(group.attrs["n_neurons"]), float(group.attrs["t_max"])
            return Events(index.astype(np.int64), time_s.astype(np.float64), value.astype(np.float64), *ends)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read as HDF5 ({error})", where=str(path)) from None


def _check_columns(columns: dict[str, NDArray[Any]], where: str) -> None:
    shapes = {values.shape for values in columns.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise InputError("idx, time and value are no lists of one length", where=where)
    if any(values.dtype.kind not in "biuf" or not np.isfinite(values).all() for values in columns.values()):
        raise InputError("idx, time and value must be finite numbers", where=where)
