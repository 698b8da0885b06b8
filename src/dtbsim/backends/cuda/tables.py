"""Lane tables on a GPU: those of all backends, with buckets of the delay queue and units of the drives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.buckets import Buckets
from dtbsim.backends.cuda.device import Device
from dtbsim.backends.cuda.dynamic_tables import DeviceDynamicTables
from dtbsim.backends.cuda.memory import DeviceMemory
from dtbsim.backends.cuda.procedural import ProceduralLane
from dtbsim.backends.lane_tables import LaneTables
from dtbsim.build.lanes import Lane
from dtbsim.build.most_spikes import most_spikes_of
from dtbsim.build.neuron_runs import neuron_runs, source_index
from dtbsim.build.neurons import Group
from dtbsim.build.procedural import ring_size
from dtbsim.build.rank import LaneState, RankNetwork
from dtbsim.build.sparse_rows import SparseRows
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import layout as L
from dtbsim.kernels.poisson import STEPS
from dtbsim.kernels.update_source import Variant

I64 = NDArray[np.int64]
NOT_SPARSE = "rows for a GPU are planned with static_on_device"
MOST_RUNS = 64
"""Of consecutive ids in a lane that are searched: six steps, for spikes and for an eighth of the draws."""
FIRST_BUCKET = 256
"""Entries of a bucket before it is enlarged."""


class DeviceLaneTables(LaneTables):
    """int64[n_lanes, DEVICE_LANE_FIELDS] on the host; `upload` brings it to the device."""

    width = X.DEVICE_LANE_FIELDS
    keeps_counts = True
    """Whether Poisson counts are drawn for eight steps and kept: threads that keep their neurons need not."""
    memory: DeviceMemory

    def __init__(self, built: RankNetwork, ring: int, device: Device, first_bucket: int = FIRST_BUCKET) -> None:
        self.variants: list[Variant] = []
        self._device, self._first_bucket = device, first_bucket
        self._buckets: list[Buckets] = []
        self.dynamic: list[DeviceDynamicTables] = []
        self._n_most = sum(most_spikes_of(built.network, state.lane) for state in built.lanes)
        self.procedural: list[ProceduralLane] = []
        super().__init__(built.network, built.kinds, built.lanes, built.candidates, ring, DeviceMemory(device))
        self._copy = device.upload(self.table)
        self.address = device.address(self._copy)

    def upload(self, step: int) -> None:
        """Bring the lane table and the tables that it points to up to date; `step` is the one to be done next."""
        for lane in self.procedural:
            self.table[lane.index, L.ACC_AT] = lane.input_vector(step)
        self.memory.refresh()
        if self.drives.memory is not self.memory:
            self.drives.memory.refresh()
        self._device.overwrite(self._copy, self.table)
        for tables in self.dynamic:
            tables.upload()

    def _input_vector(self, state: LaneState, index: int) -> int:
        assert not isinstance(state.rows, SparseRows), NOT_SPARSE
        if not state.procedural:
            return super()._input_vector(state, index)
        self.procedural.append(ProceduralLane(state, index, ring_size(self._network), self._device))
        self.procedural[-1].fill(self.table[index], self.memory)
        return self.procedural[-1].input_vector(0)

    def _place_ids(self, row: I64, lane: Lane) -> None:
        """Few runs of consecutive ids are searched where an id is wanted; of many, each neuron has its own numbers."""
        place, runs = self.memory.place, neuron_runs(self._network, self._candidates, lane)
        if len(runs) - 1 <= MOST_RUNS:
            row[L.N_RUNS], row[L.RUNS_AT] = len(runs) - 1, place(runs)
            return
        row[L.GID_AT] = place(lane.gids)
        row[L.SOURCE_AT] = place(source_index(self._network, self._candidates, lane))

    def _kernel(self, group: Group) -> int:
        variant = group.kernel.variant
        if variant not in self.variants:
            self.variants.append(variant)
        return self.variants.index(variant)

    def _fill_own(self, row: I64, state: LaneState, index: int) -> None:
        buckets = Buckets(self._device, self._ring, self._first_bucket)
        self._buckets.append(buckets)
        buckets.enter(row, X.X_BUCKET_ENTRIES_AT)
        self._fill_units(row)
        if state.dynamic:
            self._fill_dynamic(row, state)

    def _new_memory(self) -> DeviceMemory:
        return DeviceMemory(self._device)

    def _drives_filled(self, row: I64) -> None:
        self._fill_units(row)

    def _fill_dynamic(self, row: I64, state: LaneState) -> None:
        tables = DeviceDynamicTables(
            self._network, state, self._candidates, self._ring, self.memory, self._device, self._first_bucket,
            self._n_most,
        )  # fmt: skip
        self.dynamic.append(tables)
        row[L.N_DYNAMIC], row[L.DYNAMIC_AT] = len(tables.table), tables.address

    def _fill_units(self, row: I64) -> None:
        """Cut the lane's drives into units; their tables have just been filled."""
        for count_at, units_at, sizes in (
            (X.X_POISSON_UNITS, X.X_POISSON_UNIT_AT, self.drives.poisson[-1][:, L.P_COUNT]),
            (X.X_VARIED_UNITS, X.X_VARIED_UNIT_AT, self.drives.varied[-1][:, L.V_TARGETS]),
        ):
            units = drive_units(sizes)
            row[count_at], row[units_at] = units.size, self.drives.memory.place(units)
        if self.keeps_counts:
            memory, n = self.drives.memory, X.UNIT * int(row[X.X_POISSON_UNITS])
            assert isinstance(memory, DeviceMemory)
            row[X.X_COUNTS_AT] = self._device.address(memory.zeros(STEPS * n, np.uint8))

    # -- buckets ----------------------------------------------------------------------------------------------

    def make_room(self) -> list[int]:
        """Enlarge the buckets that were too small, restore all counts; returns the lanes that have larger ones."""
        grown = []
        for index, buckets in enumerate(self._buckets):
            if buckets.make_room():
                buckets.enter(self.table[index], X.X_BUCKET_ENTRIES_AT)
                grown.append(index)
        for tables in self.dynamic:
            tables.make_room()
        return grown

    def dynamic_bytes(self) -> int:
        """Bytes at present of buckets, of histories, and of the rings of procedural projections."""
        fixed = sum(buckets.n_bytes for buckets in self._buckets) + sum(lane.n_bytes for lane in self.procedural)
        return fixed + sum(tables.dynamic_bytes() for tables in self.dynamic)


def drive_units(sizes: NDArray[Any]) -> I64:
    """int64[n]: row << 32 | piece, for pieces of UNIT neurons of drives that reach `sizes` neurons."""
    pieces = -(-np.asarray(sizes, np.int64) // X.UNIT)
    rows = np.repeat(np.arange(pieces.size, dtype=np.int64), pieces)
    first = np.cumsum(pieces) - pieces
    return (rows << 32) | (np.arange(rows.size, dtype=np.int64) - np.repeat(first, pieces))
