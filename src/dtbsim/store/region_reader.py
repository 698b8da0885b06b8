"""What is stored of mean-field regions, as xarray objects with the coordinates of an ensemble's members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbsim.clock import time_of
from dtbsim.errors import InputError
from dtbsim.store.files import RESTORE
from dtbsim.store.published import rank_stores
from dtbsim.store.series_reader import rows_between
from dtbsim.store.table_reader import TableReader

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.store.run import Run


def region_population(run: Run, entries: Sequence[Any], k: Any) -> dict[str, Any] | None:
    """Return what network.json says of the region population of an entry of record.states; None: it is of neurons."""
    if type(k) is not int or not 0 <= k < len(entries) or not isinstance(entries[k], dict):
        return None  # whoever reads it says what is wrong
    return population_named(run.network, str(entries[k].get("population")))


def population_named(network: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the entry of a region population in network.json, None where there is none of this name."""
    return next((one for one in network.get("region_populations", ()) if one["name"] == name), None)


def member_coordinates(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return coordinates along `member` of an ensemble: its seeds, and what differs by key; {} without an ensemble."""
    members = network.get("members") or {"number": 1, "coordinates": {}}
    if members["number"] == 1 and not members["coordinates"]:
        return {}
    found: dict[str, Any] = {"member": np.arange(members["number"])}
    for key, values in members["coordinates"].items():
        found[key] = ("member", np.array(values))
    if "seed" not in found:
        found["seed"] = ("member", np.array(members["seeds"], np.uint64))
    return found


def read_region_states(
    folder: Path,
    ranks: int,
    network: Mapping[str, Any],
    population: Mapping[str, Any],
    start_ms: float | None = None,
    stop_ms: float | None = None,
) -> xr.Dataset:
    """Return recorded variables of a region population, float32 (time_ms, region), of an ensemble (member, ..).

    time_ms is the end of the step after which a sample was taken; samples are those of start_ms < time_ms <= stop_ms.
    """
    import xarray as xr

    tables = [TableReader(path, "states") for path in rank_stores(folder, ranks)]
    variables = list(tables[0].attribute("variables"))
    samples = min(table.rows for table in tables)
    steps = tables[0].read("step", 0, samples)
    elements = np.concatenate([table.constant("gid") for table in tables])
    dt_ms = float(network["dt_ms"])
    times = np.array([time_of(int(step) + 1, dt_ms) for step in steps])
    first, last = rows_between(times, start_ms, stop_ms)
    values = np.concatenate([table.read("values", first, last) for table in tables], axis=1)
    values = values[:, np.argsort(elements, kind="stable")]
    nodes, members = list(population["nodes"]), int((network.get("members") or {"number": 1})["number"])
    if values.shape[1] != len(nodes) * members:
        raise InputError("the stores hold other regions than network.json", where=str(folder), remedy=RESTORE)
    values = values.reshape(len(values), members, len(nodes), len(variables))
    extra = member_coordinates(network)
    dims: tuple[str, ...] = ("time_ms", "member", "region") if extra else ("time_ms", "region")
    return xr.Dataset(
        {name: (dims, values[..., i] if extra else values[:, 0, :, i]) for i, name in enumerate(variables)},
        coords={"time_ms": times[first:last], "region": nodes, **extra},
        attrs={
            "interval_ms": tables[0].attribute("interval_steps") * dt_ms,
            "population": population["name"],
            "model": population["model"],
        },
    )
