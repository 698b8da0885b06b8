"""What a run recorded on a regular grid of time, as tables of samples and columns that are read in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.interchange.results.grid import Grid, decimal
from dtbsim.interchange.results.names import unit_of
from dtbsim.store import Run
from dtbsim.store.files import RESTORE
from dtbsim.store.network_table import NetworkTable
from dtbsim.store.published import rank_stores
from dtbsim.store.region_reader import population_named
from dtbsim.store.table_reader import TableReader

_BLOCK_BYTES = 1 << 25
"""Of values that are in memory at once."""


@dataclass(frozen=True, eq=False)
class Columns:
    """What the columns of a series are: names, and where they are such, neurons and members of an ensemble."""

    names: list[str]
    regions: list[str] | None = None
    """Of each column the region, "" for none; None: the columns are none of regions."""
    populations: list[str] | None = None
    gids: NDArray[np.int64] | None = None
    members: NDArray[np.int64] | None = None

    @property
    def labels(self) -> list[str]:
        """Names that tell all columns apart, those of members of an ensemble, too."""
        if self.members is None:
            return self.names
        return [f"member{m}:{name}" for m, name in zip(self.members.tolist(), self.names, strict=True)]


@dataclass(frozen=True, eq=False)
class Series:
    """Samples k = 0, 1, ..., rows - 1 of columns; sample k is at time k of the grid."""

    name: str
    kind: str
    """`states`, `rates`, `bold` or the kind of an entry of `signals`."""
    unit: str
    about: str
    grid: Grid
    rows: int
    columns: Columns
    dtype: np.dtype[Any]
    read: Callable[[int, int], NDArray[Any]] = field(repr=False)
    """Rows start to stop, [rows, columns]."""
    bin: bool = False
    """Whether a sample stands for the interval that begins at its time."""

    def blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the first row and the values of blocks, of which one is in memory at a time."""
        at_once = max(1, _BLOCK_BYTES // max(1, len(self.columns.names) * self.dtype.itemsize))
        for start in range(0, self.rows, at_once):
            yield start, self.read(start, min(self.rows, start + at_once))

    def values(self) -> NDArray[Any]:
        """All of it."""
        return self.read(0, self.rows)

    def between(self, start_ms: float | None, stop_ms: float | None) -> Series:
        """Those samples of start_ms < t <= stop_ms; of bins those that lie in it."""
        after = self.grid.after
        first, last = 0, self.rows
        if start_ms is not None:
            first = after(start_ms)
            if self.bin and first > 0 and self.grid.ms([first - 1])[0] >= start_ms:
                first -= 1
        if stop_ms is not None:
            last = after(stop_ms) - (1 if self.bin else 0)
        first = min(max(first, 0), self.rows)
        last = min(max(last, first), self.rows)
        if (first, last) == (0, self.rows):
            return self
        read = self.read
        return replace(
            self, grid=self.grid.from_row(first), rows=last - first, read=lambda a, b: read(a + first, b + first)
        )

    def of_member(self, member: int) -> Series:
        """The columns of one member of an ensemble; of a series without members all."""
        if self.columns.members is None:
            return self
        chosen = np.flatnonzero(self.columns.members == member)
        regions, read = self.columns.regions, self.read
        columns = Columns(
            [self.columns.names[k] for k in chosen.tolist()],
            None if regions is None else [regions[k] for k in chosen.tolist()],
        )
        return replace(self, columns=columns, read=lambda a, b: read(a, b)[:, chosen])


def rates(path: Path, table: NetworkTable) -> Series:
    """Rates of populations, Hz; a sample stands for the bin that begins at its time."""
    reader = TableReader(path, "rates")
    bin_ms, names = float(reader.attribute("bin_ms")), [str(name) for name in reader.attribute("populations")]
    divisor = np.asarray(reader.attribute("sizes"), np.float64) * (bin_ms * 1e-3)
    region = {str(entry["name"]): str(entry["region"] or "") for entry in table.populations}
    return Series(
        "rates", "rates", "Hz", "Mean rates of populations; a sample is that of the bin that begins at its time.",
        Grid(decimal(float(reader.attribute("start_ms"))), decimal(bin_ms)), reader.rows,
        Columns(names, [region.get(name, "") for name in names], names), np.dtype(np.float64),
        lambda start, stop: reader.read("count", start, stop) / divisor, bin=True,
    )  # fmt: skip


def bold(path: Path, members: int) -> Series:
    """BOLD of regions, as fractions of the resting signal."""
    reader = TableReader(path, "bold")
    regions = [str(name) for name in reader.attribute("regions")]
    grid = Grid(decimal(float(reader.attribute("first_ms"))), decimal(float(reader.attribute("tr_ms"))))
    about = "BOLD signal of regions (Balloon-Windkessel model), as a fraction of the signal at rest."
    columns = _of_members(regions, regions, members)
    return Series("bold", "bold", "1", about, grid, reader.rows, columns, np.dtype(np.float64), _read(reader, "bold"))


def signal(path: Path, name: str, members: int, regions: set[str]) -> Series:
    """An entry of `signals` that is stored as samples; its channels may be regions."""
    reader = TableReader(path, "signal")
    channels = [str(channel) for channel in reader.attribute("channels")]
    grid = Grid(decimal(float(reader.attribute("first_ms"))), decimal(float(reader.attribute("interval_ms"))))
    kind, unit = str(reader.attribute("signal")), str(reader.attribute("unit")) or "1"
    about = f"Simulated signal '{name}' of kind {kind}, in {unit}."
    columns = _of_members(channels, channels if set(channels) <= regions else None, members)
    return Series(name, kind, unit, about, grid, reader.rows, columns, np.dtype(np.float64), _read(reader, "value"))


def states(run: Run, k: int, members: int) -> list[Series]:
    """The variables of an entry of record.states, a series each."""
    folder, table = run.stored_entry(k, "states"), run.network_table
    readers = [TableReader(path, "states") for path in rank_stores(folder, run.ranks)]
    variables = [str(name) for name in readers[0].attribute("variables")]
    rows, interval = min(reader.rows for reader in readers), int(readers[0].attribute("interval_steps"))
    first = _first_step(readers, rows, interval, variables)
    gids = np.concatenate([reader.constant("gid") for reader in readers]).astype(np.int64)
    order = np.argsort(gids, kind="stable")
    if np.array_equal(order, np.arange(order.size)):
        order = np.empty(0, np.int64)
    dt = decimal(table.dt_ms)
    grid = Grid((first + 1) * dt, interval * dt)
    population = population_named(run.network, str(_entry(run, k).get("population")))
    if population is not None:
        nodes = [str(node) for node in population["nodes"]]
        if gids.size != len(nodes) * max(1, members):
            raise InputError("the stores hold other regions than network.json", where=str(folder), remedy=RESTORE)
        columns, owner, model = _of_members(nodes, nodes, members), str(population["name"]), str(population["model"])
    else:
        columns = _of_neurons(table, np.sort(gids))
        owner, model = ", ".join(dict.fromkeys(columns.populations or ())), _model_of(table, columns)
    return [
        Series(
            f"states_{k}_{variable}", "states", unit_of(variable, model),
            f"State variable {variable} of {owner or 'no neuron'} (model {model}), at the ends of time steps.",
            grid, rows, columns, np.dtype(np.float32), _read_state(readers, v, order),
        )
        for v, variable in enumerate(variables)
    ]  # fmt: skip


def _entry(run: Run, k: int) -> dict[str, Any]:
    entry = run.config["record"]["states"][k]
    return entry if isinstance(entry, dict) else {}


def _first_step(readers: list[TableReader], rows: int, interval: int, variables: list[str]) -> int:
    """The step after which the first sample was taken; InputError where ranks differ, or samples have gaps."""
    first = int(readers[0].read("step", 0, 1)[0]) if rows else interval - 1
    for reader in readers:
        same = reader.attribute("variables") == variables
        steps = reader.read("step", 0, rows)
        if not same or (rows and not np.array_equal(steps, first + interval * np.arange(rows))):
            raise InputError("variables or steps are not those of rank 0", where=str(reader.path), remedy=RESTORE)
    return first


def _read(reader: TableReader, column: str) -> Callable[[int, int], NDArray[Any]]:
    return lambda start, stop: reader.read(column, start, stop)


def _read_state(
    readers: list[TableReader], variable: int, order: NDArray[np.int64]
) -> Callable[[int, int], NDArray[Any]]:
    def read(start: int, stop: int) -> NDArray[Any]:
        parts = [reader.read("values", start, stop)[:, :, variable] for reader in readers]
        values = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        return values[:, order] if order.size else values

    return read


def _of_members(names: list[str], regions: list[str] | None, members: int) -> Columns:
    """Member after member, each with all names; of one run without numbers of members."""
    if members == 0:
        return Columns(names, regions)
    numbers = np.repeat(np.arange(members), len(names))
    return Columns(names * members, None if regions is None else regions * members, members=numbers)


def _of_neurons(table: NetworkTable, gids: NDArray[np.int64]) -> Columns:
    member = table.population_of(gids) if gids.size else np.empty(0, np.int64)
    entries = [table.populations[k] for k in member.tolist()]
    names = [f"{entry['name']}:{gid - entry['gid0']}" for entry, gid in zip(entries, gids.tolist(), strict=True)]
    regions = [str(entry["region"] or "") for entry in entries]
    return Columns(names, regions, [str(entry["name"]) for entry in entries], gids)


def _model_of(table: NetworkTable, columns: Columns) -> str:
    chosen = set(columns.populations or ())
    return ", ".join(dict.fromkeys(str(e["model"]) for e in table.populations if e["name"] in chosen))
