"""What drives can give to neurons: the few inputs that the engine steps, on CPUs and GPUs, bit for bit the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.errors import InputError
from dtbsim.models.drives.waveforms import Rate, Wave

I64 = NDArray[np.int64]


class OwnRates(Protocol):
    """A rate in Hz for every neuron of a population, `low` to `high`."""

    @property
    def low(self) -> float: ...  # noqa: D102

    @property
    def high(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class PoissonSpikes:
    """A Poisson number of spikes in every step: at a constant rate in Hz, a rate in time, or one for every neuron.

    `key` gives the rate, for messages; `peak_hz` is the largest value of a rate in time. With `shared` all targets get
    the same spikes.
    """

    rate: float | OwnRates | Rate
    key: str = "rate_hz"
    peak_hz: float = 0.0
    shared: bool = False


@dataclass(frozen=True, eq=False)
class ListedSpikes:
    """Spikes known beforehand, int64[n, 2] (step in which it arrives, neuron of the population), in any order."""

    events: I64


@dataclass(frozen=True, eq=False)
class Draws:
    """What trains are drawn for: `n` neurons, by their place 0 to n - 1, and the time step.

    `words(place, number, call)` gives uint32[4, m], random words for int64[m] places and numbers; `call` (0 to
    2^32 - 1, also int64[m]) tells several draws apart. They are a function of seed, drive, neuron and these alone.
    """

    n: int
    dt_ms: float
    words: Callable[[I64, I64, I64 | int], NDArray[np.uint32]]

    def uniform(self, place: I64, number: I64, call: I64 | int = 0) -> NDArray[np.float64]:
        """Return float64[m] between 0 and 1, both excluded, with 52 random bits."""
        high, low, *_ = self.words(place, number, call).astype(np.float64)
        return np.asarray((high * 2.0**20 + np.floor(low * 2.0**-12) + 0.5) * 2.0**-52)


class Trains:
    """Spike trains that are drawn as the run goes on, chunk by chunk; the base of what a drive returns.

    It is a data class of numbers, arrays and others, so that the state of a run can hold it. A state of `width`
    integers per neuron goes from chunk to chunk. The same steps must give the same spikes however they are cut into
    chunks: sums of integers do, sums of floating-point numbers do not.
    """

    shared: bool = False
    """Whether all targets get the same train."""

    @property
    def width(self) -> int:
        """Integers that are kept for each neuron."""
        return 0

    def start(self, draws: Draws) -> I64:
        """Return the state before step 0, int64[n, width]."""
        return np.zeros((draws.n, self.width), np.int64)

    def advance(self, state: I64, draws: Draws, start: int, stop: int) -> tuple[I64, I64]:
        """Bring the state, in place, from `start` to before `stop`; return int64[m] steps and places of the spikes."""
        raise NotImplementedError

    def joined(self, starts: Sequence[int], parts: Sequence[Trains]) -> list[Trains]:
        """Return the trains of a drive that is as `parts[k]` says from step `starts[k]` on, for each of its stretches.

        Without a state each draws for itself, as if it had always been so; with one, all must be one that goes on.
        """
        if self.width:
            raise InputError("this drive cannot change during a run", remedy=f"define {type(self).__name__}.joined")
        return list(parts)


@dataclass(frozen=True, eq=False)
class InputCurrent:
    """A current, the same for all targets, in the unit of the model's input current."""

    wave: Wave


@dataclass(frozen=True, eq=False)
class NoisyCurrent:
    """`mean` plus `sd` times standard normal numbers: new ones every `interval` steps, or a process with a memory.

    With `tau_ms` they are an Ornstein-Uhlenbeck process with this correlation time. With `shared` all targets get the
    same. Times are counted from the moment at which the drive is first switched on.
    """

    mean: Wave
    sd: Wave
    interval: int = 1
    tau_ms: float | None = None
    shared: bool = False


Input = PoissonSpikes | ListedSpikes | Trains | InputCurrent | NoisyCurrent
SPIKES = (PoissonSpikes, ListedSpikes, Trains)
CURRENTS = (InputCurrent, NoisyCurrent)
