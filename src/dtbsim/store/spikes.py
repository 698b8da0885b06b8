"""Spikes as people ask for them: times in ms and neurons by their index within their population."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.record.spike_order import Gids, Steps

if TYPE_CHECKING:
    import pandas as pd

    from dtbsim.store.network_table import NetworkTable


class Spikes:
    """Spikes of one or more populations, sorted by time, then neuron.

        time_ms, neuron = run.spikes("E")     # of a single population
        spikes = run.spikes()                 # of all
        spikes.time_ms, spikes.neuron, spikes.population

    Attributes:
        time_ms: float64[n], the end of the step in which the neuron fired.
        neuron: int64[n], index of the neuron within its population, from 0.
        population: int64[n], index of its population in `populations`.
        populations: names of all populations of the run, in the order of their gids; of one in regions NAME@REGION.
        chosen: names of the populations that were asked for, of which some may be silent.
        step: int64[n]; a spike of step k is at (k + 1) dt.
        gid: uint32[n], number of the neuron among all neurons of the network.
    """

    def __init__(self, step: Steps, gid: Gids, network: NetworkTable, chosen: Sequence[str]) -> None:
        self.step = step
        self.gid = gid
        self.chosen = tuple(chosen)
        self._network = network

    @cached_property
    def time_ms(self) -> NDArray[np.float64]:
        """Times in ms, float64[n]."""
        return self._network.time_ms(self.step)

    @cached_property
    def neuron(self) -> NDArray[np.int64]:
        """Indices of the neurons within their populations, int64[n]."""
        return self.gid.astype(np.int64) - self._network.first_gids[self.population]

    @cached_property
    def population(self) -> NDArray[np.int64]:
        """Indices of their populations in `populations`, int64[n]."""
        return self._network.population_of(self.gid).astype(np.int64)

    @property
    def populations(self) -> tuple[str, ...]:
        """Names of all populations of the run."""
        return tuple(self._network.names)

    def __len__(self) -> int:
        return len(self.step)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Yield time_ms and neuron; InputError for several populations, whose neurons are each numbered from 0."""
        if len(self.chosen) > 1:
            first, second = self.chosen[:2]
            more = f" and {len(self.chosen) - 2} more" if len(self.chosen) > 2 else ""
            raise InputError(
                f"these are spikes of {first}, {second}{more}, whose neurons are each numbered from 0",
                remedy=f"choose one, as spikes({first!r}), or use the attributes time_ms, neuron, population, gid",
            )
        return iter((self.time_ms, self.neuron))

    def to_pandas(self) -> pd.DataFrame:
        """Return a table: time_ms, neuron, population (categorical), step, gid."""
        import pandas as pd

        names = pd.Categorical.from_codes(self.population, categories=list(self.populations))
        columns = {"time_ms": self.time_ms, "neuron": self.neuron, "population": names}
        return pd.DataFrame(columns | {"step": self.step, "gid": self.gid})

    def __repr__(self) -> str:
        named = ", ".join(self.chosen[:3]) + (f", ... ({len(self.chosen)} populations)" if len(self.chosen) > 3 else "")
        span = f" from {self.time_ms[0]:g} to {self.time_ms[-1]:g} ms" if len(self) else ""
        return f"<{len(self):,} spikes of {named}{span}>"
