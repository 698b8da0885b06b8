"""One lane group of a rank: kernels, histories, slots and samples as arrays, and the tables that point into them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.drive_tables import normal_table
from dtbsim.backends.regions.functions import (
    PRE,
    TERMS,
    before_numbers,
    first_of,
    noise_numbers,
    own_of,
)
from dtbsim.backends.regions.shares import Share
from dtbsim.backends.regions.wiring import total_weights
from dtbsim.kernels import region_blocks as T
from dtbsim.kernels.region_kernel import RegionBlock, region_constants, region_kernel
from dtbsim.kernels.region_variant import NoiseTerm, RegionVariant, Term, region_variant
from dtbsim.spec.region_network import F64, FromSpikes, RegionCoupling, RegionNetwork, RegionPopulation

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
MOST_BLOCK = 64
"""Steps of a block, at most: longer ones save nothing, and take room."""
SPARE = 16
"""Floats that sums may read beyond the end."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """What is kept of one variable of a population: every `interval` steps, or the mean over them."""

    population: int
    variable: str
    interval: int
    mean: bool


@dataclass(eq=False)
class History:
    """What is kept of one sent variable, by one function."""

    population: int
    variable: str
    function: int
    numbers: F32
    values: F32


def lane_values(values: F64, members: tuple[int, ...]) -> F64:
    """float64[1 or lanes, ...]: rows of these members, one where all members have the same."""
    return values if len(values) == 1 else values[list(members)]


class RegionGroup(ABC):
    """Some members of a network, of which it has the nodes of its share; a device fills in how they are stepped."""

    slot_fields: int
    noise_apart = False
    """Whether noise is drawn for each member, also where all members have the same."""

    def __init__(
        self,
        network: RegionNetwork,
        share: Share,
        members: tuple[int, ...],
        dt_ms: float,
        sampled: list[Sampled],
        most_block: int | None = None,
    ) -> None:
        self._network, self._share, self.members, self._dt_ms = network, share, members, dt_ms
        self.lanes = len(members)
        couplings = network.couplings
        outer = [*(one.coupling for one in network.from_spikes), *(one.coupling for one in network.to_spikes)]
        self._wirings = [coupling.wirings[int(coupling.wiring_of[members[0]])] for coupling in couplings]
        used = [wiring for wiring in self._wirings if wiring.weights.size]
        used += [coupling.wirings[0] for coupling in outer if coupling.wirings[0].weights.size]
        self.block = min([most_block or MOST_BLOCK, *(wiring.shortest + 1 for wiring in used)])
        self.back = max([wiring.longest for wiring in used], default=0)
        self.columns = self.back + 1 + self._spare_columns()
        self._set: dict[tuple[int, str], F64] = {}
        """Parameters that were changed, by population and name."""
        self.blocks: list[RegionBlock] = []
        self.sent: list[dict[str, F32]] = []
        """By population: float32[block, local nodes * lanes] of each sent variable."""
        self.everywhere: dict[tuple[int, str], F32] = {}
        """Of variables with a history: float32[block, all nodes * lanes]; that of `sent` where all nodes are here."""
        self._histories: list[History] = []
        self.sampled = sampled
        self.rates = [np.zeros((self.block, one.sizes.size), np.float32) for one in network.from_spikes]
        """Filtered rates of populations of neurons after each step of a block, by `from_spikes`."""
        self.given = [np.zeros((self.block, one.populations.size), np.float32) for one in network.to_spikes]
        """What neurons get in each step of a block, by `to_spikes`."""
        self.sums: list[F32] = []
        self.outputs: list[F32] = []
        self._means: list[F32] = []
        self._make_populations()
        self._make_slots()
        self._fill()

    # -- populations --------------------------------------------------------------------------------------------

    def _sent_of(self, population: RegionPopulation) -> tuple[str, ...]:
        network = self._network
        wanted = [c.variable for c in network.couplings if c.source == population.index]
        wanted += [one.coupling.variable for one in network.to_spikes if one.coupling.source == population.index]
        wanted += [one.variable for one in self.sampled if one.population == population.index]
        return tuple(dict.fromkeys(wanted))

    def variant_of(self, population: RegionPopulation) -> RegionVariant:
        """The kernel's variant of a population."""
        incoming = [c for c in self._network.couplings if c.target == population.index]
        incoming += [c.coupling for c in self._network.from_spikes if c.coupling.target == population.index]
        terms = tuple(Term(c.input, TERMS.get(c.function, "sum"), own_of(c)) for c in incoming)  # type: ignore[arg-type]
        seeds = {self._network.members.seeds[member] for member in self.members}
        same = len(seeds) == 1 and not self.noise_apart
        noise = tuple(NoiseTerm(one.state, one.kind, shared=same) for one in population.noise)
        varying = self._varying(population, terms)
        return region_variant(
            population.model, population.integrator, terms=terms, noise=noise,  # type: ignore[arg-type]
            sent=self._sent_of(population), arrays=varying,
        )  # fmt: skip

    def _varying(self, population: RegionPopulation, terms: tuple[Term, ...]) -> list[str]:
        """Constants that are not the same for all nodes of all members: also of other groups, so that kernels agree."""
        parameters = {name: values.T for name, values in population.parameters.items()}
        noise = noise_numbers(population.noise, None)
        plain = region_variant(
            population.model, population.integrator, terms=terms,  # type: ignore[arg-type]
            noise=tuple(NoiseTerm(one.state, one.kind) for one in population.noise), sent=(), arrays=(),
        )  # fmt: skip
        weights = [np.zeros(1)] * sum(term.kind == "difference" for term in terms)
        constants = region_constants(plain, parameters, self._dt_ms, noise, weights)
        found = [name for name, value in constants.items() if np.ptp(np.asarray(value, np.float64)) != 0]
        found += [name for name in constants if name in population.controlled and name not in found]
        return [*found, *(name for name in constants if name.startswith("_weight_"))]

    def _make_populations(self) -> None:
        network = self._network
        for population in network.populations:
            first, last = self._share.nodes[population.index]
            variant = self.variant_of(population)
            kernel = region_kernel(variant)
            constants = self._constants(population, variant)
            nodes = np.arange(population.first_node + first, population.first_node + last)
            seeds = [network.members.seeds[member] for member in self.members]
            block = RegionBlock(
                kernel, last - first, self.lanes, constants, normal=normal_table(), seed=seeds[0],
                nodes=nodes, seeds=[seed & 0xFFFFFFFF for seed in seeds],
            )  # fmt: skip
            self._begin(population, block, first, last)
            self.blocks.append(block)
            size = (last - first) * self.lanes
            self.sent.append({name: np.zeros((self.block, size), np.float32) for name in variant.sent})

    def set_parameter(self, population: RegionPopulation, name: str, values: F64) -> None:
        """Give all nodes of this rank and members of this group (float64[nodes, lanes]) a new value of a parameter."""
        self._set[population.index, name] = values
        block = self.blocks[population.index]
        block.set_constants(self._constants(population, block.kernel.variant))

    def _constants(self, population: RegionPopulation, variant: RegionVariant) -> dict[str, Any]:
        first, last = self._share.nodes[population.index]

        def part(values: F64) -> F64:
            return lane_values(values, self.members)[:, first:last].T

        parameters = {name: part(values) for name, values in population.parameters.items()}
        parameters |= {name: values for (index, name), values in self._set.items() if index == population.index}
        noise = noise_numbers(population.noise, part)
        weights = []
        for coupling, wiring in zip(self._network.couplings, self._wirings, strict=True):
            if coupling.target == population.index and coupling.function == "difference":
                strength = part(coupling.strength).astype(np.float32)
                weights.append(total_weights(wiring, first, last)[:, None] * strength)
        found = region_constants(variant, parameters, self._dt_ms, noise, weights)
        return {name: v if name in variant.arrays else first_of(v) for name, v in found.items()}

    def _begin(self, population: RegionPopulation, block: RegionBlock, first: int, last: int) -> None:
        """States at the start."""
        model = population.model

        def part(values: F64) -> F64:
            return lane_values(values, self.members)[:, first:last].T

        parameters = {name: part(values) for name, values in population.parameters.items()}
        given = {name: part(values) for name, values in population.initial.items()}
        started = model.initial_states(parameters, given)
        for row in model.states:
            block.state(row.name)[:] = np.asarray(started[row.name], np.float64)

    # -- slots --------------------------------------------------------------------------------------------------

    def _make_slots(self) -> None:
        """Arrays of sums by population, a row of the table for each, histories where they are needed."""
        slots: list[list[int]] = []
        for population in self._network.populations:
            first, last = self._share.nodes[population.index]
            size = (last - first) * self.lanes
            sums = []
            for coupling, wiring in zip(self._network.couplings, self._wirings, strict=True):
                if coupling.target != population.index:
                    continue
                for function in PRE.get(coupling.function, (T.PLAIN,)):
                    out = np.zeros((self.block, size), np.float32)
                    sums.append(out)
                    slots.append(self._slot(coupling, wiring, function, first, last, out))
            for number, one in enumerate(self._network.from_spikes):
                if one.coupling.target == population.index:
                    out = np.zeros((self.block, size), np.float32)
                    sums.append(out)
                    history = self._outer_history(number, one)
                    wiring = one.coupling.wirings[0]
                    slots.append(self._slot_of(history, one.coupling, wiring, one.sizes.size, first, last, out))
            sent = self.sent[population.index]
            self.blocks[population.index].use(sums, list(sent.values()))
            self.sums += sums
        for target, out in zip(self._network.to_spikes, self.given, strict=True):
            coupling = target.coupling
            function = PRE.get(coupling.function, (T.PLAIN,))[0]
            slots.append(self._slot(coupling, coupling.wirings[0], function, 0, target.populations.size, out))
        self._slots = np.array(slots, np.int64).reshape(-1, self.slot_fields)

    def _slot(self, coupling: RegionCoupling, wiring: Any, function: int, first: int, last: int, out: F32) -> list[int]:
        source = self._network.populations[coupling.source]
        history = self._history(source, coupling, function)
        return self._slot_of(history, coupling, wiring, source.n_nodes, first, last, out)

    def _strength(self, coupling: RegionCoupling, first: int, last: int) -> F32:
        """float32[targets, lanes]"""
        strength = lane_values(coupling.strength, self.members)[:, first:last].T
        return np.ascontiguousarray(np.broadcast_to(strength, (last - first, self.lanes)), np.float32)

    def _history(self, source: RegionPopulation, coupling: RegionCoupling, function: int) -> History:
        numbers = before_numbers(coupling, function, self.members)
        for known in self._histories:
            same = (known.population, known.variable, known.function) == (source.index, coupling.variable, function)
            if same and np.array_equal(known.numbers, numbers):
                return known
        values = np.zeros((source.n_nodes + 1) * self.columns * self.lanes + SPARE, np.float32)
        self._histories.append(History(source.index, coupling.variable, function, numbers, values))
        return self._histories[-1]

    def _outer_history(self, number: int, one: FromSpikes) -> History:
        """Of the rates of populations of neurons."""
        function = PRE.get(one.coupling.function, (T.PLAIN,))[0]
        numbers = before_numbers(one.coupling, function, self.members)
        values = np.zeros((one.sizes.size + 1) * self.columns * self.lanes + SPARE, np.float32)
        self._histories.append(History(-1 - number, "rate_hz", function, numbers, values))
        return self._histories[-1]

    def n_sources(self, history: History) -> int:
        """How many nodes a history is of."""
        if history.population < 0:
            return int(self._network.from_spikes[-1 - history.population].sizes.size)
        return self._network.populations[history.population].n_nodes

    # -- what devices do in their own way ---------------------------------------------------------------------------

    def _everywhere(self, history: History) -> F32:
        if history.population < 0:
            return self.rates[-1 - history.population]
        own = self.sent[history.population][history.variable]
        if not self._share.split:
            return own
        key = history.population, history.variable
        if key not in self.everywhere:
            size = self._network.populations[history.population].n_nodes * self.lanes
            self.everywhere[key] = np.zeros((self.block, size), np.float32)
        return self.everywhere[key]

    def history_values(self, history: History) -> F32:
        """float32[nodes + 1, columns, lanes], a view."""
        nodes = self.n_sources(history)
        size = (nodes + 1) * self.columns * self.lanes
        return history.values[:size].reshape(nodes + 1, self.columns, self.lanes)

    @property
    def histories(self) -> list[History]:
        """Histories of sent variables."""
        return self._histories

    @property
    def means(self) -> list[F32]:
        """What has been summed of the means that are not complete, by sample."""
        return self._means

    @abstractmethod
    def _spare_columns(self) -> int:
        """Columns of histories beyond those that can be heard."""

    @abstractmethod
    def _slot_of(
        self, history: History, coupling: RegionCoupling, wiring: Any, n_sources: int, first: int, last: int, out: F32
    ) -> list[int]:
        """The row of a slot in its table."""

    @abstractmethod
    def _fill(self) -> None:
        """Fill the tables, once all arrays are there."""

    @abstractmethod
    def begin_chunk(self, start: int, stop: int) -> None:
        """Give samples room for the steps [start, stop)."""

    @abstractmethod
    def taken(self, sample: int) -> F32:
        """float32[rows, local nodes, lanes] that the chunk has brought of a sample."""

    @abstractmethod
    def kept(self, k: int) -> F32:
        """float32[nodes + 1, back + 1, lanes]: the columns of a history that can be heard, the oldest first."""

    @abstractmethod
    def keep(self, k: int, values: F32) -> None:
        """Let these be the first nodes of `kept`."""

    @abstractmethod
    def go_on_from(self, step: int) -> None:
        """The next step is this one; histories are given after it."""

    # What a device has elsewhere is here when it is asked for; here it always is.

    def fetch_states(self) -> None:  # noqa: B027 - on the CPU everything is here
        """Bring the states of all blocks here."""

    def fetch(self) -> None:  # noqa: B027 - on the CPU everything is here
        """Bring everything here that a state is made of."""

    def store(self) -> None:  # noqa: B027 - on the CPU everything is here
        """Take it where it is stepped."""

    def sent_now(self, population: int, variable: str, steps: int) -> F32:
        """float32[steps, local nodes * lanes]: what was sent in the block that was stepped."""
        return self.sent[population][variable][:steps]

    def tell_everywhere(self, steps: int) -> None:  # noqa: B027 - on the CPU everything is here
        """What all ranks sent in a block is in `everywhere`."""
