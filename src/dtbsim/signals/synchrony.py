"""The index of synchrony of all neurons but sources, from the start of the statistics on, for summary.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.analysis.collective import SynchronyMeter, activity_warnings
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream

if TYPE_CHECKING:
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network


class Synchrony(Signal):
    """Computed wherever spikes are counted for something else; it has no store."""

    name = "synchrony"
    holds = None

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """None."""
        return {}

    def plans(self, network: Network) -> Sequence[Plan]:
        """One, where there are neurons."""
        return [SynchronyPlan(network)] if network.n_neurons else []


class SynchronyPlan(Plan):
    """Takes the unit of counting that others need."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def open(self, site: Site) -> Stream:
        """On rank 0, where there are counts."""
        return SynchronyStream(self._network, site.unit, site.begins) if site.comm.is_root and site.unit else Stream()


class SynchronyStream(Stream):
    """Feeds the meter; `unit_steps` is the length of the bins in which spikes are counted."""

    def __init__(self, network: Network, unit_steps: int, begins: int = 0) -> None:
        chosen = [not network.families[p.family].model.is_source for p in network.populations]
        self._chosen: NDArray[np.bool_] = np.array(chosen)
        neurons = sum(p.size for p, counted in zip(network.populations, chosen, strict=True) if counted)
        unit_ms = unit_steps * network.dt_ms
        self._meter = SynchronyMeter(neurons, unit_ms)
        self._skip = max(0, -(-network.records.statistics_start // unit_steps) - begins // unit_steps)

    def take(self, chunk: Chunk) -> None:
        """Go on by the counts of a chunk."""
        skipped = min(self._skip, len(chunk.counts))
        self._skip -= skipped
        self._meter.add(chunk.counts[skipped:, self._chosen].sum(axis=1))

    def summary(self, steps: int) -> dict[str, Any]:
        """The index so far, None where there is none (`SynchronyMeter.index`), and what there is to say of it."""
        index = self._meter.index()
        return {"synchrony": index, "warnings": activity_warnings(index)}

    def state(self) -> dict[str, NDArray[Any]]:
        """What the meter has summed up, and how many units are still left out."""
        return {"skip": np.array(self._skip), **self._meter.state()}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._skip = int(state["skip"])
        self._meter.restore(state)

    def branch(self, state: State | None) -> None:
        """Begin."""


SYNCHRONY = Synchrony()
