"""How many steps to take in one compiled call: short enough to stay responsive, ending where something must happen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.mpi import Comm
from dtbsim.record.chunk import Chunk
from dtbsim.record.counts import Activity, sum_on_first
from dtbsim.record.spike_order import Gids, Steps
from dtbsim.spec.network import Network

CHUNK_S = 0.25
"""Wall time of a chunk: progress, Ctrl-C and the watchdog act between chunks, at a cost of about a millisecond."""
LIMIT_S = 4 * CHUNK_S
"""A chunk whose steps become slow on the way (a silent network begins to burst) ends early after that."""
FIRST_STEPS = 32
MOST_STEPS = 20_000


class Chunks:
    """Ends of chunks. They end after multiples of `intervals` (numbers of steps), and before each of the steps `at`."""

    def __init__(self, n_steps: int, intervals: Sequence[int], at: Sequence[int] = ()) -> None:
        self._n_steps = n_steps
        self._intervals = sorted(set(intervals))
        self._at = sorted(set(at))
        self._wanted = FIRST_STEPS

    def stop_after(self, start: int) -> int:
        """The end of the chunk that begins at `start`."""
        stop = min(start + self._wanted, self._n_steps)
        for interval in self._intervals:
            stop = min(stop, (start // interval + 1) * interval)
        following = bisect_right(self._at, start)
        return stop if following == len(self._at) else min(stop, self._at[following])

    def note(self, steps: int, seconds: float) -> None:
        """Adapt to how long the last chunk took; `seconds` must be the same number on every rank."""
        fitting = int(CHUNK_S * steps / max(seconds, 1e-6))
        self._wanted = max(1, min(fitting, 4 * self._wanted, MOST_STEPS))


class ChunkReader:
    """Takes chunks from a backend. `unit` is the number of steps in which spikes are counted, 0 where nobody counts."""

    def __init__(self, network: Network, comm: Comm, backend: Backend, unit: int) -> None:
        self._backend = backend
        self.spikes: list[tuple[Steps, Gids]] | None = None
        """Where there is a list, the spikes of this rank are kept in it, too."""
        self._nothing = np.zeros((0, len(network.populations)), np.int64)
        self._activity = Activity(comm, network.gid_starts, unit) if unit else None
        if unit:
            backend.count_spikes(unit)

    def state(self) -> dict[str, NDArray[np.int64]]:
        """This rank's counts of the unit that has begun."""
        return {} if self._activity is None else {"started": self._activity.started.copy()}

    def restore(self, states: Sequence[Mapping[str, NDArray[np.int64]]]) -> None:
        """Go on from what all ranks of an interrupted run had counted; where there are as many, own counts suffice."""
        if self._activity is None:
            return
        if len(states) == self._activity.comm.size:
            self._activity.started = np.array(states[self._activity.comm.rank]["started"], np.int64)
        else:
            self._activity.started = sum_on_first(self._activity.comm, [state["started"] for state in states])

    def take(self, start: int) -> Chunk:
        """Return what the backend has computed from `start` on; collective."""
        stop = self._backend.reached
        steps, gids = self._backend.collect()
        if self.spikes is not None:
            self.spikes.append((steps, gids))
        counts = self._nothing
        if self._activity is not None:
            counts = self._activity.add(start, stop, steps, gids, self._backend.counts())
        sampler = self._backend.sampler
        samples = [sampler.take(k) for k in range(len(sampler.records))]
        return Chunk(start, stop, steps, gids, counts, samples, self._backend.region_series())
