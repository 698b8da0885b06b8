"""Renewal processes: what drives whose intervals are independent have in common.

A process lives in operational time, in which its intervals have the mean 1; a rate in time says how fast that goes, so
that a rate that varies keeps the shape of the intervals (Barbieri et al. 2001, doi:10.1016/S0165-0270(00)00344-7).
Interval k of a neuron is drawn by seed, drive, neuron and k alone. Operational time is counted in whole units, so that
the spikes do not depend on how a run is cut into chunks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dtbsim.models.drives.base import Site
from dtbsim.models.drives.inputs import I64, Draws, Trains
from dtbsim.models.drives.waveforms import JoinedRates, Rate

UNIT = 2.0**40
"""Units of operational time in a mean interval."""
MOST = 10.0
"""Largest mean number of spikes per step: more than 255 in a step do not occur, however uneven the intervals are."""
_SECOND = 1 << 31
"""Added to the number of a process for another word of its first interval."""


class Intervals(Protocol):
    """A distribution of intervals with the mean 1; float64 in (0, 1) are uniform numbers."""

    def following(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return intervals between spikes."""
        ...

    def first(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the times until the first spike."""
        ...


@dataclass(frozen=True, eq=False)
class Renewal(Trains):
    """Every neuron gets the spikes of `processes` independent processes, all together at `rate`.

    The state of a process: how many intervals it has drawn, and how much is left of the last one.
    """

    rate: Rate
    intervals: Intervals
    processes: int = 1
    shared: bool = False

    @property
    def width(self) -> int:
        """Two numbers for each process."""
        return 2 * self.processes

    def start(self, draws: Draws) -> I64:
        """Draw the first interval of every process."""
        place, process = (axis.ravel() for axis in np.indices((draws.n, self.processes)))
        number = np.zeros_like(place)
        u, v = (draws.uniform(place, number, process + second) for second in (0, _SECOND))
        left = _units(self.intervals.first(u, v)).reshape(draws.n, self.processes)
        return np.concatenate([np.ones_like(left), left], axis=1)

    def advance(self, state: I64, draws: Draws, start: int, stop: int) -> tuple[I64, I64]:
        """Let operational time go on; a process spikes in the step in which its interval ends."""
        p = self.processes
        number, left = state[:, :p].flatten(), state[:, p:].flatten()
        means = self.rate.means(np.arange(start, stop, dtype=np.int64), draws.dt_ms)
        passed = np.cumsum(np.rint(means * (UNIT / p)).astype(np.int64))
        steps, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        due = np.flatnonzero(left <= passed[-1])
        while due.size:
            place, process = np.divmod(due, p)
            steps.append(start + np.searchsorted(passed, left[due]))
            places.append(place)
            left[due] += _units(self.intervals.following(draws.uniform(place, number[due], process)))
            number[due] += 1
            due = due[left[due] <= passed[-1]]
        state[:, :p], state[:, p:] = number.reshape(-1, p), (left - passed[-1]).reshape(-1, p)
        return np.concatenate(steps), np.concatenate(places)

    def joined(self, starts: Sequence[int], parts: Sequence[Any]) -> list[Trains]:
        """Go on with the same intervals at another rate."""
        rate = JoinedRates(tuple(starts), tuple(part.rate for part in parts))
        return [Renewal(rate, self.intervals, self.processes, self.shared)] * len(parts)


def _units(intervals: NDArray[np.float64]) -> I64:
    return np.maximum(np.rint(intervals * UNIT), 1.0).astype(np.int64)


def check_peak(site: Site, key: str, peak_hz: float) -> None:
    """Raise InputError where a rate makes more spikes per step than a renewal process can have here."""
    mean = peak_hz * site.dt_ms * 1e-3
    if mean > MOST:
        raise site.error(
            key,
            f"{mean:g} spikes per step; allowed: 0 to {MOST:g}",
            "use a shorter dt_ms, or fewer spikes with a larger weight",
        )
