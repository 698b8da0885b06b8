"""What mean-field regions give to neurons: rates and currents of drives, block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import NumericsError
from dtbsim.numerics.limits import MAX_MEAN
from dtbsim.spec.network import Drive, Network

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


class Feed:
    """The values of the steps from `start` on, float32[steps, targets] for each of `to_spikes`; elsewhere 0."""

    def __init__(self, n: int) -> None:
        self.start = 0
        self.values: list[F32] = [np.zeros((0, 0), np.float32)] * n

    def at(self, number: int, position: int, steps: I64) -> F64:
        """Values of one target at some steps."""
        values = self.values[number]
        found = np.zeros(steps.size)
        inside = (steps >= self.start) & (steps < self.start + len(values))
        found[inside] = values[steps[inside] - self.start, position]
        return found


@dataclass(frozen=True, eq=False)
class FedRate:
    """A rate in Hz that is known block by block; see `Rate`."""

    feed: Feed
    number: int
    position: int
    path: str
    drawn_anew = True
    """What was drawn of a step before its rate was known does not count."""

    def means(self, steps: I64, dt_ms: float) -> F64:
        """Expected number of events in each step; NumericsError for more than can be drawn, or none at all."""
        values = self.feed.at(self.number, self.position, steps)
        means = np.maximum(values, 0.0) * (dt_ms * 1e-3)
        if not (np.isfinite(values).all() and means.max(initial=0.0) <= MAX_MEAN):
            raise NumericsError(
                f"a rate of {values[np.argmax(~np.isfinite(values) | (means > MAX_MEAN))]:g} Hz of events from "
                f"mean-field regions cannot be drawn (at most {MAX_MEAN:g} in a step)",
                where=self.path,
                remedy="check the regions, or use a smaller strength",
            )
        return means


@dataclass(frozen=True, eq=False)
class FedWave:
    """A current that is known block by block; see `Wave`."""

    feed: Feed
    number: int
    position: int

    def values(self, steps: I64, dt_ms: float) -> F64:
        """The current in each step."""
        return self.feed.at(self.number, self.position, steps)


def fed(network: Network, feed: Feed) -> Network:
    """The network whose drives follow the feed where couplings give them something."""
    assert network.regions is not None
    numbers = {one.drive: k for k, one in enumerate(network.regions.to_spikes)}
    drives = []
    for drive in network.drives:
        number = numbers.get(drive.name)
        drives.append(drive if number is None else _following(drive, network, feed, number))
    return replace(network, drives=tuple(drives))


def _following(drive: Drive, network: Network, feed: Feed, number: int) -> Drive:
    assert network.regions is not None
    populations = network.regions.to_spikes[number].populations
    position = int(np.flatnonzero(populations == drive.population)[0])
    if drive.kind == "current":
        return replace(drive, wave=FedWave(feed, number, position))
    path = network.regions.to_spikes[number].coupling.key_path
    return replace(drive, rate=FedRate(feed, number, position, path))
