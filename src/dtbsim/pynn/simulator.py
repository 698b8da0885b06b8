"""The state of a simulation: what was made, how far it came, and the run of dtbsim behind it.

PyNN makes a network bit by bit and changes it between calls of `run`; dtbsim builds it once. So the run begins at the
first `run`. Values of neurons are then changed in the run itself. Input that changes (spikes, currents, sources) needs
another configuration; as input of the past stays what it was, and runs can be repeated bit for bit, it is simulated
again from the beginning, and goes on from there.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyNN import common

from dtbsim.errors import InputError
from dtbsim.pynn.configuration import configuration_of

if TYPE_CHECKING:
    from dtbsim.simulate.live import LiveRun
    from dtbsim.store import Run

name = "dtbsim"
I64 = NDArray[np.int64]


class ID(int, common.IDMixin):
    """A neuron: its number in the order of creation, and what PyNN can do with it."""

    def __init__(self, n: int) -> None:
        """`n`: its number."""
        common.IDMixin.__init__(self)


class State(common.control.BaseState):
    """Everything that `setup` begins anew. Times are counted in steps.

    Attributes:
        dt: the time step in ms.
        step: the step that was reached in the current segment.
        populations, projections, current_sources: what was made, in order.
        timeline: what was changed since the segment began, as `changes` of a configuration.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mpi_rank, self.num_processes = 0, 1
        self.dt, self.seed, self.step, self.threads, self.backend = 0.1, 42, 0, None, "auto"
        self.smallest_delay: float | str = "auto"
        self.largest_delay: float | str = "auto"
        self.exact_times = False
        self._session: _Session | None = None
        self.clear()

    # -- time ---------------------------------------------------------------------------------------------------

    @property
    def t(self) -> float:
        """The time of the current segment in ms."""
        return float(np.round(self.step * self.dt, 9))

    @property
    def min_delay(self) -> float:
        """What `setup` was given, or with "auto" the shortest delay that there is."""
        if self.smallest_delay != "auto":
            return float(self.smallest_delay)
        return min((projection.shortest_delay for projection in self.projections if len(projection)), default=self.dt)

    @property
    def max_delay(self) -> float:
        """What `setup` was given, or with "auto" the longest delay that there is."""
        if self.largest_delay != "auto":
            return float(self.largest_delay)
        return max((projection.longest_delay for projection in self.projections if len(projection)), default=self.dt)

    def steps(self, time_ms: Any) -> Any:
        """The nearest whole number of steps."""
        return np.rint(np.asarray(time_ms, np.float64) / self.dt).astype(np.int64)

    # -- the run ------------------------------------------------------------------------------------------------

    def run(self, simtime: float) -> None:
        """Simulate another `simtime` ms."""
        self.run_until(self.t + simtime)

    def run_until(self, tstop: float) -> None:
        """Simulate up to the step at `tstop` ms."""
        stop = int(self.steps(tstop))
        self.running = True
        if stop <= self.step:
            return
        if self._session is None:
            for item in (*self.populations, *self.projections):
                item.begin()
            self._session = _Session(self)
        self._session.run(stop)
        self.step = stop

    @property
    def has_run(self) -> bool:
        """Whether a run has begun in this segment."""
        return self._session is not None

    def refuse_late(self, what: str) -> None:
        """Raise InputError where a run has begun: `what` cannot be made then."""
        if self.has_run:
            raise InputError(
                f"{what} cannot be made while the network runs", remedy="make it before run(), or after reset()"
            )

    def changed(self, entry: dict[str, Any]) -> None:
        """Note a change of neurons as it stands in `changes` of a configuration, and make it."""
        if self._session is not None:
            entry["t_ms"] = self.t
            self.timeline.append(entry)
            self._session.change(entry)

    def outdated(self) -> None:
        """Have the network built again before it goes on."""
        if self._session is not None:
            self._session.outdated = True

    def spikes(self, population: str) -> tuple[I64, I64]:
        """Steps and neurons of all spikes of a population in this segment."""
        if self._session is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return self._session.spikes(population)

    def results(self) -> Run | None:
        """What was recorded up to now; None before the run has begun."""
        return None if self._session is None else self._session.results()

    def configuration(self) -> dict[str, Any]:
        """The configuration of the run, which must have begun."""
        assert self._session is not None
        return self._session.configuration()

    # -- beginning anew -----------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget the network."""
        self.recorders: set[Any] = set()
        self.write_on_end: list[Any] = []
        self.populations: list[Any] = []
        self.projections: list[Any] = []
        self.current_sources: list[Any] = []
        self.id_counter = 0
        self.segment_counter = -1
        self.reset()

    def reset(self) -> None:
        """Go back to time 0; the network stays. Every segment draws its noise from a seed of its own."""
        if self._session is not None:
            self._session.end()
            self._session = None
            for item in (*self.populations, *self.projections, *self.current_sources):
                item.begin_again()
        self.running = False
        self.step, self.t_start = 0, 0
        self.timeline: list[dict[str, Any]] = []
        self.segment_counter += 1


class _Session:
    """The run of a segment. It is open while it goes on, and closed (and saved) to read what was recorded."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._folders: list[tempfile.TemporaryDirectory[str]] = []
        self._lists = _folder()
        self._live: LiveRun | None = None
        self._read: Run | None = None
        self._step = 0
        self._before: dict[str, list[tuple[I64, I64]]] = {}
        """Spikes up to the last time that the run was closed."""
        self.outdated = True

    @property
    def _folder(self) -> Path:
        return Path(self._folders[-1].name) / "run"

    def run(self, stop: int) -> None:
        self._ready().run(self._time(stop - self._step))
        self._step = stop

    def change(self, entry: dict[str, Any]) -> None:
        """Make a change in the run; where it cannot, the network is built again with it."""
        if self.outdated:
            return
        try:
            chosen = {key: entry[key] for key in ("neurons",) if key in entry}
            self._ready().set(entry.get("population") or entry["projection"], entry["set"], **chosen)
        except InputError:
            self.outdated = True

    def spikes(self, population: str) -> tuple[I64, I64]:
        parts = list(self._before.get(population, []))
        if self._live is not None:
            parts.append(self._of(self._live, population))
        steps, neurons = (np.concatenate([np.zeros(0, np.int64), *column]) for column in zip(*parts, strict=True))
        return steps, neurons

    def results(self) -> Run:
        if self._read is None:
            live = self._ready()
            for population in self._state.populations:
                self._before.setdefault(population.name, []).append(self._of(live, population.name))
            live.save()
            self._read = live.open()
            self._live = None
        return self._read

    def configuration(self) -> dict[str, Any]:
        return configuration_of(self._state, Path(self._lists.name))

    def end(self) -> None:
        if self._live is not None:
            self._live.abandon()
        self._live = self._read = None
        for folder in (*self._folders, self._lists):
            with contextlib.suppress(OSError):
                folder.cleanup()

    def _ready(self) -> LiveRun:
        """The open run, at the step that was reached."""
        import dtbsim

        if self.outdated:
            if self._live is not None:
                self._live.abandon()
            self._before, self._read = {}, None
            self._folders.append(_folder())
            self._live = dtbsim.start(self.configuration(), out=self._folder)
            if self._step:
                self._live.run(self._time(self._step))
            self.outdated = False
        elif self._live is None:
            self._live, self._read = dtbsim.start(self._folder), None
        return self._live

    def _time(self, steps: int) -> float:
        return float(np.round(steps * self._state.dt, 9))

    def _of(self, live: LiveRun, population: str) -> tuple[I64, I64]:
        found = live.spikes(population)
        steps = self._state.steps(found.time_ms)
        return steps, np.asarray(found.neuron, np.int64)


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="dtbsim-pynn-", ignore_cleanup_errors=True)


state = State()
