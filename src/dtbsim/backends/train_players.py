"""Spike trains that drives draw as the run goes on: brought forward chunk by chunk, for the neurons of a lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import NumericsError
from dtbsim.kernels import layout as L
from dtbsim.kernels.poisson import SHARED_GID
from dtbsim.models.drives.check import advanced, started
from dtbsim.models.drives.inputs import Draws
from dtbsim.models.own import code_of_class
from dtbsim.numerics.limits import MAX_COUNT
from dtbsim.numerics.philox import PURPOSE_SHIFT, PURPOSE_TRAIN, philox_array
from dtbsim.spec.network import Drive, Network

I64 = NDArray[np.int64]
BLOCK = 8192
"""Steps that trains are brought forward at once."""


class Player:
    """The trains of one drive for some neurons (gids, or one that all share)."""

    def __init__(self, network: Network, drive: Drive, gids: NDArray[np.int64], seed: int) -> None:
        assert drive.trains is not None
        self.index, self.gids = drive.index, gids
        first = network.populations[drive.population].gid0
        self.keys = np.array([first], np.int64) if drive.shared else gids
        """By which its state is known: gids, or the first of the population where all share a train."""
        self._trains, self._key_path = drive.trains, drive.key_path
        words = partial(_words, gids, (PURPOSE_TRAIN << PURPOSE_SHIFT) | drive.index, seed)
        self._draws = Draws(gids.size, network.dt_ms, words)
        self._at, self._state = 0, np.zeros((0, 0), np.int64)
        self._kept: tuple[int, I64] | None = None
        """A step, and the state before it: where the chunk began."""
        self._before: Player | None = None

    @property
    def width(self) -> int:
        """Numbers of the state of a neuron."""
        return self._trains.width

    def plays(self, drive: Drive) -> bool:
        """Whether these are the trains of a drive."""
        return drive.trains is self._trains

    def follow(self, before: Player) -> None:
        """Go on from the trains that another player has drawn, at the step that is asked for first."""
        if before.width == self.width and np.array_equal(before.gids, self.gids):
            self._before = before

    def spikes(self, start: int, stop: int) -> tuple[I64, I64]:
        """Steps and places (int64[m]) of the spikes from `start` to before `stop`."""
        self.seek(start)
        parts = []
        for first in range(start, stop, BLOCK):
            parts.append(self._advance(first, min(first + BLOCK, stop)))
        steps, places = (np.concatenate(column) for column in zip(*parts, strict=True))
        self._check(steps, places)
        return steps, places

    def state_at(self, step: int) -> I64:
        """The state before `step`, int64[n, width]."""
        self.seek(step)
        assert self._kept is not None
        return self._kept[1]

    def load(self, step: int, state: I64) -> None:
        """Go on from a state before `step`."""
        self._kept, self._before = (step, state.copy()), None
        self._at, self._state = step, state.copy()

    def seek(self, step: int) -> None:
        """Be before `step`: a chunk may have ended early, and a state may be of any moment."""
        if self._before is not None:
            before, self._before = self._before, None
            self.load(step, before.state_at(step))
        if self._kept is None or self._kept[0] > step:
            with self._code():
                state = started(self._key_path, self._trains, self._draws)
            self.load(0, state)
        assert self._kept is not None
        if self.width == 0:
            self._at = step
        elif self._at != step:
            self.load(*self._kept)
            while self._at < step:
                self._advance(self._at, min(self._at + BLOCK, step))
        self._kept = step, self._state.copy()

    def _advance(self, start: int, stop: int) -> tuple[I64, I64]:
        self._at = stop
        with self._code():
            return advanced(self._key_path, self._trains, self._state, self._draws, start, stop)

    def _check(self, steps: I64, places: I64) -> None:
        """Raise NumericsError for more spikes of a neuron in a step than the bounds of sums count on."""
        spikes = np.sort((steps << 32) | places)
        if spikes.size > MAX_COUNT and (spikes[MAX_COUNT:] == spikes[:-MAX_COUNT]).any():
            raise NumericsError(
                f"{self._key_path}: more than {MAX_COUNT} spikes of one neuron in a step",
                remedy="use a lower rate or a shorter dt_ms",
            )

    def _code(self) -> Any:
        return code_of_class(type(self._trains), f"{self._key_path}: spike trains cannot be drawn")


def _words(
    gids: NDArray[np.int64], purpose: int, seed: int, place: I64, number: I64, call: I64 | int
) -> NDArray[np.uint32]:
    """uint32[4, m]: philox(gid, number, call), of the purpose."""
    counters = gids[place], np.asarray(number).astype(np.uint32), np.asarray(call).astype(np.uint32)
    return np.stack(philox_array(*counters, purpose, seed))


@dataclass(eq=False)
class _Train:
    """A drive in its windows: its spikes are those of `player`, in the slots of the neurons that it reaches."""

    player: Player
    drive: Drive
    slots: I64


class LaneTrains:
    """The events of a lane whose drives draw trains, chunk by chunk, with those that are listed."""

    def __init__(self, row: I64, listed: I64, seed: int) -> None:
        """`row` of the lane table; `listed` int64[n, 3] (step, slot, weight) ascends in its steps; `seed` of noise."""
        self._row, self._listed, self._seed = row, listed, seed
        self._trains: list[_Train] = []
        self.players: dict[tuple[int, int], Player] = {}
        """By drive and first gid."""

    def add(self, network: Network, drive: Drive, gids: NDArray[np.int64], slots: I64) -> None:
        """Add a drive for neurons whose inputs are in these slots; a drive that changes has one player."""
        key = drive.index, int(gids[0])
        drawn = np.array([SHARED_GID], np.int64) if drive.shared else gids
        if key not in self.players or not self.players[key].plays(drive):
            self.players[key] = Player(network, drive, drawn, self._seed)
        self._trains.append(_Train(self.players[key], drive, slots))

    def follow(self, before: LaneTrains) -> None:
        """Go on from the trains of tables before."""
        for key, player in self.players.items():
            if key in before.players:
                player.follow(before.players[key])

    def set_chunk(self, start: int, stop: int, lend: Callable[[NDArray[Any]], int]) -> None:
        """Draw the events from `start` to before `stop`."""
        first, last = np.searchsorted(self._listed[:, 0], [start, stop])
        parts, drawn = [self._listed[first:last]], {}
        for train in self._trains:
            key = id(train.player)
            if key not in drawn:
                drawn[key] = train.player.spikes(start, stop)
            parts.append(_events(train, *drawn[key]))
        events = np.concatenate(parts)
        events = np.ascontiguousarray(events[np.argsort(events[:, 0], kind="stable")])
        self._row[L.N_EVENTS], self._row[L.EVENT_CURSOR] = len(events), 0
        self._row[L.EVENTS_AT] = lend(events) if len(events) else 0


def _events(train: _Train, steps: I64, places: I64) -> I64:
    """int64[m, 3]: step, slot and weight of spikes while the drive is on."""
    on = train.drive.windows.contain(steps)
    steps, places = steps[on], places[on]
    slots = train.slots[places]
    if train.drive.shared:
        slots, steps = np.tile(train.slots, steps.size), np.repeat(steps, train.slots.size)
    return np.stack([steps, slots, np.full(steps.size, train.drive.weight, np.int64)], axis=1)
