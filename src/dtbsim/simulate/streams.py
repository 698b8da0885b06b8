"""All recorders and signals of a run: planned before anything is built, opened on every rank, fed with every chunk."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from dtbsim.config import Locator
from dtbsim.config.signals import kinds_named
from dtbsim.errors import InputError
from dtbsim.intervene import Plan as InterventionPlan
from dtbsim.intervene import intervention_plans
from dtbsim.mpi import Comm
from dtbsim.record.chunk import Chunk
from dtbsim.signals.stream import Plan, Site, State, Stream
from dtbsim.spec.network import Network
from dtbsim.store.open_tables import Kept, Tables


@dataclass(frozen=True, eq=False)
class Planned:
    """What a run records and what acts on it.

    `unit` of counting in steps (0: nobody counts); `intervals` after whose multiples chunks end.
    """

    plans: list[tuple[str, Plan]]
    """Each with the name under which its time is summed up."""
    kinds: list[str]
    """The name of the kind of each."""
    controllers: list[InterventionPlan]
    unit: int
    intervals: list[int]


def plan_streams(network: Network, locator: Locator | None = None) -> Planned:
    """Compile everything that is to be recorded or changes the run; InputError where it does not fit the network."""
    try:
        controllers = intervention_plans(network)
        kinds = kinds_named({asked.kind for asked in network.signals})
        found = [(kind, plan) for kind in kinds for plan in kind.plans(network)]
        found.sort(key=lambda planned: planned[1].depth)  # who follows a signal comes after it
    except InputError as error:
        if locator is not None and error.where is not None:
            error.where = locator.where(error.where)
        raise
    plans, names = [(kind.part, plan) for kind, plan in found], [kind.name for kind, _ in found]
    units = [plan.unit for _, plan in plans if plan.unit] + [plan.interval for plan in controllers if plan.counts]
    intervals = [interval for _, plan in plans for interval in plan.intervals]
    intervals += [plan.interval for plan in controllers]
    return Planned(plans, names, controllers, math.gcd(*units) if units else 0, intervals)


class Streams:
    """The open streams of one rank; `seconds` is what they took, by part."""

    def __init__(
        self,
        planned: Planned,
        site: Site,
        kept: Mapping[str, Kept] | None = None,
        branch: Mapping[str, Any] | None = None,
    ) -> None:
        """Open all of them; where one cannot be opened, those before it are closed.

        `kept`: what counts of the stores of an interrupted run, which are continued. `branch`: of a branch, where it
        begins.
        """
        self._kinds, self.unit = planned.kinds, planned.unit
        self._comm: Comm = site.comm
        self._streams: list[tuple[str, Stream]] = []
        self.seconds = dict.fromkeys(("record", "signals"), 0.0)
        self.tables = Tables(site.stores, kept, branch)
        with contextlib.ExitStack() as stack, self.tables.opening():
            for part, plan in planned.plans:
                stream = plan.open(site)
                stack.callback(stream.close)
                self._streams.append((part, stream))
            stack.pop_all()

    def begin(self) -> None:
        """Store what holds before the first step. Raises StorageError."""
        self._each(lambda stream: stream.begin())

    def share(self, chunk: Chunk) -> None:
        """Combine a chunk with those of all other ranks; collective."""
        self._each(lambda stream: stream.share(chunk))

    def take(self, chunk: Chunk) -> None:
        """Store the same chunk. Raises StorageError and NumericsError on this rank alone."""
        self._each(lambda stream: stream.take(chunk))

    def end(self, stop: int) -> None:
        """Store what holds at the end of a run that was not planned to end at step `stop`. Raises StorageError."""
        self._each(lambda stream: stream.end(stop))

    def summary(self, steps: int) -> dict[str, Any]:
        """Entries of summary.json, the same on every rank; collective."""
        found: dict[str, Any] = {}
        warnings: list[str] = []
        for _, stream in self._streams:
            known = stream.summary(steps)
            warnings += known.pop("warnings", [])
            found |= known
        shared: dict[str, Any] = self._comm.bcast(found | {"warnings": warnings})
        return shared

    def state(self) -> list[dict[str, NDArray[Any]]]:
        """What every stream of this rank needs to go on later, in their order."""
        return [stream.state() for _, stream in self._streams]

    def restore(self, states: Sequence[State]) -> None:
        """Go on from what `state` returned for the same plans on the same rank; before the next chunk."""
        for (_, stream), state in zip(self._streams, states, strict=True):
            stream.restore(state)

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self._streams)

    def check_states(self) -> None:
        """Raise InputError where a stream does not say what its state is."""
        for _, stream in self._streams:
            if type(stream) is not Stream and type(stream).state is Stream.state:
                raise InputError(
                    f"{type(stream).__name__} has no state() of its own, so this run cannot be saved",
                    where="signals",
                    remedy="leave it or `checkpoint` out, or add state() and restore() to its class",
                )

    def keep(self) -> dict[str, Kept]:
        """Bring everything that was recorded to the disk; returns what counts of each store. May raise StorageError."""
        self._each(lambda stream: stream.flush())
        return self.tables.keep()

    def restore_from(self, states: Sequence[Sequence[State]], comm: Comm) -> None:
        """Go on from the states of all ranks of an interrupted run, of which there may have been another number."""
        for k, (_, stream) in enumerate(self._streams):
            of_all = [state[k] for state in states]
            stream.restore(of_all[comm.rank] if len(states) == comm.size else stream.merged(of_all, comm.rank))

    def branch_from(
        self, states: Sequence[Sequence[State]], comm: Comm, kinds: Sequence[str], same: frozenset[str]
    ) -> None:
        """Begin with a branch: `states` are those of all ranks of its run at that moment, of streams of these `kinds`.

        Those of a kind in `same` go on from the state of their like, in the same order; others begin.
        """
        taken: dict[str, int] = {}
        for kind, (_, stream) in zip(self._kinds, self._streams, strict=True):
            if kind not in same:
                stream.branch(None)
                continue
            like = [k for k, name in enumerate(kinds) if name == kind][taken.get(kind, 0)]
            taken[kind] = taken.get(kind, 0) + 1
            of_all = [state[like] for state in states]
            stream.branch(of_all[comm.rank] if len(states) == comm.size else stream.merged(of_all, comm.rank))

    def close(self) -> None:
        """Publish everything that was recorded; every store, also when one of them fails."""
        with contextlib.ExitStack() as stack:
            for _, stream in self._streams:
                stack.callback(stream.close)

    def _each(self, do: Callable[[Stream], None]) -> None:
        for part, stream in self._streams:
            begin_s = time.perf_counter()
            do(stream)
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - begin_s
