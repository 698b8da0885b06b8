"""SONATA edges as lists of synapses between populations, a piece at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError, did_you_mean
from dtbsim.interchange.sonata.cells import Cell, Placed
from dtbsim.interchange.sonata.columns import ColumnFiles
from dtbsim.interchange.sonata.nodes_read import dataset, numbers, opened, population_of
from dtbsim.interchange.sonata.simulation import read_json, read_types
from dtbsim.interchange.sonata.weight_functions import WEIGHT_FUNCTIONS
from dtbsim.numerics.fixed_point import lowest_bit

ROWS = 1 << 19
STATIC = ("static_synapse", "nest:static_synapse", "default", "")
_DTYPES = {"source": np.int32, "target": np.int32, "weight": np.float64, "delay_ms": np.float64}


@dataclass(eq=False)
class Bundle:
    """Synapses of one edge population between two cells at one port: they become a projection."""

    edges: str
    source: Cell
    target: Cell
    receptor: str | None
    files: ColumnFiles
    finest: float = np.inf
    largest: float = 0.0
    delays: set[float] = field(default_factory=set)
    weights: set[float] = field(default_factory=set)
    """At most two of each: whether there are several."""

    def add(self, source: NDArray[Any], target: NDArray[Any], weight: NDArray[Any], delay: NDArray[Any]) -> None:
        """Add synapses."""
        self.files.append({"source": source, "target": target, "weight": weight, "delay_ms": delay})
        sizes = np.abs(weight)
        self.finest = min(self.finest, lowest_bit(sizes))
        self.largest = max(self.largest, float(sizes.max()))
        for known, values in ((self.delays, delay), (self.weights, weight)):
            if len(known) < 2:
                known.update({float(values.min()), float(values.max())})


@dataclass(frozen=True, eq=False)
class Types:
    """Types of edges by id, with the parameters of the synapse model."""

    rows: Mapping[int, Mapping[str, Any]]
    receptors: Mapping[int, int | None]
    where: str

    def values(self, name: str, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Numbers that types have under a name, NaN where they have none."""
        found = np.full(ids.size, np.nan)
        for type_id, row in self.rows.items():
            value = row.get(name)
            if isinstance(value, int | float):
                found[ids == type_id] = float(value)
        return found


def read_edges(
    path: Path,
    table: Path | None,
    directory: Path | None,
    places: Mapping[str, Placed],
    cells: list[Cell],
    folder: Path,
) -> list[Bundle]:
    """Read all edge populations of a file; the columns of what becomes projections lie in `folder`.

    Raises InputError for nodes that do not exist, synapse models that change with activity, unknown weight functions,
    and edges without weight or delay.
    """
    rows = {} if table is None else read_types(table, "edge_type_id")
    types = Types(rows, {key: _receptor(row, directory, table) for key, row in rows.items()}, str(table or path))
    bundles: dict[Any, Bundle] = {}
    with opened(path) as file:
        for name, population in population_of(file, "edges", path).items():
            reader = _Reader(name, path, population, types, places, cells)
            for key, source, target, weight, delay in reader.pieces():
                if key not in bundles:
                    _, receptor, from_cell, to_cell = key
                    files = ColumnFiles(Path(tempfile.mkdtemp(dir=folder)), _DTYPES)
                    bundles[key] = Bundle(name, cells[from_cell], cells[to_cell], receptor, files)
                bundles[key].add(source, target, weight, delay)
    return list(bundles.values())


def _receptor(row: Mapping[str, Any], directory: Path | None, table: Path | None) -> int | None:
    """Number of the port that edges of a type go to."""
    where = f"{table}: edge_type_id {row.get('edge_type_id')}"
    template = str(row.get("model_template") or "")
    if template not in STATIC:
        raise InputError(
            f"synapses of the model '{template}' are not read", where=where,
            remedy="use static_synapse, and give plasticity in the configuration (docs/synapses.md)",
        )  # fmt: skip
    name = row.get("dynamics_params")
    if name is None or directory is None:
        return None
    values = read_json(directory / str(name))
    number = values.get("receptor_type") if isinstance(values, dict) else None
    if number is not None and (not isinstance(number, int) or number < 0):
        raise InputError(f"receptor_type is {number!r}", where=str(directory / str(name)), remedy="number ports from 1")
    return number or None


class _Reader:
    """One edge population."""

    def __init__(
        self, name: str, path: Path, population: Any, types: Types, places: Mapping[str, Placed], cells: list[Cell]
    ) -> None:
        self._name, self._path, self._types, self._cells = name, path, types, cells
        self._where = f"{path}: {name}"
        self._ids = {end: dataset(population, f"{end}_node_id", path, kinds="iu") for end in ("source", "target")}
        self._ends = {end: self._end(end, places) for end in ("source", "target")}
        self._type = dataset(population, "edge_type_id", path, kinds="iu")
        self._group = population.get("edge_group_id")
        self._row = population.get("edge_group_index")
        self._population, self.n = population, self._type.shape[0]
        for end, data in self._ids.items():
            if data.shape[0] != self.n:
                what = f"{end}_node_id has {data.shape[0]:,} entries, edge_type_id {self.n:,}"
                raise InputError(what, where=self._where, remedy="damaged: copy or export it again")

    def _end(self, end: str, places: Mapping[str, Placed]) -> Placed:
        given = self._ids[end].attrs.get("node_population", self._ids[end].attrs.get("network"))
        name = given.decode() if isinstance(given, bytes) else str(given)
        if name not in places:
            raise InputError(
                f"{end} nodes are of population '{name}', which the circuit does not have", where=self._where,
                remedy=did_you_mean(name, list(places)),
            )  # fmt: skip
        return places[name]

    def pieces(self) -> Iterator[tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Yield (edge population, port, source cell, target cell), sources, targets, weights, delays in ms."""
        source, target = self._ends["source"], self._ends["target"]
        for low in range(0, self.n, ROWS):
            high = min(low + ROWS, self.n)
            at = {
                end: self._ends[end].nodes.places(numbers(data, low, high).astype(np.int64), self._where)
                for end, data in self._ids.items()
            }
            type_id = numbers(self._type, low, high).astype(np.int64)
            known = np.isin(type_id, list(self._types.rows)) if self._types.rows else np.ones(type_id.size, bool)
            if not known.all():
                raise InputError(f"edge_type_id {type_id[~known][0]} is not in the table", where=self._types.where)
            values = _Values(self, low, high, type_id, at)
            weight, delay = values.weights(), values.delays()
            from_cell, to_cell = source.cell[at["source"]], target.cell[at["target"]]
            for key, mine in self._keys(from_cell, to_cell, type_id, weight):
                yield key, source.index[at["source"][mine]], target.index[at["target"][mine]], weight[mine], delay[mine]

    def _keys(
        self, source: NDArray[Any], target: NDArray[Any], type_id: NDArray[Any], weight: NDArray[Any]
    ) -> Iterator[tuple[Any, NDArray[np.int64]]]:
        """Edges by source, target and port."""
        ids, which = np.unique(type_id, return_inverse=True)
        code = ((source.astype(np.int64) * len(self._cells) + target) * ids.size + which) * 2 + (weight < 0)
        order = np.argsort(code, kind="stable")
        for mine in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
            if not mine.size:
                continue
            first = mine[0]
            cell = self._cells[int(target[first])]
            port = self._port(cell, self._types.receptors.get(int(type_id[first])), bool(weight[first] < 0))
            yield (self._name, port, int(source[first]), int(target[first])), mine

    def _port(self, cell: Cell, number: int | None, negative: bool) -> str | None:
        if cell.model is None:
            raise InputError(f"edges go to virtual nodes ({cell.name})", where=self._where, remedy="leave them out")
        assert cell.entry is not None
        if cell.entry.ports == "one":
            return None
        if cell.entry.ports == "number":
            names = list(cell.ports)
            if number is None or number > len(names):
                raise InputError(
                    f"edges onto '{cell.name}' go to receptor_type {number}; it has ports 1 to {len(names)}",
                    where=self._types.where, remedy="give receptor_type in the dynamics_params of the edge type",
                )  # fmt: skip
            return names[number - 1]
        return "in" if negative else "ex"

    def column(self, name: str, low: int, high: int) -> NDArray[np.float64]:
        """Values of an attribute of the edges themselves, NaN where they have none."""
        found = np.full(high - low, np.nan)
        group = np.zeros(high - low, np.int64) if self._group is None else numbers(self._group, low, high)
        row = np.arange(low, high) if self._row is None else numbers(self._row, low, high).astype(np.int64)
        for number in np.unique(group).tolist():
            where = self._population.get(str(number))
            if not isinstance(where, h5py.Group) or name not in where:
                continue
            data, mine = dataset(where, name, self._path), group == number
            first, stop = int(row[mine].min()), int(row[mine].max()) + 1
            if first < 0 or stop > data.shape[0]:
                what = f"{name} of group {number} has {data.shape[0]:,} entries, edge_group_index goes to {stop - 1:,}"
                raise InputError(what, where=self._where, remedy="damaged: copy or export it again")
            if stop - first <= 4 * (high - low):
                found[mine] = numbers(data, first, stop)[row[mine] - first]
            else:
                ordered, back = np.unique(row[mine], return_inverse=True)
                found[mine] = np.asarray(data[ordered])[back]
        return found

    @property
    def ends(self) -> Mapping[str, Placed]:
        """Nodes of both ends."""
        return self._ends

    @property
    def where(self) -> str:
        """For messages."""
        return self._where


class _Values:
    """Weights and delays of a piece of the edges."""

    def __init__(
        self, reader: _Reader, low: int, high: int, type_id: NDArray[np.int64], at: Mapping[str, NDArray[np.int64]]
    ) -> None:
        self._reader, self._low, self._high, self._type_id, self._at = reader, low, high, type_id, at
        self._types = reader._types

    def _get(self, name: str, default: float | None = None) -> NDArray[np.float64]:
        """An attribute of the edges, else of their types; InputError where it is nowhere."""
        values = self._reader.column(name, self._low, self._high)
        if np.isnan(values).any():
            values = np.where(np.isnan(values), self._types.values(name, self._type_id), values)
        if default is not None:
            values = np.where(np.isnan(values), default, values)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise InputError(
                f"edge {self._low + int(bad[0])} has no {name}", where=self._reader.where,
                remedy=f"give {name} to the edges or to their types",
            )  # fmt: skip
        return values

    def delays(self) -> NDArray[np.float64]:
        """In ms."""
        return self._get("delay")

    def weights(self) -> NDArray[np.float64]:
        """As the weight function of the type says; without one, syn_weight times nsyns."""
        found = np.empty(self._type_id.size)
        for type_id in np.unique(self._type_id).tolist():
            mine = self._type_id == type_id
            name = self._types.rows.get(type_id, {}).get("weight_function")
            if name is not None and name not in WEIGHT_FUNCTIONS:
                raise InputError(
                    f"the weight function '{name}' is not known",
                    where=f"{self._types.where}: edge_type_id {type_id}",
                    remedy=f"{did_you_mean(str(name), list(WEIGHT_FUNCTIONS))}; or give the weights as syn_weight",
                )
            function = WEIGHT_FUNCTIONS[name or "default_weight_fnc"]
            found[mine] = function(
                lambda key, mine=mine: self._get(key, 1.0 if key == "nsyns" else None)[mine],
                lambda key, mine=mine: self._node("source", key, mine),
                lambda key, mine=mine: self._node("target", key, mine),
            )
        return found

    def _node(self, end: str, name: str, mine: NDArray[np.bool_]) -> NDArray[np.float64]:
        nodes = self._reader.ends[end].nodes
        values = nodes.attribute(name, self._at[end][mine])
        if values is None:
            raise InputError(
                f"nodes have no {name}, which the weight function needs", where=f"{nodes.path}: {nodes.name}"
            )
        return np.asarray(values, np.float64)
