"""Spike files of SONATA: /spikes/POPULATION/{timestamps, node_ids}, times in ms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from dtbsim.interchange.sonata.h5 import Column, create

SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
BY_TIME = 2


class SpikeFile:
    """A spike file of one or several populations, each filled in the order of time."""

    def __init__(self, path: Path) -> None:
        self._file = create(path)
        self._columns: dict[str, tuple[Column, Column]] = {}

    def __enter__(self) -> SpikeFile:
        return self

    def __exit__(self, *_: object) -> None:
        for columns in self._columns.values():
            for column in columns:
                column.close()
        self._file.close()

    def population(self, name: str) -> None:
        """Begin a population; one without spikes is there, too."""
        if name in self._columns:
            return
        group = self._file.create_group(f"spikes/{name}")
        group.attrs.create("sorting", BY_TIME, dtype=SORTING)
        times = Column(group, "timestamps", np.float64)
        times.data.attrs["units"] = "milliseconds"
        self._columns[name] = times, Column(group, "node_ids", np.uint64)

    def add(self, name: str, time_ms: NDArray[np.float64], node: NDArray[np.int64]) -> None:
        """Add spikes of a population, no earlier than those before."""
        self.population(name)
        times, nodes = self._columns[name]
        times.append(time_ms)
        nodes.append(node)


def write_spikes(
    path: Path, name: str, parts: Iterable[tuple[NDArray[np.int64], NDArray[np.int64]]], dt_ms: float
) -> int:
    """Write steps (at k dt) and nodes, ascending in steps; return how many there are."""
    n = 0
    with SpikeFile(path) as file:
        file.population(name)
        for steps, nodes in parts:
            file.add(name, np.round(steps * dt_ms, 9), nodes)
            n += steps.size
    return n
