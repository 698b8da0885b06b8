"""A lane group of mean-field regions on a GPU: its arrays there, and tables with their addresses.

Arrays of the host stand for those of the device; they hold values only when these were fetched, or are to be stored.
Entries of couplings are rows of their own length, not groups of rows as on CPUs: threads go along steps and members.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.memory import DeviceMemory
from dtbsim.backends.cuda.region_drives import DeviceDrives
from dtbsim.backends.regions.functions import function_numbers
from dtbsim.backends.regions.group import LaneGroup, Sampled
from dtbsim.backends.regions.in_place import History
from dtbsim.backends.regions.shares import Share
from dtbsim.kernels import region_blocks as T
from dtbsim.kernels import region_device_layout as D
from dtbsim.kernels import region_layout as R
from dtbsim.kernels.region_variant import RegionVariant
from dtbsim.spec.region_network import RegionChange, RegionCoupling, RegionNetwork, RegionPopulation

F32 = NDArray[np.float32]


class DeviceGroup(LaneGroup):
    """Some members of a network on a device; `row` is their row in the table of groups."""

    slot_fields = D.SLOT_FIELDS

    def __init__(
        self,
        network: RegionNetwork,
        share: Share,
        members: tuple[int, ...],
        dt_ms: float,
        sampled: list[Sampled],
        most_block: int,
        device: Device,
        memory: DeviceMemory,
        models: list[RegionVariant],
    ) -> None:
        """`models` are those of the text; those of this group are added."""
        self._device, self._memory, self._models = device, memory, models
        self._tables: list[NDArray[np.int64]] = []
        self.row = np.zeros(D.GROUP_FIELDS, np.int64)
        self._start = 0
        self._outputs: list[Any] = []
        super().__init__(network, share, members, dt_ms, sampled, most_block)

    def _spare_columns(self) -> int:
        """None: histories are rings."""
        return 0

    def _room(self, array: NDArray[Any]) -> int:
        """Address of zeros on the device in the place of an array of zeros here, which is not touched."""
        if not self._memory.knows(array):
            self._memory.reserve(array)
        return self._device.address(self._memory.of(array))

    def _make_drives(self) -> DeviceDrives:
        self._device_drives = DeviceDrives(
            self._network, self._share, self.members, self._dt_ms, self.blocks, self._device, self._memory,
            lambda population: self._memory.place(self._tables[population]),
        )  # fmt: skip
        return self._device_drives

    # -- tables -------------------------------------------------------------------------------------------------

    def _slot_of(
        self, history: History, coupling: RegionCoupling, wiring: Any, n_sources: int, first: int, last: int, out: F32
    ) -> list[int]:
        place, row = self._memory.place, [0] * D.SLOT_FIELDS
        low, high = int(wiring.starts[first]), int(wiring.starts[last])
        kind, numbers = function_numbers(coupling, self.members)
        arrays: dict[int, NDArray[Any]] = {
            D.S_STARTS: np.asarray(wiring.starts[first : last + 1] - low, np.int64),
            D.S_SOURCES: np.asarray(wiring.sources[low:high], np.int32),
            D.S_DELAYS: np.asarray(wiring.delays[low:high], np.int32),
            D.S_WEIGHTS: np.asarray(wiring.weights[low:high], np.float32),
            D.S_NUMBERS: numbers,
            D.S_STRENGTH: self._strength(coupling, first, last),
        }
        for field, array in arrays.items():
            row[field] = place(array)
        row[D.S_HISTORY], row[D.S_OUT] = self._room(history.values), self._room(out)
        row[D.S_FUNCTION], row[D.S_TARGETS] = kind, last - first
        return row

    def _fill(self) -> None:
        place = self._memory.place
        self._means = []
        for array in self.drives.out.values():
            self._room(array)
        populations = np.zeros((len(self.blocks), D.POPULATION_FIELDS), np.int64)
        for number, (row, block) in enumerate(zip(populations, self.blocks, strict=True)):
            for array in (*self.sent[number].values(), *block.sums):
                self._room(array)
            variant, table = block.kernel.variant, block.table_elsewhere(place)
            if variant not in self._models:
                self._models.append(variant)
            self._tables.append(table)
            row[:] = self._models.index(variant), place(table), block.n_nodes * self.lanes
        histories = np.zeros((len(self._histories), D.HISTORY_FIELDS), np.int64)
        for row, history in zip(histories, self._histories, strict=True):
            sent, sources = self._room(self._everywhere(history)), self.n_sources(history)
            row[:] = self._room(history.values), sent, sources, history.function, place(history.numbers)
        samples = np.zeros((len(self.sampled), D.SAMPLE_FIELDS), np.int64)
        for row, one in zip(samples, self.sampled, strict=True):
            values = self.sent[one.population][one.variable]
            self._means.append(np.zeros(values.shape[1], np.float32))
            row[:] = self._room(values), values.shape[1], one.interval, one.mean, place(self._means[-1]), 0
        self._sample_table = samples
        self._samples_on_device = self._device.upload(samples)
        row = self.row
        row[D.LANES], row[D.COLUMNS] = self.lanes, self.columns
        row[D.N_SLOTS], row[D.SLOTS_AT] = len(self._slots), place(self._slots)
        row[D.POPULATIONS_AT] = place(populations)
        row[D.N_HISTORIES], row[D.HISTORIES_AT] = len(histories), place(histories)
        row[D.N_SAMPLES], row[D.SAMPLES_AT] = len(samples), self._device.address(self._samples_on_device)
        row[D.N_DRIVEN] = len(self.drives.out)

    # -- what changes between blocks and chunks -------------------------------------------------------------------

    def _renew(self, population: RegionPopulation) -> None:
        super()._renew(population)
        for array in self.blocks[population.index].constant_arrays:
            self._memory.replace(array, array)

    def change(self, change: RegionChange) -> None:
        """Make a change of a parameter, a state or a strength, here and then there."""
        self.fetch()
        self.table[T.POSITION] = int(self.row[D.NEXT]) % self.columns
        super().change(change)
        self.store()
        for slots in self._strengths.values():
            for strength, _, _ in slots:
                self._memory.replace(strength, strength)

    def set_noise_seed(self, seed: int | None) -> None:
        """Draw noise from this seed on; None: from that of each member."""
        super().set_noise_seed(seed)
        for block, table in zip(self.blocks, self._tables, strict=True):
            table[[R.KEY_0, R.KEY_1]] = block.table[[R.KEY_0, R.KEY_1]]
            for array in (table, block.element_seeds):
                self._memory.replace(array, array)

    def begin_chunk(self, start: int, stop: int) -> None:
        """Give samples room for the steps [start, stop), and have what drives bring in them."""
        if self.drives.out:
            self._device_drives.begin_chunk(start, stop)
            self.row[D.DRIVEN_AT] = self._device_drives.table_at
        self._start = self.row[D.CHUNK] = start
        self._outputs, self.outputs = [], []
        for row, one in zip(self._sample_table, self.sampled, strict=True):
            n = stop // one.interval - start // one.interval
            output = self._device.xp.zeros((n, int(row[D.Q_COUNT])), np.float32)
            row[D.Q_OUT] = self._device.address(output)
            self._outputs.append(output)
        if self._outputs:
            self._device.overwrite(self._samples_on_device, self._sample_table)

    def taken(self, sample: int) -> F32:
        """float32[rows, local nodes, lanes] that the chunk has brought of a sample."""
        if not self.outputs:
            self.outputs = [self._device.download(output) for output in self._outputs]
        rows = int(self.row[D.NEXT]) // self.sampled[sample].interval - self._start // self.sampled[sample].interval
        found = self.outputs[sample][:rows]
        return found.reshape(rows, found.shape[1] // self.lanes, self.lanes)

    def give_rates(self) -> None:
        """What neurons gave in the block (`rates`) is on the device."""
        for rates in self.rates:
            if self._memory.knows(rates):
                self._memory.replace(rates, rates)

    def given_now(self, steps: int) -> list[F32]:
        """float32[steps, targets] by `to_spikes`: what neurons get in the block."""
        return [self._device.download(self._memory.of(given)[:steps]) for given in self.given]

    def sent_now(self, population: int, variable: str, steps: int) -> F32:
        """float32[steps, local nodes * lanes]: what was sent in the block."""
        return self._device.download(self._memory.of(self.sent[population][variable])[:steps])

    def tell_everywhere(self, steps: int) -> None:
        """What all ranks sent in a block is on the device."""
        for everywhere in self.everywhere.values():
            self._memory.replace(everywhere, everywhere)

    # -- state ----------------------------------------------------------------------------------------------------

    @property
    def states_there(self) -> list[Any]:
        """States of all blocks on the device."""
        return [self._memory.of(block.states) for block in self.blocks]

    def fetch_states(self) -> None:
        """Bring the states of all blocks here."""
        for block in self.blocks:
            block.states[...] = self._device.download(self._memory.of(block.states))

    def fetch(self) -> None:
        """Bring states, histories, and means that are not complete here."""
        self.fetch_states()
        self._device_drives.fetch()
        for array in [*self._means, *(history.values for history in self._histories)]:
            array[...] = self._device.download(self._memory.of(array))

    def store(self) -> None:
        """Take them there."""
        self._device_drives.store()
        for array in [*self._means, *(history.values for history in self._histories)]:
            self._memory.replace(array, array)
        for block in self.blocks:
            self._memory.replace(block.states, block.states)

    def kept(self, k: int) -> F32:
        """float32[nodes + 1, back + 1, lanes]: the columns of a history that was fetched, the oldest first."""
        return np.roll(self.history_values(self._histories[k]), -self._oldest, axis=1)

    def keep(self, k: int, values: F32) -> None:
        """Let these be the first nodes of `kept`, once they are stored."""
        self.history_values(self._histories[k])[: len(values)] = np.roll(values, self._oldest, axis=1)

    @property
    def _oldest(self) -> int:
        return (int(self.row[D.NEXT]) + 1) % self.columns

    def go_on_from(self, step: int) -> None:
        """The next step is this one."""
        self.row[D.STEP] = self.row[D.NEXT] = step

    @property
    def chunk_bytes(self) -> int:
        """Bytes of the samples of a chunk on the device, and of drives beside their inputs."""
        return sum(int(output.nbytes) for output in self._outputs) + self._device_drives.bytes_there
