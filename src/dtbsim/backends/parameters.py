"""Parameters and states that change during a run: new values for some neurons, as the update kernels take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.memory import Memory
from dtbsim.backends.sampling import Sampler
from dtbsim.build.kinds import neuron_values
from dtbsim.build.lanes import Run
from dtbsim.build.neurons import Group
from dtbsim.build.rank import LaneState
from dtbsim.models import NeuronModel
from dtbsim.spec.network import Network

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Chosen = dict[int, I64 | None]
"""Neurons by the index of their population: indices within it, ascending; None: all of them."""
NewValues = Callable[[int, I64], "float | F64"]
"""Values of the neurons `indices` (of a population, by its index): one for all of them, or float64[n]."""


@dataclass(frozen=True, eq=False)
class _Part:
    """Neighbouring neurons of one population on one lane: where they are in their family's share, and in its group."""

    run: Run
    at: int
    """Of its first neuron within the share."""
    first: int
    """Index of its first neuron within the population."""

    def chosen(self, indices: I64 | None) -> tuple[I64, I64]:
        """(Indices within the population, places within the run) of those of `indices` that are here."""
        if indices is None:
            places = np.arange(self.run.size, dtype=np.int64)
            return places + self.first, places
        low, high = np.searchsorted(indices, [self.first, self.first + self.run.size])
        return indices[low:high], indices[low:high] - self.first


class _Share:
    """The neurons of a family on one lane, n of them, with their parameters: numbers or float64[n]."""

    def __init__(self, network: Network, state: LaneState, family_index: int) -> None:
        family = network.families[family_index]
        first = int(family.populations[0])
        runs = state.lane.runs_of_family(family)
        self.group: Group = state.neurons.group_of[runs[0].kind]
        self.neurons = state.neurons
        self._stretches: dict[int, list[tuple[slice, slice]]] = {}
        starts = np.cumsum([0, *(run.size for run in runs)])
        self.n = int(starts[-1])
        self.parts = [
            _Part(run, int(at), run.gid0 - network.populations[run.population].gid0)
            for run, at in zip(runs, starts, strict=False)
        ]
        self.gids = np.concatenate([np.arange(run.gid0, run.gid0 + run.size, dtype=np.int64) for run in runs])
        self.position = np.repeat([run.population - first for run in runs], [run.size for run in runs]).astype(np.int64)
        given = [
            neuron_values(network, family_index, run.population - first, self.gids[at : at + run.size], "parameters")
            for run, at in zip(runs, starts.tolist(), strict=False)
        ]
        self.parameters = _merged(given, [run.size for run in runs])

    def values(self, model: NeuronModel, name: str) -> F64:
        """A parameter of every neuron."""
        given = self.parameters.get(name, model.parameter(name).default)
        return np.array(np.broadcast_to(given, self.n), dtype=np.float64)

    def stretches(self, offset: int) -> list[tuple[slice, slice]]:
        """(Part of the lane's arena, part of the share), neighbouring runs as one; `offset` is that of the group."""
        if offset not in self._stretches:
            self._stretches[offset] = list(self._find_stretches(offset))
        return self._stretches[offset]

    def _find_stretches(self, offset: int) -> Iterator[tuple[slice, slice]]:
        at = 0
        while at < len(self.parts):
            begin, last = self.parts[at], at
            while last + 1 < len(self.parts) and _follows(self.parts[last].run, self.parts[last + 1].run):
                last += 1
            size = self.parts[last].at + self.parts[last].run.size - begin.at
            first = offset + begin.run.local - self.group.start
            yield slice(first, first + size), slice(begin.at, begin.at + size)
            at = last + 1


def _follows(before: Run, after: Run) -> bool:
    return before.local + before.size == after.local


class NeuronAccess:
    """Reads and sets parameters and states of the neurons of one rank, wherever `memory` has them."""

    def __init__(self, network: Network, lanes: list[LaneState], memory: Memory, sampler: Sampler) -> None:
        self._network, self._lanes, self._memory, self._sampler = network, lanes, memory, sampler
        self._families: dict[int, list[_Share]] = {}
        self.changed: set[tuple[int, str]] = set()
        """Families and their parameters that are not what they were at the beginning."""

    def _shares(self, family_index: int) -> list[_Share]:
        if family_index not in self._families:
            family = self._network.families[family_index]
            lanes = [state for state in self._lanes if state.lane.runs_of_family(family)]
            self._families[family_index] = [_Share(self._network, state, family_index) for state in lanes]
        return self._families[family_index]

    def set_populations(self, family_index: int, parameter: str, values: F64) -> None:
        """Give every neuron the value of its population: float64, one per population of the family."""
        self.changed.add((family_index, parameter))
        for share in self._shares(family_index):
            share.parameters[parameter] = values[share.position]
            self._derive(family_index, share)
        self._sampler.parameters_changed(family_index, lambda name, gids: self._of(family_index, name, gids))

    def set_parameter(self, family_index: int, parameter: str, chosen: Chosen, values: NewValues) -> None:
        """Give chosen neurons new values of a parameter.

        States stay what they are to the user: where they are kept relative to the parameter, they are moved.
        """
        self.changed.add((family_index, parameter))
        model = self._network.families[family_index].model
        moved = [row.name for row in model.states if row.offset == parameter]
        for share in self._shares(family_index):
            before = share.values(model, parameter)
            after = before.copy()
            for part in share.parts:
                indices, places = part.chosen(chosen.get(part.run.population, _NONE))
                if indices.size:
                    after[part.at + places] = values(part.run.population, indices)
            uniform = bool((after == after[0]).all())
            share.parameters[parameter] = float(after[0]) if uniform else after
            self._derive(family_index, share)
            for state in moved:
                self._move(share, state, before - after)
        self._sampler.parameters_changed(family_index, lambda name, gids: self._of(family_index, name, gids))

    def load(self, family_index: int, parameter: str, values: Callable[[I64], F64]) -> None:
        """Give all neurons the values that they had, float64[n] by gids int64[n]; their states are loaded, too."""
        self.changed.add((family_index, parameter))
        for share in self._shares(family_index):
            share.parameters[parameter] = values(share.gids)
            self._derive(family_index, share)
        self._sampler.parameters_changed(family_index, lambda name, gids: self._of(family_index, name, gids))

    def set_state(self, family_index: int, state: str, chosen: Chosen, values: NewValues) -> None:
        """Give chosen neurons new values of a state variable, in the unit that the user sees."""
        model = self._network.families[family_index].model
        row = model.state(state)
        for share in self._shares(family_index):
            arena = share.neurons.f32 if row.dtype == "f32" else share.neurons.i32
            added = share.values(model, row.offset) if row.offset else np.zeros(share.n)
            for part in share.parts:
                indices, places = part.chosen(chosen.get(part.run.population, _NONE))
                if not indices.size:
                    continue
                first = share.group.state_offset[state] + part.run.local - share.group.start
                whole = slice(first, first + part.run.size)
                self._memory.fetch(arena, whole)
                new = np.asarray(values(part.run.population, indices) - added[part.at + places])
                arena[first + places] = new.astype(arena.dtype)
                self._memory.store(arena, whole)

    def get(self, family_index: int, name: str) -> tuple[I64, F64]:
        """(gids int64[n] ascending, values float64[n]) of a parameter or state of this rank's neurons of a family."""
        model = self._network.families[family_index].model
        is_state = all(row.name != name for row in model.parameters)
        gids, found = [np.zeros(0, np.int64)], [np.zeros(0)]
        for share in self._shares(family_index):
            gids.append(share.gids)
            found.append(self._states(share, model, name) if is_state else share.values(model, name))
        every, values = np.concatenate(gids), np.concatenate(found)
        order = np.argsort(every)
        return every[order], values[order]

    def _states(self, share: _Share, model: NeuronModel, name: str) -> F64:
        row = model.state(name)
        arena = share.neurons.f32 if row.dtype == "f32" else share.neurons.i32
        values = np.zeros(share.n)
        for inside, part in share.stretches(share.group.state_offset[name]):
            self._memory.fetch(arena, inside)
            values[part] = arena[inside]
        return values + share.values(model, row.offset) if row.offset else values

    def _of(self, family_index: int, name: str, gids: I64) -> F64:
        """A parameter of some of the rank's neurons."""
        mine, values = self.get(family_index, name)
        return values[np.searchsorted(mine, gids)]

    def _derive(self, family_index: int, share: _Share) -> None:
        """Compute the constants that differ between neurons, or change, as at the start."""
        constants = self._network.families[family_index].model.constants(share.parameters, self._network.dt_ms)
        arena = share.neurons.f32
        for name, offset in share.group.array_offset.items():
            new = np.asarray(constants[name]).astype(np.float32)
            for inside, part in share.stretches(offset):
                arena[inside] = new[part] if new.ndim else new
                self._memory.store(arena, inside)

    def _move(self, share: _Share, state: str, by: F64) -> None:
        if not by.any():
            return
        arena = share.neurons.f32
        for inside, part in share.stretches(share.group.state_offset[state]):
            self._memory.fetch(arena, inside)
            arena[inside] = (arena[inside].astype(np.float64) + by[part]).astype(np.float32)
            self._memory.store(arena, inside)


_NONE = np.zeros(0, np.int64)


def _merged(parts: list[dict[str, float | F64]], sizes: list[int]) -> dict[str, float | F64]:
    """Parameters of all runs together: a number where it is the same everywhere, else one per neuron."""
    result: dict[str, float | F64] = {}
    for name, value in parts[0].items():
        if isinstance(value, float) and all(_is(part[name], value) for part in parts[1:]):
            result[name] = value
        else:
            whole = [np.broadcast_to(part[name], n) for part, n in zip(parts, sizes, strict=True)]
            result[name] = np.concatenate(whole).astype(np.float64)
    return result


def _is(one: float | F64, other: float) -> bool:
    return isinstance(one, float) and one == other
