"""One lane group of a rank: kernels, histories, slots and samples as arrays, and the tables that point into them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.drive_tables import normal_table
from dtbsim.backends.regions.constants import GroupConstants, changed
from dtbsim.backends.regions.drives import GroupDrives
from dtbsim.backends.regions.functions import PRE, before_numbers, function_numbers
from dtbsim.backends.regions.in_place import History, InPlace
from dtbsim.backends.regions.shares import Share
from dtbsim.backends.regions.wiring import grouped, is_uniform, rows_of, transposed
from dtbsim.kernels import region_blocks as T
from dtbsim.kernels.region_coupling import ROWS, WIDTH
from dtbsim.kernels.region_kernel import RegionBlock, region_kernel
from dtbsim.spec.region_network import F64, FromSpikes, RegionChange, RegionCoupling, RegionNetwork, RegionPopulation

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


class LaneGroup(InPlace):
    """Steps some members of a network, of which it has the nodes of its share."""

    slot_fields = T.SLOT_FIELDS

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
        self._held: list[Any] = []
        self._dense: list[F32] = []
        """Weights of all pairs."""
        self.constants = GroupConstants(network, share, members, dt_ms, self._wirings)
        self._strengths: dict[str, list[tuple[F32, int, int]]] = {}
        """By coupling: what its slots take of targets [first, last)."""
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
        self.table = np.zeros(T.GROUP_FIELDS, np.int64)
        self._make_populations()
        self.drives = self._make_drives()
        self._make_slots()
        self.drives.set(network.drives)
        self._fill()

    def _make_drives(self) -> GroupDrives:
        return GroupDrives(self._network, self._share, self.members, self._dt_ms, self.blocks)

    # -- populations --------------------------------------------------------------------------------------------

    def _sent_of(self, population: RegionPopulation) -> tuple[str, ...]:
        network = self._network
        wanted = [c.variable for c in network.couplings if c.source == population.index]
        wanted += [one.coupling.variable for one in network.to_spikes if one.coupling.source == population.index]
        wanted += [one.variable for one in self.sampled if one.population == population.index]
        return tuple(dict.fromkeys(wanted))

    def _make_populations(self) -> None:
        network = self._network
        for population in network.populations:
            first, last = self._share.nodes[population.index]
            variant = self.constants.variant_of(population, self._sent_of(population))
            kernel = region_kernel(variant)
            constants = self.constants.of(population, variant)
            nodes = np.arange(population.first_node + first, population.first_node + last)
            seeds = [network.members.seeds[member] for member in self.members]
            block = RegionBlock(
                kernel, last - first, self.lanes, constants, normal=normal_table(), seed=seeds[0],
                nodes=nodes, seeds=[seed & 0xFFFFFFFF for seed in seeds],
            )  # fmt: skip
            self._begin(population, block)
            self.blocks.append(block)
            size = (last - first) * self.lanes
            self.sent.append({name: np.zeros((self.block, size), np.float32) for name in variant.sent})

    def set_parameter(self, population: RegionPopulation, name: str, values: F64) -> None:
        """Give all nodes of this rank and members of this group (float64[nodes, lanes]) a new value of a parameter."""
        self.constants.set_parameter(population, name, values)
        self._renew(population)

    def _renew(self, population: RegionPopulation) -> None:
        block = self.blocks[population.index]
        block.set_constants(self.constants.of(population, block.kernel.variant))

    def change(self, change: RegionChange) -> None:
        """Make a change of a parameter, a state or a strength."""
        if change.what == "strength":
            self._set_strength(change)
            return
        population = self._network.populations[int(change.target)]
        nodes = self._share.nodes[population.index]
        if change.what == "parameter":
            now = self.constants.parameter(population, change.name)
            self.set_parameter(population, change.name, changed(change, now, self.members, nodes))
            return
        state = self.blocks[population.index].state(change.name)
        state[:] = changed(change, state, self.members, nodes)
        for history in self._histories:  # what others see of it next
            if (history.population, history.variable) == (population.index, change.name):
                newest = self.history_values(history)[: population.n_nodes, int(self.table[T.POSITION])]
                every = np.zeros((population.n_nodes, self.lanes), np.float32)
                marks = np.zeros((population.n_nodes, self.lanes), np.float32)
                every = changed(change, every, self.members, (0, population.n_nodes))
                ones = replace(change, values=np.ones((1, 1)))
                reached = changed(ones, marks, self.members, (0, population.n_nodes)) > 0
                newest[reached] = self._before(history, every)[reached]

    def _set_strength(self, change: RegionChange) -> None:
        coupling = next(one for one in self._network.every_coupling if one.name == change.target)
        now = self.constants.strength(coupling)
        new = changed(change, now, self.members, (0, len(now)))
        self.constants.set_strength(coupling, new)
        for array, first, last in self._strengths[coupling.name]:
            array[:] = new[first:last]
        if coupling.function == "difference" and coupling.target >= 0:
            self._renew(self._network.populations[coupling.target])

    def set_noise_seed(self, seed: int | None) -> None:
        """Draw noise from this seed on; None: from that of each member."""
        seeds = [self._network.members.seeds[member] if seed is None else seed for member in self.members]
        for block in self.blocks:
            block.set_seeds(seeds)
        self.drives.forget_drawn()

    def _begin(self, population: RegionPopulation, block: RegionBlock) -> None:
        """States at the start."""
        model = population.model

        def part(values: F64) -> F64:
            return self.constants.part(population.index, values)

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
            driven, stimulus = self.drives.place(population.index, self.block)
            sums += driven
            sent = self.sent[population.index]
            self.blocks[population.index].use(sums, list(sent.values()), stimulus)
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

    def _slot_of(
        self, history: History, coupling: RegionCoupling, wiring: Any, n_sources: int, first: int, last: int, out: F32
    ) -> list[int]:
        row = [0] * T.SLOT_FIELDS
        row[T.S_HISTORY], row[T.S_SOURCES] = history.values.ctypes.data, n_sources
        uniform = is_uniform(wiring, n_sources)
        if uniform and self.lanes % WIDTH == 0:
            weights = self._weights_of(grouped, wiring, first, last, n_sources)
            row[T.S_NOW], row[T.S_DELAY], row[T.S_WIDTH] = T.ALL_SOURCES, wiring.shortest, len(weights) * ROWS
            row[T.S_WEIGHTS] = weights.ctypes.data
            raw = np.zeros(self.block * len(weights) * ROWS * self.lanes, np.float32)
        elif uniform and self.lanes == 1 and self.block < 8:
            weights = self._weights_of(transposed, wiring, first, last, n_sources)
            row[T.S_NOW], row[T.S_DELAY], row[T.S_WIDTH] = T.ONE_LANE, wiring.shortest, weights.shape[1]
            row[T.S_WEIGHTS] = weights.ctypes.data
            raw = np.zeros(self.block * weights.shape[1], np.float32)
        else:
            rows = rows_of(wiring, first, last, n_sources, self.columns, self.back, self.lanes)
            for field, array in ((T.S_WEIGHTS, rows.weights), (T.S_OFFSETS, rows.offsets), (T.S_STARTS, rows.starts)):
                row[field] = self._hold(array).ctypes.data
            stride = -(-self.block * self.lanes // SPARE) * SPARE
            raw = np.zeros((rows.starts.size - 1) * ROWS * stride, np.float32)
        kind, numbers = function_numbers(coupling, self.members)
        strength = self._strength(coupling, first, last)
        row[T.S_FUNCTION], row[T.S_NUMBERS] = kind, self._hold(numbers).ctypes.data
        row[T.S_STRENGTH] = strength.ctypes.data
        row[T.S_OUT], row[T.S_TARGETS], row[T.S_RAW] = out.ctypes.data, last - first, self._hold(raw).ctypes.data
        return row

    def _strength(self, coupling: RegionCoupling, first: int, last: int) -> F32:
        """float32[targets, lanes], which changes of the coupling reach."""
        strength = np.array(self.constants.strength(coupling)[first:last], np.float32, order="C")
        self._strengths.setdefault(coupling.name, []).append((strength, first, last))
        return strength

    def _weights_of(self, made: Any, wiring: Any, first: int, last: int, n_sources: int) -> F32:
        """All pairs as `made` lays them out; slots with the same weights share them and are summed together."""
        new: F32 = made(wiring, first, last, n_sources)
        for known in self._dense:
            if known.shape == new.shape and np.array_equal(known, new):
                return known
        self._dense.append(new)
        return new

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

    # -- tables -------------------------------------------------------------------------------------------------

    def _hold(self, array: NDArray[Any]) -> NDArray[Any]:
        self._held.append(array)
        return array

    def _fill(self) -> None:
        populations = np.zeros((len(self.blocks), T.POPULATION_FIELDS), np.int64)
        for row, block in zip(populations, self.blocks, strict=True):
            row[:] = 0, block.table.ctypes.data, block.n_nodes
        self._populations = populations
        histories = np.zeros((len(self._histories), T.HISTORY_FIELDS), np.int64)
        for row, history in zip(histories, self._histories, strict=True):
            sent = self._everywhere(history)
            nodes = self.n_sources(history)
            row[:] = (
                history.values.ctypes.data, sent.ctypes.data, nodes, history.function, history.numbers.ctypes.data
            )  # fmt: skip
        self._history_table = histories
        samples = np.zeros((len(self.sampled), T.SAMPLE_FIELDS), np.int64)
        self._means: list[F32] = []
        for row, one in zip(samples, self.sampled, strict=True):
            sent = self.sent[one.population][one.variable]
            self._means.append(np.zeros(sent.shape[1], np.float32))
            row[:] = sent.ctypes.data, sent.shape[1], one.interval, one.mean, self._means[-1].ctypes.data, 0, 0
        self._sample_table = samples
        table = self.table
        table[T.LANES], table[T.COLUMNS], table[T.BLOCK], table[T.BACK] = (
            self.lanes,
            self.columns,
            self.block,
            self.back,
        )
        table[T.POSITION] = self.back
        for count, at, rows in (
            (T.N_SLOTS, T.SLOTS_AT, self._slots),
            (T.N_POPULATIONS, T.POPULATIONS_AT, populations),
            (T.N_HISTORIES, T.HISTORIES_AT, histories),
            (T.N_SAMPLES, T.SAMPLES_AT, samples),
            (T.N_DRIVES, T.DRIVES_AT, self.drives.table),
        ):
            table[count], table[at] = len(rows), rows.ctypes.data

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

    # -- stepping -----------------------------------------------------------------------------------------------

    def compile(self) -> None:
        """Have the machine code of the kernels."""
        for row, block in zip(self._populations, self.blocks, strict=True):
            row[T.P_KERNEL] = block.kernel.address

    def tell(self) -> None:
        """Put what all nodes send at the start into the first rows of `sent`."""
        for block in self.blocks:
            if block.n_nodes:
                block.advance(0, 0)

    def fill_histories(self) -> None:
        """Let all columns be what is in the first rows of what is sent: it was so before the start."""
        for row, history in zip(self._history_table, self._histories, strict=True):
            nodes = int(row[T.H_SOURCES])
            sent = self._everywhere(history)[0].reshape(nodes, self.lanes)
            kept = self._before(history, sent)
            self.history_values(history)[:nodes] = kept[:, None, :]

    def _before(self, history: History, sent: F32) -> F32:
        out = np.zeros_like(sent)
        T.before_nodes(history.function, sent, history.numbers.ravel(), out)
        return out

    def begin_chunk(self, start: int, stop: int) -> None:
        """Give samples room for the steps [start, stop), and have what drives bring in them."""
        self.outputs = []
        for row, one in zip(self._sample_table, self.sampled, strict=True):
            n = stop // one.interval - start // one.interval
            output = np.zeros((max(n, 1), int(row[T.Q_COUNT])), np.float32)
            row[T.Q_OUT], row[T.Q_CURSOR] = output.ctypes.data, 0
            self.outputs.append(output)
        self.drives.begin_chunk(start, stop)
        self.table[T.N_DRIVES], self.table[T.DRIVES_AT] = len(self.drives.table), self.drives.table.ctypes.data

    def taken(self, sample: int) -> F32:
        """float32[rows, local nodes, lanes] that the chunk has brought of a sample."""
        rows, count = (int(value) for value in self._sample_table[sample, [T.Q_CURSOR, T.Q_COUNT]])
        return self.outputs[sample][:rows].reshape(rows, count // self.lanes, self.lanes)
