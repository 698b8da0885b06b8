"""Slow homeostatic drives: per region, a tonic input that holds the mean rate of a population at its target.

Every interval, for region i with rate r_i over it (config: `HomeostaticTonic`):

    b_i <- b_i - gain * eta * clip((r_i - target) / target, -clip, clip)

b_i is added to the population's own value of the parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.config.network import HomeostaticTonic
from dtbsim.errors import InputError
from dtbsim.intervene.intervention import Kind, Plan, State
from dtbsim.record.chunk import Chunk
from dtbsim.record.counts import Bins
from dtbsim.spec.network import Network
from dtbsim.spec.numbers import varies_within

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HomeostaticPlan(Plan):
    """One `homeostatic_tonic` of the configuration; of the family's populations, one per region, in its order."""

    item: HomeostaticTonic
    dt_ms: float
    interval: int
    family: int
    populations: NDArray[np.int64]
    sizes: F64
    own: F64 | float
    target_hz: F64
    start: F64
    stages: tuple[tuple[int, float], ...]
    """First step and eta of each."""
    average: tuple[int, int] | None
    """The steps that are averaged over."""
    counts = True

    def open(self, backend: Backend, unit: int) -> Controller:
        """Return the controller, the same on every rank."""
        return Controller(self, unit)


class Controller:
    """Follows the counts of all ranks. Every rank computes all regions, from the same counts."""

    def __init__(self, plan: HomeostaticPlan, unit_steps: int) -> None:
        self._plan = plan
        self._bins = Bins(plan.interval // unit_steps, plan.populations.size)
        self.drive = plan.start
        self._sum = np.zeros(plan.populations.size)
        self._summed = 0
        self._done = 0

    def begin(self, backend: Backend) -> None:
        """Set the drive of the first interval."""
        self._apply(backend)

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Update the drive for every interval that the counts of a chunk complete."""
        self.follow(chunk.counts, backend)

    def follow(self, counts: NDArray[np.int64], backend: Backend) -> None:
        """Update the drive for every interval that `counts` (int64[units, all populations]) completes."""
        for spikes in self._bins.add(counts[:, self._plan.populations]):
            self._done += 1
            self._update(spikes / self._plan.sizes / (self._plan.interval * self._plan.dt_ms * 1e-3))
            self._apply(backend)

    def state(self) -> State:
        """Return drives, the running average and the counts of an interval that is not complete."""
        return {
            "drive": self.drive,
            "sum": self._sum,
            "counted": self._bins.started,
            "done": np.array([self._done, self._summed], np.int64),
        }

    def restore(self, state: State) -> None:
        """Go on from there; `begin` is not called again."""
        self.drive, self._sum = np.array(state["drive"]), np.array(state["sum"])
        self._bins.started = np.array(state["counted"], np.int64)
        self._done, self._summed = (int(n) for n in state["done"])

    def _update(self, rates_hz: F64) -> None:
        item, plan = self._plan.item, self._plan
        end = self._done * plan.interval
        begin = end - plan.interval
        eta = next((eta for start, eta in reversed(plan.stages) if begin >= start), 0.0)
        error = np.clip((rates_hz - plan.target_hz) / plan.target_hz, -item.clip, item.clip)
        self.drive = self.drive - item.gain * eta * error
        if plan.average is None:
            return
        first, last = plan.average
        if first <= begin and end <= last:
            self._sum = self._sum + self.drive
            self._summed += 1
        if self._summed and end <= last < end + plan.interval:
            self.drive = self._sum / self._summed

    def _apply(self, backend: Backend) -> None:
        backend.set_parameter(self._plan.family, self._plan.item.parameter, self._plan.own + self.drive)


class HomeostaticKind(Kind):
    """`kind: homeostatic_tonic`."""

    config = HomeostaticTonic

    def plan(self, network: Network, name: str, item: HomeostaticTonic) -> HomeostaticPlan:
        """Compile it. InputError where the parameter differs between neurons, or the projection has no in-degree."""
        dt_ms, index = network.dt_ms, network.family_index(item.population)
        populations = network.families[index].populations.astype(np.int64)
        indegrees = _indegrees(network, index, item, name)
        return HomeostaticPlan(
            item=item,
            dt_ms=dt_ms,
            interval=steps_of(item.interval_ms, dt_ms),
            family=index,
            populations=populations,
            sizes=np.array([network.populations[p].size for p in populations], dtype=np.float64),
            own=_own_value(network, index, item, name),
            target_hz=network.by_region[name, "target_rate_hz"],
            start=network.by_region[name, "start"] + item.start_per_indegree * indegrees,
            stages=tuple((steps_of(stage.start_ms, dt_ms), stage.eta) for stage in item.stages),
            average=_average_steps(item, dt_ms),
        )


def _average_steps(item: HomeostaticTonic, dt_ms: float) -> tuple[int, int] | None:
    """The time that is averaged over, in whole steps, None without one."""
    if item.average_from_ms is None or item.average_until_ms is None:
        return None
    return steps_of(item.average_from_ms, dt_ms), steps_of(item.average_until_ms, dt_ms)


def _own_value(network: Network, family_index: int, item: HomeostaticTonic, name: str) -> F64 | float:
    """The population's own value of the controlled parameter, a number or one per region."""
    family = network.families[family_index]
    own = family.parameters.get(item.parameter, family.model.parameter(item.parameter).default)
    if varies_within(own):
        raise InputError(
            f"{item.parameter} of population {family.name} differs between neurons; a controller sets it per region",
            where=f"controllers.{name}.parameter",
            remedy="give the population a number, or one for each region",
        )
    assert isinstance(own, float | int | np.ndarray)
    return own


def _indegrees(network: Network, family_index: int, item: HomeostaticTonic, name: str) -> F64:
    """Long-range in-degree of each of the family's populations in the projection that the controller names."""
    n = network.families[family_index].populations.size
    if item.projection is None or item.start_per_indegree == 0:
        return np.zeros(n)
    projection = network.projection(item.projection)
    where = f"controllers.{name}.projection"
    if projection.target_family != family_index:
        target = network.families[projection.target_family].name
        raise InputError(
            f"projection {item.projection} ends on {target}, not on {item.population}",
            where=where,
            remedy=f"name a projection onto {item.population}",
        )
    if projection.rule.number_of != "target":
        raise InputError(
            f"projection {item.projection} has no in-degree", where=where, remedy="use the rule fixed_indegree"
        )
    return projection.piece_number.astype(np.float64)


HOMEOSTATIC = HomeostaticKind()
