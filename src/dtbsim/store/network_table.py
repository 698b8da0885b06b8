"""The populations of a run, as network.json lists them: names to gid ranges and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.arguments import texts
from dtbsim.clock import step_at_or_after
from dtbsim.errors import InputError, did_you_mean
from dtbsim.numerics.ranges import range_of
from dtbsim.store.files import RESTORE
from dtbsim.store.spike_reader import GidSelection

PopulationChoice = str | Sequence[str] | None
_FIELDS = ("name", "family", "region", "region_index", "model", "gid0", "size")


class NetworkTable:
    """network.json of a run. Raises InputError when an entry is missing or is not what it must be."""

    def __init__(self, network: dict[str, Any], file: Path) -> None:
        try:
            self.dt_ms = float(network["dt_ms"])
            self.n_steps = int(network["n_steps"])
            self.n_neurons = int(network["n_neurons"])
            self.populations = [{field: entry[field] for field in _FIELDS} for entry in network["populations"]]
            self._first = np.array([entry["gid0"] for entry in self.populations], np.int64)
            sizes = np.array([entry["size"] for entry in self.populations], np.int64)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"network description not as expected: {type(error).__name__} {error}",
                where=str(file),
                remedy=RESTORE,
            ) from error
        ends = np.cumsum(sizes)
        if not (np.array_equal(self._first, ends - sizes) and int(ends[-1] if ends.size else 0) == self.n_neurons):
            raise InputError(
                "populations do not follow one another from gid 0 to n_neurons",
                where=str(file),
                remedy=RESTORE,
            )

    @property
    def names(self) -> list[str]:
        """Names of the populations in the order of their gids."""
        return [str(entry["name"]) for entry in self.populations]

    def named(self, choice: PopulationChoice) -> list[dict[str, Any]]:
        """Return the populations that a name, a family or a list of them means (None: all)."""
        if choice is None:
            return self.populations
        wanted = set(texts(choice, "population", "the name of a population, or a list of them"))
        known = {str(entry[field]) for entry in self.populations for field in ("name", "family")}
        for name in sorted(wanted - known):
            raise InputError(
                f"no population or family {name!r} in this run", where="population", remedy=did_you_mean(name, known)
            )
        return [entry for entry in self.populations if entry["name"] in wanted or entry["family"] in wanted]

    def selection(self, choice: PopulationChoice) -> GidSelection | None:
        """Return the gids of the chosen populations; None for all."""
        if choice is None:
            return None
        return GidSelection([(entry["gid0"], entry["gid0"] + entry["size"]) for entry in self.named(choice)])

    @property
    def first_gids(self) -> NDArray[np.int64]:
        """The gid of the first neuron of every population, int64."""
        return self._first

    def population_of(self, gids: NDArray[Any]) -> NDArray[np.int64]:
        """Return the index of the population of every gid."""
        return range_of(self._first, gids)

    def time_ms(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the time of a spike or a state sample of every step: the end of the step, (step + 1) * dt."""
        return np.asarray((steps + 1) * self.dt_ms, dtype=np.float64)

    def step_at_or_after(self, time_ms: float) -> int:
        """Return the first step that begins at or after `time_ms`.

        Where `time_ms` is a multiple of dt, it is the first step with spikes after `time_ms`.
        """
        return step_at_or_after(time_ms, self.dt_ms)
