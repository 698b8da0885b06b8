"""The source of a signal: a number for every region and sample, which fields, potentials and series are made of.

A source is compiled with the plan of its signal (regions, unit, times of samples) and opened on every rank. Of
populations of neurons it is made by sums over neurons, so that ranks send one number per region and sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dtbsim.clock import steps_of
from dtbsim.errors import InputError

if TYPE_CHECKING:
    from typing import Any

    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.stream import Site
    from dtbsim.spec.network import Network

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """A series that others can follow: channels, unit, and the steps after which samples are taken.

    Sample k is taken after step `first + k * interval` (steps since the beginning of the run), none after `stop`.
    """

    channels: tuple[str, ...]
    unit: str
    interval: int
    first: int
    stop: int
    dt_ms: float
    members: int = 1
    """Of an ensemble; samples have all channels of member after member."""

    @property
    def columns(self) -> int:
        """Numbers of a sample."""
        return self.members * len(self.channels)

    @property
    def interval_ms(self) -> float:
        """Time between samples."""
        return self.interval * self.dt_ms

    @property
    def first_ms(self) -> float:
        """Time of the first sample."""
        return self.first * self.dt_ms

    def after(self, step: int) -> int:
        """The step of the first sample after a step."""
        return self.first + self.interval * max(0, (step - self.first) // self.interval + 1)

    def samples_from(self, step: int) -> int:
        """How many samples there are from that of `step` on."""
        return max(0, (self.stop - step) // self.interval + 1)


@dataclass(frozen=True)
class Window:
    """When samples are taken, in steps: after multiples of `interval` that are after `start` and not after `stop`."""

    interval: int
    start: int
    stop: int

    @property
    def first(self) -> int:
        """The first of them."""
        return (self.start // self.interval + 1) * self.interval

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return self.first > self.stop


def window_of(item: Any, network: Network, where: str) -> Window:
    """The samples that the options `interval_ms`, `start_ms` and `stop_ms` ask for; InputError where there is none."""
    dt_ms = network.dt_ms
    last = network.n_steps if item.stop_ms is None else steps_of(item.stop_ms, dt_ms)
    interval, start = steps_of(item.interval_ms, dt_ms), steps_of(item.start_ms, dt_ms)
    window = Window(interval, start, min(last, network.n_steps))
    if window.is_empty:
        raise InputError(
            "there is no sample after start_ms and up to stop_ms or the end of the run",
            where=f"{where}.interval_ms",
            remedy="make the run or the window longer, or interval_ms smaller",
        )
    return window


class Source:
    """Compiled source of one signal; the same on every rank."""

    regions: list[int]
    """Indices of the regions in the atlas, ascending."""
    names: list[str]
    """Their names."""
    unit: str
    """Of the values."""
    window: Window
    n_parts: int = 1
    """How many numbers a region has for each sample."""
    members: int = 1
    """Of an ensemble."""
    unit_steps: int = 0
    """Steps in which it needs spikes counted; 0: none."""
    intervals: tuple[int, ...] = ()
    """Steps after whose multiples a chunk must end for it."""

    def open(self, site: Site) -> OpenSource:
        """The source on a rank."""
        raise NotImplementedError


class OpenSource:
    """A source on one rank."""

    first: int = 0
    """The step after which the first of `values` was taken."""
    values: F64
    """float64[samples, parts, members * regions] of the last chunk, the same on every rank; perhaps none."""

    def share(self, chunk: Chunk) -> None:
        """Bring `values` of a chunk; collective. Raises nothing on one rank alone."""
        raise NotImplementedError

    def state(self) -> dict[str, NDArray[Any]]:
        """What it needs to go on."""
        return {}

    def restore(self, state: Any) -> None:
        """Go on from there."""


def region_of_all(network: Network, populations: list[int], where: str, key: str) -> list[int]:
    """The regions in which populations live, ascending; InputError where one lives in none."""
    lost = [i for i in populations if network.populations[i].region < 0]
    if lost:
        name = network.families[network.populations[lost[0]].family].name
        raise InputError(
            f"{name} lives in no region of an atlas", where=f"{where}.{key}", remedy="give the population `regions`"
        )
    return sorted({network.populations[i].region for i in populations})
