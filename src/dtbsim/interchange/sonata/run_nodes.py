"""Neurons of a run as SONATA nodes: the same ids that `--to sonata` gives the network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.interchange.sonata.nodes import NEURONS
from dtbsim.store.network_table import NetworkTable

_SOURCES = ("spike_source", "poisson_source")
"""Models that have nodes of their own."""


class RunNodes:
    """One SONATA population of all neurons, and one for each source of spikes."""

    def __init__(self, table: NetworkTable) -> None:
        population, shift, skipped = [], [], 0
        for entry in table.populations:
            source = entry["model"] in _SOURCES
            first = next(row["gid0"] for row in table.populations if row["family"] == entry["family"])
            population.append(str(entry["family"]) if source else NEURONS)
            shift.append(int(first) if source else skipped)
            skipped += int(entry["size"]) if source else 0
        self._table = table
        self._population, self._shift = np.array(population), np.array(shift, np.int64)
        self.names = list(dict.fromkeys(population))

    def in_population(self, name: str, gids: NDArray[Any]) -> NDArray[np.bool_]:
        """Of each gid whether it is in a SONATA population."""
        return np.asarray((self._population == name)[self._table.population_of(gids)])

    def ids(self, gids: NDArray[Any]) -> NDArray[np.int64]:
        """The id of each gid within its SONATA population."""
        return np.asarray(gids.astype(np.int64) - self._shift[self._table.population_of(gids)])
