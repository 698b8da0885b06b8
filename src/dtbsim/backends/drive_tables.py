"""The drives of a rank's lanes as tables for the compiled window, and what they follow in time, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.memory import Memory
from dtbsim.backends.train_players import LaneTrains, Player
from dtbsim.build.lanes import Run
from dtbsim.build.rank import LaneState
from dtbsim.kernels import layout as L
from dtbsim.kernels.noise import NUMBERS
from dtbsim.kernels.poisson import (
    SHARED_GID,
    STEPS,
    coarse_thresholds,
    own_tables,
    poisson_thresholds,
    threshold_tables,
)
from dtbsim.models.drives.waveforms import Rate, Windows
from dtbsim.spec.distributions import standard_normal
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
Thresholds = tuple[NDArray[Any], NDArray[Any]]
"""Of Poisson counts, and the coarse ones; a row per mean."""
Key = tuple[int, int]
TimeCourse = Callable[[int, int], dict[int, NDArray[Any] | int]]
"""Fields of a table row for the steps from `start` to before `stop`; arrays stand for their addresses."""


@dataclass(eq=False)
class _Reached:
    """A drive and neurons of a lane that receive it: local indices, gids, and input slots where it gives spikes."""

    drive: Drive
    local: I64
    gids: I64
    slots: I64

    def by_upper_bits(self) -> dict[int, _Reached]:
        """Parts whose gids have the same upper 32 bits: tables hold the lower ones. One for all of a shared drive."""
        upper = self.gids >> 32
        if self.drive.shared or upper[0] == upper[-1]:
            return {0 if self.drive.shared else int(upper[0]): self}
        cut = int(np.searchsorted(upper, upper[-1]))
        low, high = slice(None, cut), slice(cut, None)
        parts = [_Reached(self.drive, self.local[k], self.gids[k], self.slots[k]) for k in (low, high)]
        return {int(part.gids[0] >> 32): part for part in parts}


class DriveTables:
    """Fills the lanes' tables of drives; `set_chunk` gives them currents and rates of the steps to come."""

    def __init__(
        self,
        network: Network,
        memory: Memory,
        drives: Iterable[Drive] | None = None,
        before: DriveTables | None = None,
        noise_seed: int | None = None,
    ) -> None:
        """`drives` take the place of those of the network; their processes go on from those of the tables `before`.

        `noise_seed`: of what trains draw (default: the seed of the network).
        """
        self._noise_seed = network.seed if noise_seed is None else noise_seed
        self._network, self.memory = network, memory
        self._memory, self._before = memory, before
        self._processes: dict[tuple[int, int, int, int], NDArray[np.float32]] = {}
        """States of the processes of noise, by lane, drive, population and upper bits of gids."""
        self._lane = -1
        self._by_population: dict[int, list[Drive]] = {}
        for drive in network.drives if drives is None else drives:
            self._by_population.setdefault(drive.population, []).append(drive)
        self._time_courses: dict[Key, TimeCourse] = {}
        self._following: list[tuple[I64, Key]] = []
        """(table row, key of the time_course that it follows)"""
        self._thresholds: dict[float, Thresholds] = {}
        self.poisson: list[I64] = []
        self.varied: list[I64] = []
        """The tables of all lanes so far."""
        self.processes: list[tuple[int, I64, int, NDArray[np.float32]]] = []
        """Noise that remembers: number of the drive, gids it is drawn for, neurons it reaches, its values."""
        self._trains: dict[int, LaneTrains] = {}
        """By lane, where drives draw trains."""

    def fill(self, row: I64, state: LaneState) -> None:
        """Make the tables of a lane; lanes come in their order."""
        self._lane += 1
        poisson: list[list[int]] = []
        currents: list[tuple[list[int], Drive]] = []
        events: list[I64] = []
        varied: dict[tuple[int, int], list[_Reached]] = {}
        noise: dict[tuple[int, int], list[_Reached]] = {}
        trains: list[_Reached] = []
        for run in state.lane.runs:
            for drive in self._by_population.get(run.population, ()):
                reached = self._reached(state, run, drive)
                if reached.local.size == 0 or not drive.windows.on:
                    continue
                if drive.kind == "noise":
                    _sort_in(noise, reached)
                elif drive.kind == "current":
                    currents.append((self._current(reached), drive))
                elif drive.kind == "events":
                    events.append(self._events(run, reached))
                elif drive.kind == "trains":
                    trains += [reached] * (drive.weight != 0)
                elif drive.weight != 0 and (drive.rate is not None or drive.mean > 0):
                    if one_row(drive, reached.local):
                        _append(poisson, self._poisson(reached))
                    else:
                        _sort_in(varied, reached)
        self._store_poisson(row, poisson)
        self._store_varied(row, list(varied.values()))
        self._store_currents(row, currents)
        self._store_noise(row, list(noise.values()))
        listed = np.concatenate([*events, np.zeros((0, 3), np.int64)])
        listed = np.ascontiguousarray(listed[np.argsort(listed[:, 0], kind="stable")])
        if trains:
            self._trains[self._lane] = self._lane_trains(row, listed, trains)
        else:
            row[L.N_EVENTS], row[L.EVENTS_AT] = len(listed), self._memory.place(listed)

    @property
    def players(self) -> list[Player]:
        """All trains that are drawn as the run goes on."""
        return [player for lane in self._trains.values() for player in lane.players.values()]

    def forget(self, before: DriveTables) -> None:
        """Let go of the tables before."""
        assert before is self._before
        before.memory.reclaim()
        self._before = None

    def set_chunk(self, start: int, stop: int) -> None:
        """Compute what the drives follow in the steps from `start` to before `stop`, each distinct time_course once."""
        lend = self._memory.lend
        self._memory.reclaim()
        fields = {
            key: {
                field: lend(value) if isinstance(value, np.ndarray) else value
                for field, value in time_course(start, stop).items()
            }
            for key, time_course in self._time_courses.items()
        }
        for row, key in self._following:
            for field, value in fields[key].items():
                row[field] = value
        for lane in self._trains.values():
            lane.set_chunk(start, stop, lend)

    def _follow(self, row: I64, drive: Drive, followed: object, time_course: TimeCourse) -> None:
        """Let a row follow a time_course; populations of one drive share what they follow, so it is computed once."""
        key = id(drive.windows), id(followed)
        self._time_courses.setdefault(key, time_course)
        self._following.append((row, key))

    # -- one drive on one run of neurons ------------------------------------------------------------------------

    def _reached(self, state: LaneState, run: Run, drive: Drive) -> _Reached:
        first = run.gid0 - self._network.populations[run.population].gid0
        chosen = drive.local(first, run.size)
        inside = np.arange(run.size) if chosen is None else chosen
        local = run.local + inside
        slots = local
        if drive.channel >= 0:
            slots = int(state.lane.slot_start[run.kind][drive.channel]) + local - int(state.lane.group_start[run.kind])
        return _Reached(drive, local, run.gid0 + inside, slots)

    def _current(self, reached: _Reached) -> list[int]:
        local = reached.local
        if _contiguous(local):
            return [int(local[0]), local.size, 0, 0]
        return [0, local.size, 0, self._memory.place(local.astype(np.int32))]

    def _events(self, run: Run, reached: _Reached) -> I64:
        drive = reached.drive
        assert drive.events is not None
        first = run.gid0 - self._network.populations[run.population].gid0
        mine = drive.events[(drive.events[:, 1] >= first) & (drive.events[:, 1] < first + run.size)]
        offset = int(reached.slots[0] - reached.local[0]) + run.local - first
        weight = np.full(len(mine), drive.weight)
        return np.stack([mine[:, 0], mine[:, 1] + offset, weight], axis=1).astype(np.int64)

    def _poisson(self, reached: _Reached) -> list[int]:
        drive = reached.drive
        thresholds, coarse = self._constant(drive.mean)
        tables = [self._memory.place(thresholds), thresholds.size, self._memory.place(coarse), coarse.size]
        entry = [int(reached.local[0]), reached.local.size, int(reached.slots[0]), drive.weight, drive.index, *tables]
        return [*entry, drive.start, drive.stop, 0, -1]

    def _constant(self, mean: float) -> Thresholds:
        """Thresholds of a mean, and the coarse ones."""
        if mean not in self._thresholds:
            thresholds = poisson_thresholds(mean)
            self._thresholds[mean] = thresholds, coarse_thresholds(thresholds)
        return self._thresholds[mean]

    # -- tables -------------------------------------------------------------------------------------------------

    def _store_poisson(self, row: I64, entries: list[list[int]]) -> None:
        for entry in entries:
            entry[L.P_BUFFER_AT] = self._memory.scratch(STEPS * entry[L.P_COUNT], np.uint8)
        self.poisson.append(np.array(entries, np.int64).reshape(-1, L.POISSON_FIELDS))
        row[L.N_POISSON], row[L.POISSON_AT] = len(entries), self._memory.place(self.poisson[-1])

    def _store_varied(self, row: I64, found: list[list[_Reached]]) -> None:
        table = np.zeros((len(found), L.VARIED_FIELDS), np.int64)
        for entry, parts in zip(table, found, strict=True):
            drive = parts[0].drive
            slots = np.concatenate([part.slots for part in parts])
            gids = _drawn_for(parts)
            entry[L.V_DRAWS], entry[L.V_GIDS_AT] = gids.size, self._memory.place(gids.astype(np.uint32))
            entry[L.V_HIGH] = gids[0] >> 32
            entry[L.V_TARGETS], entry[L.V_SLOTS_AT] = slots.size, self._memory.place(slots)
            entry[L.V_WEIGHT], entry[L.V_DRIVE], entry[L.V_DRAWN] = drive.weight, drive.index, -1
            entry[L.V_BUFFER_AT] = self._memory.scratch(STEPS * gids.size, np.uint8)
            if drive.own_means is not None:
                self._own(entry, parts, gids)
            elif drive.rate is not None:
                time_course: TimeCourse = partial(_varying, drive.rate, drive.windows, self._network.dt_ms)
                self._follow(entry, drive, drive.rate, time_course)
            else:
                tables = self._constant(drive.mean)
                self._follow(entry, drive, tables, partial(_switched, drive.windows, tables))
        self.varied.append(table)
        row[L.N_VARIED], row[L.VARIED_AT] = len(table), self._memory.place_table(table)

    def _own(self, entry: I64, parts: list[_Reached], gids: I64) -> None:
        """Thresholds of every neuron, which stay; only the windows are followed."""
        drive = parts[0].drive
        assert drive.own_means is not None
        neurons = gids - self._network.populations[drive.population].gid0
        means = drive.own_means.means(neurons, gids, drive.index, self._network.seed)
        thresholds, coarse = own_tables(np.minimum(means, drive.mean))  # a drawn one may be above by rounding
        entry[L.V_OWN] = 1
        entry[L.V_THRESHOLD_AT], entry[L.V_THRESHOLDS] = self._memory.place(thresholds), thresholds.shape[1]
        entry[L.V_COARSE_AT], entry[L.V_COARSE] = self._memory.place(coarse), coarse.shape[0]
        self._follow(entry, drive, "own", partial(_on, drive.windows))

    def _store_currents(self, row: I64, found: list[tuple[list[int], Drive]]) -> None:
        table = np.array([entry for entry, _ in found], np.int64).reshape(-1, L.CURRENT_FIELDS)
        for entry, (_, drive) in zip(table, found, strict=True):
            self._follow(entry, drive, drive.wave, partial(_wave, drive, self._network.dt_ms))
        row[L.N_CURRENTS], row[L.CURRENTS_AT] = len(table), self._memory.place_table(table)

    def _store_noise(self, row: I64, found: list[list[_Reached]]) -> None:
        if not found:
            return
        found = sorted(found, key=lambda parts: parts[0].drive.index)  # the same order for a neuron on every lane
        table = np.zeros((len(found), L.NOISE_FIELDS), np.int64)
        dt = self._network.dt_ms
        for entry, parts in zip(table, found, strict=True):
            drive = parts[0].drive
            assert drive.noise is not None
            local = np.concatenate([part.local for part in parts]).astype(np.int32)
            gids = _drawn_for(parts)
            entry[L.Q_DRAWS], entry[L.Q_GIDS_AT] = gids.size, self._memory.place(gids.astype(np.uint32))
            entry[L.Q_HIGH] = gids[0] >> 32
            entry[L.Q_TARGETS], entry[L.Q_INDEX_AT] = local.size, self._memory.place(local)
            entry[L.Q_DRIVE], entry[L.Q_START], entry[L.Q_STOP] = drive.index, drive.start, drive.stop
            entry[L.Q_INTERVAL], entry[L.Q_DRAWN] = drive.noise.interval, -1
            entry[L.Q_BUFFER_AT] = self._memory.scratch(NUMBERS * gids.size, np.float32)
            memory = drive.noise.memory(dt)
            if memory is not None:
                places = max(gids.size, 2)  # a shared process has two on GPUs
                place = self._memory.place
                process = self._process(drive, int(gids[0] >> 32), places)
                entry[L.Q_STATE_AT], entry[L.Q_MEMORY_AT] = place(process), place(memory)
                self.processes.append((drive.index, gids, local.size, process))
            self._follow(entry, drive, drive.noise, partial(_noise, drive, dt))
        row[L.N_NOISE], row[L.NOISE_AT] = len(table), self._memory.place_table(table)
        row[L.NORMAL_AT] = self._memory.place(normal_table())

    def _lane_trains(self, row: I64, listed: I64, found: list[_Reached]) -> LaneTrains:
        lane = LaneTrains(row, listed, self._noise_seed)
        for reached in found:
            lane.add(self._network, reached.drive, reached.gids, reached.slots)
        if self._before is not None and self._lane in self._before._trains:
            lane.follow(self._before._trains[self._lane])
        return lane

    def _process(self, drive: Drive, upper: int, size: int) -> NDArray[np.float32]:
        """The state of a process, as it stood in the tables before."""
        process, key = np.zeros(size, np.float32), (self._lane, drive.index, drive.population, upper)
        if self._before is not None and key in self._before._processes:
            earlier = self._before._processes[key]
            self._before.memory.fetch(earlier, slice(None))
            process[:] = earlier  # of the same neurons
        self._processes[key] = process
        return process


def _sort_in(found: dict[tuple[int, int], list[_Reached]], reached: _Reached) -> None:
    """Add it to what the same drive reaches, by the upper bits of gids."""
    for upper, part in reached.by_upper_bits().items():
        found.setdefault((id(part.drive), upper), []).append(part)


def _drawn_for(parts: list[_Reached]) -> I64:
    """Gids that a drive draws for: of all neurons that it reaches, or the one that stands for all."""
    if parts[0].drive.shared:
        return np.array([SHARED_GID], np.int64)
    return np.concatenate([part.gids for part in parts])


@cache
def normal_table() -> NDArray[np.float32]:
    """float32[65537]: quantiles of the standard normal distribution."""
    return standard_normal().quantiles.astype(np.float32)


def _noise(drive: Drive, dt_ms: float, start: int, stop: int) -> dict[int, NDArray[Any] | int]:
    return {L.Q_WAVE_AT: drive.noise_waveform(np.arange(start, stop, dtype=np.int64), dt_ms)}


def _wave(drive: Drive, dt_ms: float, start: int, stop: int) -> dict[int, NDArray[Any] | int]:
    return {L.C_WAVE_AT: drive.waveform(np.arange(start, stop, dtype=np.int64), dt_ms)}


def _on(windows: Windows, start: int, stop: int) -> dict[int, NDArray[Any] | int]:
    """While the drive is on 0, else -1."""
    return {L.V_RATES_AT: np.where(windows.contain(whole_blocks(start, stop)), 0, -1).astype(np.int32)}


def _switched(windows: Windows, tables: Thresholds, start: int, stop: int) -> dict[int, NDArray[Any] | int]:
    """Row 0 of the thresholds while the drive is on."""
    on = windows.contain(whole_blocks(start, stop))
    return _rates(np.where(on, 0, -1), tables)


def _varying(rate: Rate, windows: Windows, dt_ms: float, start: int, stop: int) -> dict[int, NDArray[Any] | int]:
    """A row of thresholds for every distinct mean."""
    steps = whole_blocks(start, stop)
    means = rate.means(steps, dt_ms)
    on = windows.contain(steps) & (means > 0)
    distinct, which = np.unique(means[on], return_inverse=True)
    rows = np.full(steps.size, -1)
    rows[on] = which
    found = _rates(rows, threshold_tables(distinct))
    return found | {L.V_DRAWN: -1} if getattr(rate, "drawn_anew", False) else found


def _rates(rows: NDArray[Any], tables: Thresholds) -> dict[int, NDArray[Any] | int]:
    thresholds, coarse = tables
    return {
        L.V_RATES_AT: rows.astype(np.int32),
        L.V_THRESHOLD_AT: thresholds,
        L.V_THRESHOLDS: thresholds.shape[-1],
        L.V_COARSE_AT: coarse,
        L.V_COARSE: coarse.shape[-1],
    }


def whole_blocks(start: int, stop: int) -> I64:
    """The steps of all blocks of STEPS that some step from `start` to before `stop` is in."""
    return np.arange(start // STEPS * STEPS, -(-stop // STEPS) * STEPS, dtype=np.int64)


def _contiguous(local: I64) -> bool:
    return bool(local[-1] - local[0] + 1 == local.size)


def one_row(drive: Drive, local: I64 | None) -> bool:
    """Whether a row of the Poisson table, which has one rate, one window and neighbouring neurons, can hold a drive.

    `local` are the neurons that it reaches (None: all).
    """
    one_rate = drive.rate is None and drive.own_means is None
    return one_rate and not drive.shared and len(drive.windows.on) == 1 and (local is None or _contiguous(local))


def _append(table: list[list[int]], entry: list[int]) -> None:
    """Add a Poisson drive, or lengthen the previous one where it goes on with the same numbers."""
    for previous in reversed(table):
        follows = previous[L.P_LOCAL] + previous[L.P_COUNT] == entry[L.P_LOCAL]
        same = previous[L.P_WEIGHT : L.P_STOP + 1] == entry[L.P_WEIGHT : L.P_STOP + 1]
        if follows and same and previous[L.P_SLOT] + previous[L.P_COUNT] == entry[L.P_SLOT]:
            previous[L.P_COUNT] += entry[L.P_COUNT]
            return
        if previous[L.P_LOCAL] + previous[L.P_COUNT] < entry[L.P_LOCAL]:
            break
    table.append(entry)
