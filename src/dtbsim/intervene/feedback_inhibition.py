"""Feedback inhibition of the dynamic mean field: J_i follows the mean excitatory rate of every interval.

    J_i <- J_i + clip(gain (r_i - target) / target, -largest_change, largest_change),   at least 0

Every rank corrects its own regions and members; what is computed of one depends on no other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.config.coupling import FeedbackInhibition
from dtbsim.intervene.intervention import Kind, Plan, State
from dtbsim.record.chunk import Chunk
from dtbsim.spec.network import Network
from dtbsim.spec.region_network import RegionNetwork

F64 = NDArray[np.float64]
PARAMETER = "J_i"


@dataclass(frozen=True, eq=False)
class FeedbackPlan(Plan):
    """`sample` is that of the rates; None: nothing is corrected."""

    item: FeedbackInhibition
    regions: RegionNetwork
    population: int
    sample: int | None
    interval: int
    stop: int

    def open(self, backend: Backend, unit: int) -> Feedback:
        """Return the controller of this rank's regions and members."""
        return Feedback(self, backend)


class Feedback:
    """J_i of the regions and members of one rank."""

    def __init__(self, plan: FeedbackPlan, backend: Backend) -> None:
        self._plan = plan
        self._nodes, self._members = backend.region_share(plan.population)
        population = plan.regions.populations[plan.population]
        start = population.parameters.get(PARAMETER)
        if start is None:
            start = np.full((1, population.n_nodes), float(population.model.parameter(PARAMETER).default))
        shape = plan.regions.members.n, population.n_nodes
        every: F64 = np.broadcast_to(start, shape)
        self.values: F64 = every[list(self._members), slice(*self._nodes)].T.copy()
        self._elements = np.add.outer(np.arange(*self._nodes), np.array(self._members, np.int64) * population.n_nodes)

    def begin(self, backend: Backend) -> None:
        """The network was compiled with the start."""

    def take(self, chunk: Chunk, backend: Backend) -> None:
        """Correct J_i by the mean rates of the intervals that a chunk completes."""
        plan, item = self._plan, self._plan.item
        if plan.sample is None:
            return
        series = chunk.regions[plan.sample]
        for step, rates in zip(series.steps, series.values[..., 0], strict=True):
            if step + 1 > plan.stop:
                break
            error = item.gain * (rates.astype(np.float64) - item.target_rate_hz) / item.target_rate_hz
            self.values = np.maximum(self.values + np.clip(error, -item.largest_change, item.largest_change), 0.0)
            backend.set_region_parameter(plan.population, PARAMETER, self.values)

    def state(self) -> State:
        """J_i by element, member * nodes + node."""
        order = np.argsort(self._elements.ravel(), kind="stable")
        return {"gids": self._elements.ravel()[order], "values": self.values.ravel()[order]}

    def restore(self, state: State) -> None:
        """Go on from there; the backend gets the values with the next correction, or from `go_on`."""
        at = np.searchsorted(np.asarray(state["gids"]), self._elements)
        self.values = np.asarray(state["values"], np.float64)[at]

    def go_on(self, step: int, backend: Backend) -> None:
        """Set what holds where a run goes on."""
        backend.set_region_parameter(self._plan.population, PARAMETER, self.values)


class FeedbackInhibitionKind(Kind):
    """`kind: feedback_inhibition`."""

    config = FeedbackInhibition

    def plan(self, network: Network, name: str, item: FeedbackInhibition) -> FeedbackPlan:
        """Compile it; the network has checked the population."""
        regions = network.regions
        assert regions is not None
        population = regions.index(item.population)
        assert population is not None
        owners = [sample.owner for sample in regions.samples]
        owner = f"controllers.{name}"
        interval = network.n_steps if item.interval_ms is None else steps_of(item.interval_ms, network.dt_ms)
        stop = network.n_steps if item.stop_ms is None else steps_of(item.stop_ms, network.dt_ms)
        sample = None if item.interval_ms is None else owners.index(owner)
        return FeedbackPlan(item, regions, population, sample, interval, stop)


FEEDBACK_INHIBITION = FeedbackInhibitionKind()
