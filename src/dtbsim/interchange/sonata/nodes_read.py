"""SONATA nodes as they are read: populations, their types, and attributes of groups."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.files.limits import most_array_bytes, size_of
from dtbsim.files.regular import check_regular
from dtbsim.interchange.sonata.simulation import read_types

I64 = NDArray[np.int64]
_DAMAGED = "damaged, or no SONATA file: copy or export it again"
MOST_NODES = 2**31


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An HDF5 file for reading; whatever goes wrong in it is an InputError with its name."""
    check_regular(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except MemoryError:
        raise InputError("takes more memory than there is", where=str(path)) from None
    except FileNotFoundError:
        raise InputError("there is no such file", where=str(path), remedy="put it there") from None
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError, OverflowError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"cannot be read: {reason}", where=str(path), remedy=_DAMAGED) from error


def dataset(group: Any, name: str, path: Path, *, kinds: str = "biuf") -> Any:
    """Return a plain one-dimensional dataset; InputError where it is missing, or something else."""
    found = group.get(name)
    where = f"{path}: {group.name.rstrip('/')}/{name}"
    if found is None:
        raise InputError("this dataset is missing", where=where, remedy=_DAMAGED)
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external or found.ndim != 1:
        raise InputError("this is no plain list of numbers", where=where, remedy=_DAMAGED)
    most = most_array_bytes(path.stat().st_size)
    if found.shape[0] * found.dtype.itemsize > most:
        said = f"this has {found.shape[0]:,} entries, more than a file of {size_of(path.stat().st_size)} holds"
        raise InputError(said, where=where, remedy=_DAMAGED)
    if found.dtype.kind not in kinds and h5py.check_string_dtype(found.dtype) is None:
        raise InputError(f"this holds {found.dtype}", where=where, remedy=_DAMAGED)
    return found


def numbers(data: Any, low: int = 0, high: int | None = None) -> NDArray[Any]:
    """Values of a dataset, or of a part of it."""
    return np.asarray(data[low : data.shape[0] if high is None else high])


def population_of(root: Any, kind: str, path: Path) -> dict[str, Any]:
    """The groups in `/nodes` or `/edges` of a file, by name."""
    found = root.get(kind)
    if not isinstance(found, h5py.Group) or not len(found):
        raise InputError(f"this file has no group /{kind}, as SONATA has it", where=str(path), remedy=_DAMAGED)
    return {name: item for name, item in found.items() if isinstance(item, h5py.Group)}


@dataclass(frozen=True, eq=False)
class Nodes:
    """A population of nodes: ids as they are in the file, types, and the group and row that hold the attributes.

    `types` are rows of the table by id; `groups`: attributes of every group, those in `dynamics_params` too.
    """

    name: str
    path: Path
    ids: I64
    type_id: I64
    group: I64
    row: I64
    types: Mapping[int, Mapping[str, Any]]
    groups: Mapping[int, Mapping[str, NDArray[Any]]]

    def places(self, ids: NDArray[Any], where: str) -> I64:
        """Positions of nodes by their ids; InputError for one that does not exist."""
        if self._counted:
            bad = np.flatnonzero((ids < 0) | (ids >= self.ids.size))
            places = np.asarray(ids, np.int64)
        else:
            places = np.minimum(np.searchsorted(self.ids, ids), max(self.ids.size - 1, 0)).astype(np.int64)
            bad = np.flatnonzero(self.ids[places] != ids) if self.ids.size else np.arange(len(ids))
        if bad.size:
            raise InputError(
                f"node {int(ids[bad[0]])} does not exist; population '{self.name}' has {self.ids.size:,} nodes",
                where=where, remedy=f"edges or spikes are of another {self.path.name}",
            )  # fmt: skip
        return places

    @cached_property
    def _counted(self) -> bool:
        return bool(self.ids.size == 0 or (self.ids[0] == 0 and self.ids[-1] == self.ids.size - 1))

    def attribute(self, name: str, chosen: I64, default: Any = None) -> NDArray[Any] | None:
        """Values of an attribute of nodes (positions): of their group, else of their type; None where one has none."""
        values = np.full(chosen.size, np.nan)
        for number, columns in self.groups.items():
            mine = self.group[chosen] == number
            if name in columns and mine.any():
                values[mine] = columns[name][self.row[chosen[mine]]]
        for type_id, row in self.types.items():
            mine = np.isnan(values) & (self.type_id[chosen] == type_id)
            if isinstance(row.get(name), int | float):
                values[mine] = float(row[name])
        if default is not None:
            values[np.isnan(values)] = default
        return None if np.isnan(values).any() else values


def read_nodes(path: Path, table: Path | None) -> Iterator[Nodes]:
    """Yield the populations of a file of nodes."""
    types = {} if table is None else read_types(table, "node_type_id")
    with opened(path) as file:
        for name, population in population_of(file, "nodes", path).items():
            yield _nodes(name, path, population, types)


def _nodes(name: str, path: Path, population: Any, types: Mapping[int, Mapping[str, Any]]) -> Nodes:
    type_id = dataset(population, "node_type_id", path, kinds="iu")
    n = type_id.shape[0]
    if n > MOST_NODES:
        raise InputError(f"population '{name}' has {n:,} nodes; at most {MOST_NODES:,} are read", where=str(path))
    columns = {"node_id": np.arange(n), "node_group_id": np.zeros(n, np.int64), "node_group_index": np.arange(n)}
    for column in columns:
        if column in population:
            columns[column] = numbers(dataset(population, column, path, kinds="iu")).astype(np.int64)
            if columns[column].size != n:
                what = f"{column} has {columns[column].size:,} entries, node_type_id {n:,}"
                raise InputError(what, where=f"{path}: {population.name}", remedy=_DAMAGED)
    ids = columns["node_id"]
    wrong = np.flatnonzero(np.diff(ids) <= 0)
    if wrong.size or (n and ids[0] < 0):
        at = int(wrong[0]) + 1 if wrong.size else 0
        raise InputError(
            f"node_id {ids[at]} follows {ids[at - 1] if at else 'nothing'} at place {at}", where=f"{path}: {name}",
            remedy="ids of nodes must ascend from 0 on; sort the nodes",
        )  # fmt: skip
    type_ids = numbers(type_id).astype(np.int64)
    missing = sorted(set(np.unique(type_ids).tolist()) - set(types)) if types else []
    if missing:
        raise InputError(f"node_type_id {missing[0]} is not in the table of types", where=f"{path}: {name}")
    groups = {}
    for number in np.unique(columns["node_group_id"]).tolist():
        rows = columns["node_group_index"][columns["node_group_id"] == number]
        groups[number] = _attributes(population, str(number), path, int(rows.max()) + 1)
        if rows.min() < 0:
            raise InputError("node_group_index has numbers below 0", where=f"{path}: {name}", remedy=_DAMAGED)
    return Nodes(name, path, ids, type_ids, columns["node_group_id"], columns["node_group_index"], types, groups)


def _attributes(population: Any, number: str, path: Path, n: int) -> dict[str, NDArray[Any]]:
    """Numbers of a group of attributes by name; those in dynamics_params are called dynamics_params/NAME."""
    group = population.get(number)
    found: dict[str, NDArray[Any]] = {}
    if not isinstance(group, h5py.Group):
        return found
    inner = group.get("dynamics_params")
    pairs = [("", group)] + ([("dynamics_params/", inner)] if isinstance(inner, h5py.Group) else [])
    for prefix, where in pairs:
        for name, item in where.items():
            if not isinstance(item, h5py.Dataset) or item.ndim != 1 or item.dtype.kind not in "biuf":
                continue  # texts, and what readers may add
            data = dataset(where, name, path)
            if data.shape[0] < n:
                what = f"{name} has {data.shape[0]:,} entries; {n:,} nodes are in the group"
                raise InputError(what, where=f"{path}: {where.name}", remedy=_DAMAGED)
            found[prefix + name] = numbers(data).astype(np.float64)
    return found
