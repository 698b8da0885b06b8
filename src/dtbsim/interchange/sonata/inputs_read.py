"""Input of a SONATA simulation: spikes of virtual nodes and current clamps; and what its reports record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import time_of
from dtbsim.errors import InputError, did_you_mean
from dtbsim.interchange.base import Loss
from dtbsim.interchange.sonata.cells import Cell, Placed, nest_names
from dtbsim.interchange.sonata.nodes_read import Nodes, dataset, numbers, opened
from dtbsim.interchange.sonata.simulation import Sonata

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
ROWS = 1 << 20
REPORTS = ("multimeter_report", "membrane_report")
_OLD = ("gids", "node_ids")


def spike_inputs(sonata: Sonata) -> Iterator[tuple[str, Path]]:
    """Yield name and file of the spikes that are given."""
    for name, item in sonata.inputs.items():
        if not isinstance(item, dict) or item.get("input_type") != "spikes" or item.get("enabled") is False:
            continue
        given = item.get("input_file") or item.get("spike_file")
        where = f"{sonata.file}: inputs.{name}"
        if not isinstance(given, str):
            raise InputError("names no input_file", where=where)
        if not given.endswith((".h5", ".hdf5")):
            raise InputError(f"'{given}' is no SONATA spike file", where=where, remedy="spikes are read from .h5")
        yield name, (sonata.file.resolve().parent / given).resolve()


def read_spikes(path: Path, virtual: Mapping[str, Placed]) -> Iterator[tuple[Placed, F64, I64]]:
    """Yield where they belong, times in ms, and positions of nodes of a spike file, in pieces.

    In the older form (/spikes/gids) the file names no population; it is then that of the only virtual one.
    """
    with opened(path) as file:
        root = file.get("spikes")
        if not isinstance(root, h5py.Group):
            raise InputError("this file has no group /spikes", where=str(path), remedy="give a SONATA spike file")
        if "timestamps" in root:
            if len(virtual) != 1:
                raise InputError("these spikes name no population", where=str(path), remedy="write them as SONATA 0.1")
            found = {next(iter(virtual)): root}
        else:
            found = {name: item for name, item in root.items() if isinstance(item, h5py.Group)}
        for name, group in found.items():
            if name in virtual:
                yield from _pieces(path, group, virtual[name])


def _pieces(path: Path, group: Any, place: Placed) -> Iterator[tuple[Placed, F64, I64]]:
    times = dataset(group, "timestamps", path, kinds="iuf")
    ids = dataset(group, next((name for name in _OLD if name in group), "node_ids"), path, kinds="iu")
    if times.shape[0] != ids.shape[0]:
        what = f"{times.shape[0]:,} timestamps, {ids.shape[0]:,} node_ids"
        raise InputError(what, where=f"{path}: {group.name}", remedy="damaged: copy or export it again")
    units = times.attrs.get("units", "milliseconds")
    scale = 1e3 if str(units.decode() if isinstance(units, bytes) else units) in ("s", "seconds") else 1.0
    for low in range(0, times.shape[0], ROWS):
        high = min(low + ROWS, times.shape[0])
        time_ms = numbers(times, low, high).astype(np.float64) * scale
        if not np.isfinite(time_ms).all():
            raise InputError("a time is no number", where=f"{path}: {group.name}/timestamps")
        yield place, time_ms, place.nodes.places(numbers(ids, low, high).astype(np.int64), f"{path}: {group.name}")


def on_grid(time_ms: F64, dt_ms: float) -> F64:
    """Times as NEST takes them: (k - 1) dt < t <= k dt counts as k dt."""
    return np.asarray(np.round(np.ceil(time_ms / dt_ms - 1e-6) * dt_ms, 9), np.float64)


def clamps(sonata: Sonata, places: Mapping[str, Placed], cells: list[Cell], dt_ms: float) -> Iterator[tuple[str, Any]]:
    """Yield name and drive of every current clamp, one for each population it reaches.

    NEST's current reaches its targets one step after its time; BMTK leaves out what begins at one step or before.
    """
    for name, item in sonata.inputs.items():
        if not isinstance(item, dict) or item.get("input_type") not in ("current_clamp", "current"):
            continue
        where = f"{sonata.file}: inputs.{name}"
        if any(key not in item for key in ("amp", "delay", "duration")):
            raise InputError(
                "a clamp needs amp, delay and duration", where=where, remedy="give them as numbers or lists of them"
            )
        times, amplitudes = _steps(item, where, dt_ms)
        if not times:
            continue
        for cell, neurons in chosen(item.get("node_set", "all"), sonata, places, cells, where):
            drive = {
                "kind": "step_current", "target": cell.name, "times_ms": times, "amplitudes": amplitudes,
            }  # fmt: skip
            if neurons is not None:
                drive["neurons"] = neurons
            yield name, drive


def _steps(item: Mapping[str, Any], where: str, dt_ms: float) -> tuple[list[float], list[float]]:
    lists = [value if isinstance(value, list) else [value] for value in (item[k] for k in ("amp", "delay", "duration"))]
    if len({len(values) for values in lists}) != 1 or not all(
        isinstance(x, int | float) for values in lists for x in values
    ):
        raise InputError("amp, delay and duration must be numbers, or as many each", where=where)
    times: list[float] = []
    amplitudes: list[float] = []
    for k, (amp, delay, duration) in enumerate(zip(*lists, strict=True)):
        if delay <= dt_ms:
            continue
        _add(times, amplitudes, delay, amp, dt_ms)
        following = lists[1][k + 1] if k + 1 < len(lists[1]) else np.inf
        if delay + duration <= following:
            _add(times, amplitudes, delay + duration, 0.0, dt_ms)
    return times, amplitudes


def _add(times: list[float], amplitudes: list[float], time_ms: float, value: float, dt_ms: float) -> None:
    step = round(time_ms / dt_ms) + 1
    at = time_of(step, dt_ms)
    if times and times[-1] >= at:
        times.pop()
        amplitudes.pop()
    times.append(at)
    amplitudes.append(float(value))


def chosen(
    node_set: Any, sonata: Sonata, places: Mapping[str, Placed], cells: list[Cell], where: str
) -> Iterator[tuple[Cell, list[int] | None]]:
    """Yield the cells that a node set has, with the neurons of them by index (None: all)."""
    wanted = _nodes_of(node_set, sonata, places, where)
    for number, cell in enumerate(cells):
        if cell.model is None:
            continue
        place = places[cell.nodes.name]
        mine = wanted.get(cell.nodes.name, np.zeros(0, np.int64))
        neurons = np.sort(place.index[mine[place.cell[mine] == number]])
        if neurons.size:
            yield cell, None if neurons.size == cell.size else neurons.tolist()


def _nodes_of(
    node_set: Any, sonata: Sonata, places: Mapping[str, Placed], where: str, depth: int = 0
) -> dict[str, I64]:
    """Positions of the nodes of a set, by population; attributes must all agree, a list of sets is all of them."""
    if depth > 20:
        raise InputError("a node set names itself", where=where)
    if isinstance(node_set, str) and node_set in sonata.node_sets:
        return _nodes_of(sonata.node_sets[node_set], sonata, places, where, depth + 1)
    if isinstance(node_set, str) and node_set in places:
        return {node_set: np.arange(places[node_set].nodes.ids.size)}
    if node_set in ("all", None):
        return {name: np.arange(place.nodes.ids.size) for name, place in places.items()}
    if isinstance(node_set, str):
        known = [*sonata.node_sets, *places]
        raise InputError(f"there is no node set '{node_set}'", where=where, remedy=did_you_mean(node_set, known))
    if isinstance(node_set, list) and node_set and not isinstance(node_set[0], str):
        node_set = {"node_id": node_set}
    if isinstance(node_set, list):
        parts = [_nodes_of(item, sonata, places, where, depth + 1) for item in node_set]
        names = {name for part in parts for name in part}
        return {n: np.unique(np.concatenate([part[n] for part in parts if n in part])) for n in names}
    if not isinstance(node_set, dict):
        raise InputError(f"'{node_set}' is no node set", where=where)
    return {name: np.flatnonzero(_agree(place.nodes, name, node_set, where)) for name, place in places.items()}


def _agree(nodes: Nodes, name: str, wanted: Mapping[str, Any], where: str) -> NDArray[np.bool_]:
    found = np.ones(nodes.ids.size, bool)
    for key, value in wanted.items():
        values = value if isinstance(value, list) else [value]
        if key == "population":
            found &= name in values
        elif key in ("node_id", "node_ids"):
            found &= np.isin(nodes.ids, values)
        elif key == "node_type_id":
            found &= np.isin(nodes.type_id, values)
        else:
            found &= _has(nodes, "pop_name" if key == "population_name" else key, values)
    return found


def _has(nodes: Nodes, key: str, values: list[Any]) -> NDArray[np.bool_]:
    types = [type_id for type_id, row in nodes.types.items() if row.get(key) in values]
    found = np.isin(nodes.type_id, types)
    for number, columns in nodes.groups.items():
        if key in columns:
            mine = nodes.group == number
            found[mine] |= np.isin(columns[key][nodes.row[mine]], [v for v in values if isinstance(v, int | float)])
    return found


def reports(
    sonata: Sonata, places: Mapping[str, Placed], cells: list[Cell], dt_ms: float, losses: list[Loss]
) -> list[dict[str, Any]]:
    """Return record.states for the reports of multimeters; others are lost."""
    found: list[dict[str, Any]] = []
    for name, item in sonata.reports.items():
        where = f"{sonata.file}: reports.{name}"
        if not isinstance(item, dict) or item.get("module", item.get("type")) not in REPORTS:
            losses.append(Loss(f"the report '{name}'", where, "nothing"))
            continue
        given = item.get("variable_name", [])
        for cell, neurons in chosen(item.get("cells", "all"), sonata, places, cells, where):
            assert cell.model is not None
            known = nest_names(cell.model)
            variables = [known[x] for x in (given if isinstance(given, list) else [given]) if x in known]
            if not variables:
                losses.append(Loss(f"the report '{name}' of '{cell.name}'", where, "nothing: it has no such state"))
                continue
            entry: dict[str, Any] = {"population": cell.name, "variables": variables}
            entry["neurons"] = cell.size if neurons is None else neurons
            interval = item.get("interval", item.get("dt"))
            if isinstance(interval, int | float) and interval > dt_ms:
                entry["interval_ms"] = float(interval)
            found.append(entry)
    return found
