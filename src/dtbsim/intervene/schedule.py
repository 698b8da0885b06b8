"""Changes at given steps: parameters and states of neurons and regions get the values that the configuration lists."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.build.kinds import neuron_values
from dtbsim.intervene.intervention import State
from dtbsim.record.chunk import Chunk
from dtbsim.spec.changes import NeuronChange, WeightChange
from dtbsim.spec.distributions import Table
from dtbsim.spec.network import Network
from dtbsim.spec.region_network import RegionChange


class WeightSchedule:
    """Gives projections other weights at the steps that the network lists."""

    def __init__(self, network: Network) -> None:
        self._changes = network.weight_changes
        self._plastic = {p.index for p in network.projections if p.dynamics is not None and p.dynamics.plastic}
        self._done = 0
        self._now = 0
        self._made: set[int] = set()
        """Projections whose weights have been changed in the step `_now`."""
        self._others: set[int] = set()
        """Those that somebody else has changed at any time: factors multiply what these have become."""

    def begin(self, backend: Backend) -> None:
        """Nothing: what holds from time 0 on is built, and what was changed later is part of the backend's state."""

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Make the changes that hold from the end of the chunk on."""
        self._now, self._made = chunk.stop, set()
        self._until(backend)

    def go_on(self, step: int, backend: Backend) -> None:
        """Where a run goes on at `step`: those before are part of its state; those of this step that are not are made.

        A factor of plastic weights must not be made twice.
        """
        self._done, self._now = sum(change.step < step for change in self._changes), step
        self._until(backend)

    def note(self, projection: int) -> None:
        """Somebody else has changed the weights of a projection in this step."""
        self._made.add(projection)
        self._others.add(projection)

    def _until(self, backend: Backend) -> None:
        due: dict[int, Table] = {}
        before = set(self._made)
        while self._done < len(self._changes) and self._changes[self._done].step <= self._now:
            change = self._changes[self._done]
            self._done += 1
            if change.projection in before:
                continue
            self._made.add(change.projection)
            if change.projection in self._plastic:
                weight = change.weight if change.drawn else None
                backend.set_plastic_weights(change.projection, weight, change.factor)
            else:
                due[change.projection] = self._weight(change, backend)
        if due:
            backend.set_weights(due)

    def _weight(self, change: WeightChange, backend: Backend) -> Table:
        if change.projection not in self._others or not change.factors:
            return change.weight
        weight = backend.weights_set[change.projection]
        for factor in change.factors:
            weight = weight if factor == 1 else weight.map(factor)
        return weight

    def state(self) -> State:
        """Projections whose weights have been changed in the step that was reached."""
        return {"made": np.array(sorted(self._made), np.int64)}

    def restore(self, state: State) -> None:
        """Note them; `go_on` follows."""
        self._made = set(np.asarray(state["made"]).tolist())


class NoiseSeeds:
    """Has noise drawn from the seeds that the network lists; what is drawn depends on step and seed alone."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def begin(self, backend: Backend) -> None:
        """Set the seed of time 0."""
        self.go_on(0, backend)

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Set the seed that holds from the end of the chunk on."""
        self.go_on(chunk.stop, backend)

    def go_on(self, step: int, backend: Backend) -> None:
        """Set the seed that holds from `step` on, where a run goes on there."""
        backend.set_noise_seed(self._network.noise_seed_at(step))
        backend.set_region_noise_seed(self._network.noise_seed_given(step))

    def state(self) -> State:
        """Nothing."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing: `go_on` follows."""


class Schedule:
    """Works off a list of changes, which ascend in their steps, and those of regions."""

    def __init__(self, network: Network, changes: Iterable[NeuronChange]) -> None:
        regions = () if network.regions is None else network.regions.changes
        listed: list[NeuronChange | RegionChange] = [*changes, *regions]
        self._network, self._changes = network, sorted(listed, key=lambda change: change.step)
        self._done = 0

    @property
    def steps(self) -> list[int]:
        """The steps before which something changes, ascending."""
        return sorted({change.step for change in self._changes})

    def begin(self, backend: Backend) -> None:
        """Make the changes of time 0."""
        self._until(0, backend)

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Make those that hold from the end of the chunk on."""
        self._until(chunk.stop, backend)

    def state(self) -> State:
        """Nothing: the values are part of the neurons, and of regions they are those of the list."""
        return {}

    def restore(self, state: State) -> None:
        """Nothing: `go_on` follows."""

    def go_on(self, step: int, backend: Backend) -> None:
        """Where a run goes on at `step`: those before are in its state, those of this step are made, maybe again.

        Parameters and strengths of regions are not in it: they are set as they were changed last.
        """
        self._done = sum(change.step < step for change in self._changes)
        for change in _last(self._changes[: self._done]):
            backend.change_regions(change)
        self._until(step, backend)

    def _until(self, step: int, backend: Backend) -> None:
        while self._done < len(self._changes) and self._changes[self._done].step <= step:
            change = self._changes[self._done]
            assert change.step == step, "chunks end where something changes"
            make_change(self._network, change, backend)
            self._done += 1


def _last(changes: Iterable[NeuronChange | RegionChange]) -> Iterable[RegionChange]:
    """Of changes of regions that set the same, the last; none of states."""
    found: dict[tuple[object, ...], RegionChange] = {}
    for change in changes:
        if isinstance(change, RegionChange) and change.what != "state":
            key = change.what, change.target, change.name, change.chosen.tobytes(), change.members
            found.pop(key, None)
            found[key] = change
    return found.values()


def make_change(network: Network, change: NeuronChange | RegionChange, backend: Backend) -> None:
    """Set what a change says, now."""
    if isinstance(change, RegionChange):
        backend.change_regions(change)
        return

    def values(population: int, indices: NDArray[np.int64]) -> float | NDArray[np.float64]:
        return _values(network, change, population, indices)

    chosen = change.chosen
    if change.is_state:
        backend.set_state(change.family, change.name, chosen, values)
    else:
        backend.change_parameter(change.family, change.name, chosen, values)


def _values(
    network: Network, change: NeuronChange, population: int, indices: NDArray[np.int64]
) -> float | NDArray[np.float64]:
    if change.listed:
        listed = np.asarray(change.value, dtype=np.float64)
        neurons = change.chosen[population]
        return np.asarray(listed[indices if neurons is None else np.searchsorted(neurons, indices)])
    family = network.families[change.family]
    position = int(np.searchsorted(family.populations, population))
    gids = network.populations[population].gid0 + indices
    what = "initial" if change.is_state else "parameters"
    return neuron_values(network, change.family, position, gids, what, {change.name: change.value})[change.name]
