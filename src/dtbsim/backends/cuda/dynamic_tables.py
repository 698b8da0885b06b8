"""Dynamic projections of one lane on a GPU: queues, histories and notes that the host enlarges between steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.cuda.buckets import Buckets
from dtbsim.backends.cuda.device import Device, Kernels
from dtbsim.backends.cuda.memory import DeviceMemory
from dtbsim.backends.cuda.stateful import each_spike, entries_of, notes_of
from dtbsim.backends.dynamic_tables import I64, StatefulTables, decay_tables
from dtbsim.backends.lane_synapses import LaneSynapses, Plastic, spikes_in_transit
from dtbsim.build.candidates import Candidates
from dtbsim.build.dynamic import DynamicRows
from dtbsim.build.rank import LaneState
from dtbsim.kernels import device_layout as X
from dtbsim.kernels import dynamic_layout as D
from dtbsim.kernels.decay import decay
from dtbsim.kernels.history import NEVER
from dtbsim.spec.network import Network

FIRST_NOTES = 4096
"""Spikes of sources noted before there is more room."""
_LOW32 = 0xFFFFFFFF


@dataclass(eq=False)
class _Kept:
    """Device arrays of one projection; what belongs to plastic ones is empty for others."""

    payload_queue: Buckets
    carried: Any  # int64[spikes, 2]
    notes: Buckets
    ring: Any  # int64[targets, capacity, words]
    counts: Any  # int32[targets]
    starts: Any  # int32[targets]
    clock: Any  # int64[2]


class DeviceDynamicTables(StatefulTables):
    """Rows on the host that only the host changes; `upload` brings them to the device at `address`."""

    width = X.DEVICE_DYNAMIC_FIELDS
    _memory: DeviceMemory

    def __init__(
        self,
        network: Network,
        state: LaneState,
        candidates: Candidates,
        ring: int,
        memory: DeviceMemory,
        device: Device,
        first_bucket: int,
        n_spikes: int,
    ) -> None:
        self._device, self._first_bucket, self._n_spikes = device, first_bucket, max(n_spikes, 1)
        self._kept: list[_Kept] = []
        self.kernels: Kernels | None = None
        super().__init__(network, state, candidates, ring, memory)
        self._copy = device.upload(self.table)
        self.address = device.address(self._copy)
        n = max(part.n_sources for part in self.parts)
        self._scratch = [device.xp.zeros(n, dtype) for dtype in (np.int32, np.float32, np.int32)]

    def upload(self) -> None:
        """Bring the rows up to date."""
        self._device.overwrite(self._copy, self.table)

    def dynamic_bytes(self) -> int:
        """Bytes of payload queues, notes and histories at present."""
        sizes = [kept.payload_queue.n_bytes + kept.notes.n_bytes + int(kept.ring.nbytes) for kept in self._kept]
        return self._own_bytes() + sum(sizes)

    def _fill_own(self, row: I64, part: DynamicRows) -> None:
        device, zeros, plastic = self._device, self._device.xp.zeros, part.dynamics.plastic
        n, words = int(row[D.N_TARGETS]), int(row[D.HISTORY_WORDS])
        kept = _Kept(
            Buckets(device, self._ring, self._first_bucket, part.dynamics.words),
            zeros((self._n_spikes, 2), np.int64),
            Buckets(device, 1, FIRST_NOTES if plastic else 0, 2),
            zeros((n, int(row[D.HISTORY_CAPACITY]), words), np.int64),
            zeros(n, np.int32),
            zeros(n, np.int32),
            zeros(2, np.int64),
        )
        self._kept.append(kept)
        self._enter(row, kept)

    def _enter(self, row: I64, kept: _Kept) -> None:
        address = self._device.address
        kept.payload_queue.enter(row, X.D_PAYLOAD_AT)
        kept.notes.enter(row, X.D_NOTES_AT)
        row[X.D_CARRIED_AT], row[X.D_CLOCK_AT] = address(kept.carried), address(kept.clock)
        row[D.HISTORY_AT], row[D.HISTORY_CAPACITY] = address(kept.ring), kept.ring.shape[1]
        row[D.HISTORY_COUNT_AT], row[D.HISTORY_START_AT] = address(kept.counts), address(kept.starts)

    # -- room -------------------------------------------------------------------------------------------------

    def make_room(self) -> None:
        """Enlarge what was too small for the spikes of a step, or is full, and restore counts."""
        for index, (row, kept) in enumerate(zip(self.table, self._kept, strict=True)):
            kept.payload_queue.make_room()
            kept.notes.make_room()
            if self._longest_history(index) + int(row[D.HISTORY_ROOM]) > kept.ring.shape[1]:
                # entry m stands at m modulo the capacity, so it is where it should be in one of two copies
                kept.ring = self._device.xp.concatenate([kept.ring, kept.ring], axis=1)
            self._enter(row, kept)
        self.upload()

    def carry(self, n_spikes: int) -> None:
        """Make room for what `n_spikes` spikes carry."""
        if n_spikes <= self._n_spikes:
            return
        self._n_spikes = n_spikes
        for row, kept in zip(self.table, self._kept, strict=True):
            kept.carried = self._device.xp.zeros((n_spikes, 2), np.int64)
            self._enter(row, kept)
        self.upload()

    # -- state ------------------------------------------------------------------------------------------------

    def read(self, index: int, now: int) -> LaneSynapses:
        """What is held of a projection, caught up; all steps before `now` are done."""
        part, kept, (last, trace) = self.parts[index], self._kept[index], self._sources[index]
        self._memory.fetch(last, slice(None))
        self._memory.fetch(trace, slice(None))
        slots, entries = kept.payload_queue.contents()
        table = np.zeros((len(entries), 4), np.int64)
        table[:, 0] = now + ((slots - now) & (self._ring - 1))
        table[:, 1 : 1 + entries.shape[1]] = entries
        if not part.dynamics.plastic:
            return LaneSynapses(last.copy(), trace.copy(), spikes_in_transit(part.rows, table), None)
        transit = spikes_in_transit(part.rows, table, whole_third=True)
        times, transit[:, 3] = transit[:, 3] >> 48, transit[:, 3] & _LOW32
        plus = decay_tables(part.dynamics, self._network.dt_ms)[0]
        since = np.where(transit[:, 2] >> 32 == NEVER, 0, transit[:, 2] >> 32)
        faded = np.array([decay(plus, h) for h in since.tolist()], np.float32)
        transit = each_spike(transit, times, faded)
        return LaneSynapses(last.copy(), trace.copy(), transit, self._read_plastic(index, now))

    def _read_plastic(self, index: int, now: int) -> Plastic:
        part, kept, reward = self.parts[index], self._kept[index], self._rewards.get(index)
        counts, starts, ring = (self._device.download(array) for array in (kept.counts, kept.starts, kept.ring))
        remembered = counts - starts
        of = np.repeat(np.arange(remembered.size), remembered)
        within = np.arange(of.size) - np.repeat(np.cumsum(remembered) - remembered, remembered)
        history = ring[of, (starts[of] + within) & (ring.shape[1] - 1)]
        self._memory.fetch(part.rows.weights, slice(None))
        eligibility, dopamine = np.zeros(0, np.float32), None
        if reward is not None:
            self._memory.fetch(reward.eligibility, slice(None))
            eligibility, dopamine = reward.eligibility, reward.read(self._device.download(kept.clock), now)
        applied = int(self.table[index, D.APPLIED])
        own = self._own_states[index].read() if index in self._own_states else None
        return Plastic(part.rows.weights.astype(np.int32), eligibility, remembered, history, applied, dopamine, own)

    def write(self, index: int, lane: LaneSynapses, now: int) -> None:
        """Hold what another lane, or several, have held of a projection before step `now`."""
        part, kept, (last, trace) = self.parts[index], self._kept[index], self._sources[index]
        last[:], trace[:] = lane.last, lane.trace
        self._memory.store(last, slice(None))
        self._memory.store(trace, slice(None))
        kept.payload_queue.fill(*entries_of(part, lane.transit, now, self._ring))
        if lane.plastic is not None:
            notes = notes_of(lane.transit)
            kept.notes.fill(np.zeros(len(notes), np.int64), notes)
            self._write_plastic(index, lane.plastic, now)
        self._enter(self.table[index], kept)
        self.upload()

    def _write_plastic(self, index: int, plastic: Plastic, now: int) -> None:
        part, kept, row = self.parts[index], self._kept[index], self.table[index]
        part.rows.weights[:] = plastic.weights
        self._memory.store(part.rows.weights, slice(None))
        n, capacity, words = kept.ring.shape
        needed = int(plastic.kept.max(initial=0)) + int(row[D.HISTORY_ROOM])
        while capacity < needed:
            capacity *= 2
        ring = np.zeros((n, capacity, words), np.int64)
        of = np.repeat(np.arange(n), plastic.kept)
        ring[of, np.arange(of.size) - np.repeat(np.cumsum(plastic.kept) - plastic.kept, plastic.kept)] = plastic.history
        kept.ring = self._device.upload(ring)
        kept.counts[...] = self._device.upload(plastic.kept.astype(np.int32))
        row[D.APPLIED] = plastic.applied
        if plastic.own is not None:
            self._own_states[index].write(*plastic.own)
        reward = self._rewards.get(index)
        if reward is not None and plastic.dopamine is not None:
            reward.eligibility[:] = plastic.eligibility
            self._memory.store(reward.eligibility, slice(None))
            kept.clock[...] = self._device.upload(plastic.dopamine.clock)
            reward.write(plastic.dopamine, now)

    # -- plastic weights --------------------------------------------------------------------------------------

    def weights_at(self, index: int, positions: NDArray[np.int64]) -> NDArray[Any]:
        """Weights as they stand in the rows of a projection, at these positions."""
        weights = self._memory.of(self.parts[index].rows.weights)
        return self._device.download(weights[self._device.upload(positions)])

    def _longest_history(self, index: int) -> int:
        kept = self._kept[index]
        if kept.counts.size == 0:
            return 0
        return int(self._device.download(kept.counts - kept.starts).max())

    def _catch_up(self, index: int, now: int) -> None:
        row, kept = self.table[index], self._kept[index]
        if index in self._rewards:
            interval, longest = int(row[D.INTERVAL]), int(row[D.LONGEST])
            as_of = until = (now - longest) // interval * interval
            forgotten = until - longest
        elif index in self._own_states:
            as_of, until, forgotten = now, now - 1, now
        else:
            as_of = now - self._network.max_delay_steps
            until = forgotten = as_of - self._network.max_delay_steps
        if until <= row[D.APPLIED]:
            return
        last, trace, first = (self._device.address(array) for array in self._scratch)
        noted = int(self._device.download(kept.notes.counts)[0])
        n_sources, n_targets = int(row[D.N_SOURCES]), int(row[D.N_TARGETS])
        self._launch("dtb_sources_now", n_sources, index, last, trace, first)
        self._launch("dtb_first_notes", noted, index, as_of, first)
        self._launch("dtb_sources_before", noted, index, last, trace, first)
        self._launch("dtb_catch_up", 32 * n_sources, index, now, until, last, trace, first)
        self._launch("dtb_forget", n_targets, index, forgotten)
        row[D.APPLIED] = until
        self.upload()
        self._keep_notes(kept.notes, noted, as_of)

    def _keep_notes(self, notes: Buckets, noted: int, step: int) -> None:
        """Forget noted spikes of sources before `step`."""
        all_of_them = notes.entries[0, :noted]
        recent = all_of_them[(all_of_them[:, 0] & _LOW32) >= step]
        notes.entries[0, : len(recent)] = recent
        notes.counts[...] = len(recent)

    def _scale(self, index: int, factors: NDArray[np.int64], bounds: tuple[int, int]) -> None:
        on_device = self._memory.lend(factors)
        self._launch("dtb_scale_weights", self.parts[index].rows.n_synapses, index, on_device, *bounds)

    def _launch(self, name: str, items: int, index: int, *arguments: int) -> None:
        assert self.kernels is not None, "compiled before the first step"
        shape = self._device.limits.spread(items)
        self.kernels.launch(name, shape, self.address + 8 * self.width * index, *arguments)
