"""The state of spike trains that drives draw, as arrays keyed by drive and gid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from dtbsim.backends.state import OTHER_NETWORK, State, Values, joined, rows_of, taken
from dtbsim.backends.train_players import Player
from dtbsim.errors import InputError
from dtbsim.spec.network import Drive


def train_states(players: Iterable[Player], drives: Iterable[Drive], step: int, dtype: Any) -> Values:
    """States of the trains before `step`, by drive: `trains/INDEX/gid` uint32[n], `trains/INDEX/state` int64[n, width].

    `drives` are those of the network: those that reach nobody here have empty arrays. `dtype`: of gids.
    """
    widths = {drive.index: drive.trains.width for drive in drives if drive.trains is not None and drive.trains.width}
    mine, values = list(players), {}
    for index, width in sorted(widths.items()):
        here = [player for player in mine if player.index == index]
        values[f"trains/{index}/gid"] = joined([player.keys for player in here], dtype)
        values[f"trains/{index}/state"] = joined([player.state_at(step) for player in here], np.int64, width)
    return values


def load_trains(state: State, players: Iterable[Player], step: int) -> None:
    """Give the trains on the lanes their states."""
    for player in players:
        if player.width and f"trains/{player.index}/gid" in state:  # else a drive that begins in a branch
            keys = taken(state, f"trains/{player.index}/gid")
            rows = rows_of(keys, player.keys)
            if (rows < 0).any():
                raise InputError(f"the state lacks trains of drive {player.index}", remedy=OTHER_NETWORK)
            player.load(step, state[f"trains/{player.index}/state"][rows])
