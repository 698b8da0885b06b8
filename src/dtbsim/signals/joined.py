"""Several sources of one signal, neurons in some regions and mean fields in others, each times a factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.signals.source import OpenSource, Source

if TYPE_CHECKING:
    from dtbsim.record.chunk import Chunk
    from dtbsim.signals.stream import Site


class Joined(Source):
    """The regions of one source after those of another, all with the same samples; a region may be in several."""

    def __init__(self, parts: Sequence[tuple[Source, float]]) -> None:
        self.sources = [source for source, _ in parts]
        self.factors = [factor for _, factor in parts]
        first = self.sources[0]
        self.window, self.unit, self.members = first.window, first.unit, first.members
        self.regions = [region for source in self.sources for region in source.regions]
        self.names = [name for source in self.sources for name in source.names]
        self.intervals = tuple(interval for source in self.sources for interval in source.intervals)

    def open(self, site: Site) -> OpenSource:
        """All of them on a rank."""
        return OpenJoined([source.open(site) for source in self.sources], self.factors, self.members)


class OpenJoined(OpenSource):
    """Puts their samples side by side."""

    def __init__(self, sources: list[OpenSource], factors: list[float], members: int) -> None:
        self._sources, self._factors, self._members = sources, factors, members
        self.values = self._together()

    def _together(self) -> NDArray[np.float64]:
        scaled = [source.values * factor for source, factor in zip(self._sources, self._factors, strict=True)]
        if len(scaled) == 1:
            return scaled[0]
        k, members = len(scaled[0]), self._members
        apart = [part.reshape(k, members, part.shape[2] // members) for part in scaled]
        together = np.concatenate(apart, axis=2)
        return together.reshape(k, 1, members * together.shape[2])

    def share(self, chunk: Chunk) -> None:
        """One source after the other, on every rank in the same order."""
        for source in self._sources:
            source.share(chunk)
        self.first = self._sources[0].first
        self.values = self._together()

    def state(self) -> dict[str, NDArray[Any]]:
        """That of each, by its number."""
        return {f"{k}_{name}": values for k, one in enumerate(self._sources) for name, values in one.state().items()}

    def restore(self, state: Any) -> None:
        """Go on from there."""
        for k, source in enumerate(self._sources):
            start = f"{k}_"
            mine = {name.removeprefix(start): values for name, values in state.items() if name.startswith(start)}
            source.restore(mine)
