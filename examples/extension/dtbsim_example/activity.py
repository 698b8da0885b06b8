"""A signal: spikes per neuron and bin of populations."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from dtbsim.clock import steps_of
from dtbsim.record.counts import Bins
from dtbsim.signals import Plan, Signal, SignalOptions, SignalWriter, Stream


class ActivityOptions(SignalOptions):
    """Spikes per neuron and bin of populations."""

    names_populations: ClassVar = ("population",)
    on_grid: ClassVar = ("bin_ms",)
    intervals: ClassVar = ("bin_ms",)

    kind: Literal["activity"] = Field(default="activity", description="names the kind")
    population: str | list[str] = Field(description="population(s), a channel each")
    bin_ms: float = Field(default=5.0, gt=0, description="length of a bin")


class ActivityPlan(Plan):
    """Counts in bins, which end with chunks."""

    def __init__(self, name, item, network):
        self.name, self.item, self.channels = name, item, list(item.populations())
        self.unit = steps_of(item.bin_ms, network.dt_ms)
        families = [network.family_index(population) for population in self.channels]
        self.members = [[k for k, p in enumerate(network.populations) if p.family == f] for f in families]
        self.sizes = np.array([sum(network.populations[k].size for k in member) for member in self.members])

    def open(self, site):
        """Counts of all ranks come to rank 0, which stores."""
        return ActivityStream(self, site) if site.comm.is_root else Stream()


class ActivityStream(Stream):
    """Adds up units of counting to bins."""

    def __init__(self, plan, site):
        bin_ms = plan.item.bin_ms
        self._plan = plan
        self._bins = Bins(plan.unit // site.unit, len(plan.sizes))
        path = site.stores / "signals" / f"{plan.name}.zarr"
        self._writer = SignalWriter(
            path, kind="activity", channels=plan.channels, unit="1", interval_ms=bin_ms, first_ms=bin_ms
        )

    def take(self, chunk):
        """Store the bins that a chunk completes."""
        counts = np.stack([chunk.counts[:, member].sum(axis=1) for member in self._plan.members], axis=1)
        self._writer.append(self._bins.add(counts) / self._plan.sizes)

    def state(self):
        """Return the bin that has begun."""
        return {"started": self._bins.started.copy()}

    def restore(self, state):
        """Go on from there."""
        self._bins.started = state["started"].copy()

    def close(self):
        """Publish the store."""
        self._writer.close()


class Activity(Signal):
    """`signals: {NAME: {kind: activity, population: E}}`; read with `run.signal(NAME)`."""

    name = "activity"
    config = ActivityOptions

    def plan(self, name, item, network):
        """Return the plan of one entry."""
        return ActivityPlan(name, item, network)


ACTIVITY = Activity()
