"""What is converted: neurons, synapses and input of a built network as arrays, in the units of its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.build.drawn_spikes import ListedSpikes
from dtbsim.build.kinds import neuron_values
from dtbsim.errors import InputError, MultipleInputError

if TYPE_CHECKING:
    from dtbsim.build.as_built import BuiltNetwork, BuiltProjection
    from dtbsim.chips.chip import Chip
    from dtbsim.models.base import NeuronModel
    from dtbsim.spec.network import Drive, Network, Projection

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
_STEPS = 100_000
"""Of a current that are looked at together."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Neurons of a population: parameters and initial states float64[n] each, as the user sees them.

    `current` float64[n] is what drives inject all the time, in the unit of the model. `spikes` int64[s, 2] (step,
    neuron): those that a population lists which emits them.
    """

    name: str
    key_path: str
    model: NeuronModel
    gids: I64
    p: dict[str, F64]
    initial: dict[str, F64]
    current: F64
    spikes: I64 | None

    @property
    def size(self) -> int:
        """Number of neurons."""
        return int(self.gids.size)


@dataclass(frozen=True, eq=False)
class Synapses:
    """Synapses of a projection, int64[m] or float64[m] each, in the order of target, source and delay.

    `source` and `target` are indices of `Given.cells`; `port` is the receptor port of the target's model.
    """

    name: str
    key_path: str
    source: int
    target: int
    port: str
    source_gid: I64
    target_gid: I64
    weight: F64
    delay_steps: I64


@dataclass(frozen=True, eq=False)
class Events:
    """Spikes from outside, int64[s] each, ascending in steps: what arrives in `step` at `gid`, each with `weight`."""

    name: str
    key_path: str
    target: int
    port: str
    step: I64
    gid: I64
    weight: F64


@dataclass(frozen=True, eq=False)
class Given:
    """A network to convert, the chip, the core of every neuron (int64[n_neurons], 0 or more), and bits of weights."""

    network: Network
    chip: Chip
    cells: tuple[Cells, ...]
    synapses: tuple[Synapses, ...]
    events: tuple[Events, ...]
    core: I64
    weight_bits: int
    bits_given: bool

    @property
    def dt_ms(self) -> float:
        """The time step."""
        return self.network.dt_ms

    @property
    def items(self) -> list[Synapses | Events]:
        """All synapses and spikes from outside."""
        return [*self.synapses, *self.events]

    def inputs_of(self, cells: int) -> Iterator[Synapses | Events]:
        """Everything that reaches a population."""
        yield from (item for item in self.synapses if item.target == cells)
        yield from (item for item in self.events if item.target == cells)


class Refusals:
    """Collects mistakes, so that the user sees all of them."""

    def __init__(self, chip: str) -> None:
        self._chip, self._found = chip, list[InputError]()

    def add(self, where: str, message: str, remedy: str | None = None) -> None:
        """Note what the chip cannot say."""
        self._found.append(InputError(f"{self._chip}: {message}", where=where, remedy=remedy))

    def limit(self, where: str, what: str, values: Any, low: float, high: float, source: str, unit: str = "") -> None:
        """Note the value that is farthest beyond a limit, if one is."""
        values = np.asarray(values, np.float64)
        if not values.size:
            return
        for worst, beyond in ((float(values.max()), values > high), (float(values.min()), values < low)):
            if beyond.any():
                count = f" ({int(beyond.sum()):,} of {values.size:,})" if values.size > 1 else ""
                self.add(where, f"{what} is {worst:g}{unit}{count}; the chip has {low:g} to {high:g}{unit} ({source})")

    def tell(self) -> None:
        """Raise what was found."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise MultipleInputError(self._found)


def given_of(built: BuiltNetwork, chip: Chip, core: I64, bits: tuple[int, bool], wrong: Refusals) -> Given:
    """Read everything of a network; what no chip can say is noted in `wrong`. `bits` of weights, and if asked for."""
    network = built.network
    _refuse_what_changes(network, wrong)
    current = np.zeros(network.n_neurons)
    events = tuple(_events(network, current, wrong))
    cells = tuple(_cells(network, index, current, wrong) for index in range(len(network.families)))
    synapses = tuple(
        found
        for projection in network.projections
        if (found := _synapses(built.projections[projection.name], projection, wrong)) is not None
    )
    return Given(network, chip, cells, synapses, events, core, *bits)


def _refuse_what_changes(network: Network, wrong: Refusals) -> None:
    if network.regions is not None:
        wrong.add("populations", "mean-field regions have no place on a chip", "map populations of neurons")
    if network.changes or network.weight_changes or network.noise_seeds:
        wrong.add("changes", "what changes during a run cannot be said", "leave it out")
    for request in network.controllers:
        wrong.add(f"controllers.{request.name}", "controllers cannot be said", "tune without the chip, then map")


def _cells(network: Network, index: int, current: F64, wrong: Refusals) -> Cells:
    family = network.families[index]
    model = family.declared
    if model.emits == "poisson":
        wrong.add(
            f"{family.key_path}.model", "a poisson_source is drawn while the network runs",
            "give its spikes as those of a spike_source",
        )  # fmt: skip
    if family.controlled:
        wrong.add(f"{family.key_path}.parameters", f"{', '.join(sorted(family.controlled))} change during the run")
    parts = []
    for position, member in enumerate(family.populations.tolist()):
        population = network.populations[member]
        gids = np.arange(population.gid0, population.gid0 + population.size, dtype=np.int64)
        p, start = (neuron_values(network, index, position, gids, what) for what in ("parameters", "initial"))
        complete = model.complete(p)
        states = {name: model.recorded(name, x, p) for name, x in model.initial_states(p, start).items()}
        parts.append((gids, _wide(complete, gids.size), _wide(states, gids.size)))
    gids = np.concatenate([part[0] for part in parts])
    listed = [
        network.emitted[member] + np.array([0, network.populations[member].gid0 - gids[0]])
        for member in family.populations.tolist()
        if member in network.emitted
    ]
    spikes = None if model.emits != "listed" else np.concatenate([np.zeros((0, 2), np.int64), *listed])
    return Cells(
        family.name, family.key_path, model, gids, _joined([part[1] for part in parts]),
        _joined([part[2] for part in parts]), current[gids], spikes,
    )  # fmt: skip


def _wide(values: dict[str, Any], n: int) -> dict[str, F64]:
    return {name: np.broadcast_to(np.asarray(value, np.float64), n) for name, value in values.items()}


def _joined(parts: list[dict[str, F64]]) -> dict[str, F64]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _synapses(shown: BuiltProjection, projection: Projection, wrong: Refusals) -> Synapses | None:
    where = projection.key_path
    if projection.dynamics is not None:
        kind = projection.dynamics.model.name
        wrong.add(f"{where}.synapse", f"synapses of kind '{kind}' change with activity", "use static synapses")
        return None
    ports = shown.receptors
    if len(ports) != 1 or set(ports.values()) != {1.0}:
        wrong.add(f"{where}.receptor", f"a mix of ports ({', '.join(ports)})", "use a projection for each port")
        return None
    parts = [(p.source_gid, p.target_gid, p.weight, p.delay_steps) for p in shown.synapses()]
    kinds = (np.int64, np.int64, np.float64, np.int64)
    columns = [
        np.concatenate([np.zeros(0, kind), *(np.asarray(part[k], kind) for part in parts)])
        for k, kind in enumerate(kinds)
    ]
    return Synapses(
        projection.name, where, projection.source_family, projection.target_family, next(iter(ports)), *columns
    )


def _events(network: Network, current: F64, wrong: Refusals) -> Iterator[Events]:
    """Spikes of drives, one for each population that they reach; currents are added to `current`."""
    ordered, listed = sorted(network.drives, key=lambda drive: drive.index), ListedSpikes(network)
    for name, group in groupby(ordered, key=lambda drive: drive.name):
        parts = list(group)
        where = parts[0].key_path or f"drives.{name}"
        if parts[0].kind in ("noise", "trains"):
            wrong.add(where, f"a drive of kind '{parts[0].kind}' is drawn while the network runs",
                      "give its input as spike_trains")  # fmt: skip
        elif parts[0].kind == "current":
            _add_current(network, parts, current, where, wrong)
        else:
            by_family = groupby(parts, key=lambda part: network.populations[part.population].family)
            for family, found in by_family:
                yield _joined_events(network, name, where, family, list(found), listed)


def _add_current(network: Network, parts: list[Drive], current: F64, where: str, wrong: Refusals) -> None:
    steps = range(0, network.n_steps, _STEPS)
    for part in parts:
        values = {
            float(value)
            for first in steps
            for value in np.unique(part.waveform(np.arange(first, min(first + _STEPS, network.n_steps)), network.dt_ms))
        }
        if len(values) > 1:
            wrong.add(where, "a current that changes; the bias of the chip is constant", "give its spikes instead")
            return
        current[_reached(network, part)[0]] += values.pop() if values else 0.0


def _joined_events(
    network: Network, name: str, where: str, family: int, parts: list[Drive], listed: ListedSpikes
) -> Events:
    found = [np.zeros((0, 3))]
    for part in parts:
        gids, chosen = _reached(network, part)
        weight = part.weight * network.families[family].channels[part.channel].quantum
        if part.kind == "events":
            events = np.asarray(part.events, np.int64).reshape(-1, 2)
            step, gid = events[:, 0], events[:, 1] + network.populations[part.population].gid0
        else:
            drawn = list(listed.of(part, gids, chosen))
            step, place, count = (np.concatenate([np.zeros(0, np.int64), *(row[k] for row in drawn)]) for k in range(3))
            step, gid = np.repeat(step, count), np.repeat(gids[place], count)
        found.append(np.column_stack([step, gid, np.full(step.size, weight)]))
    table = np.concatenate(found)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return Events(
        name, where, family, _port(network, family, parts[0]), table[:, 0].astype(np.int64),
        table[:, 1].astype(np.int64), table[:, 2],
    )  # fmt: skip


def _port(network: Network, family: int, part: Drive) -> str:
    """The port that a drive feeds; where the ports share a current, the sign of the weight says which it is."""
    item = network.families[family]
    inputs = {index for index, _ in item.channels[part.channel].mix}
    names = [row.name for row in item.model.receptors if row.channel in inputs]
    return names[0] if len(names) == 1 or part.weight >= 0 else names[-1]


def _reached(network: Network, part: Drive) -> tuple[I64, I64]:
    """Gids, and indices in the population."""
    population = network.populations[part.population]
    chosen = np.arange(population.size, dtype=np.int64) if part.neurons is None else part.neurons.astype(np.int64)
    return population.gid0 + chosen, chosen
