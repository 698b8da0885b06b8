"""Spikes of all ranks as one stream, sorted by step, then gid: the same whatever the number of ranks was."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dtbsim.record.spike_order import Gids, Steps, sort_spikes
from dtbsim.store.published import rank_stores
from dtbsim.store.table_reader import TableReader

_WINDOW_SPIKES = 1 << 20  # aimed at when the caller names no window


class GidSelection:
    """A set of gids made of ranges [start, stop)."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        edges: list[int] = []
        for start, stop in sorted(ranges):
            if edges and start <= edges[-1]:
                edges[-1] = max(edges[-1], stop)
            else:
                edges += [start, stop]
        self._edges = np.array(edges, np.int64)

    def mask(self, gids: Gids) -> NDArray[np.bool_]:
        """Return for every gid whether it belongs to the set."""
        if len(self._edges) == 2:
            inside: NDArray[np.bool_] = (gids >= self._edges[0]) & (gids < self._edges[1])
            return inside
        return (np.searchsorted(self._edges, gids, side="right") & 1).astype(np.bool_)


class StepWindow(NamedTuple):
    """All spikes with start_step <= step < stop_step, sorted by step, then gid."""

    start_step: int
    stop_step: int
    steps: Steps
    gids: Gids


class SpikeStore:
    """The spike stores of all ranks of a run.

    Of a run that goes on or was killed, ranks have published different amounts; only steps before `complete_before`
    are shown, for which every rank's spikes are there.
    """

    def __init__(self, folder: Path, ranks: int) -> None:
        self._tables = [TableReader(path, "spikes") for path in rank_stores(folder, ranks)]
        unfinished = [table.complete_before for table in self._tables if not table.closed]
        self.closed = not unfinished
        self.complete_before = min(unfinished) if unfinished else max(t.complete_before for t in self._tables)
        self.rows = sum(table.rows for table in self._tables)

    def windows(
        self, start_step: int, stop_step: int, window_steps: int, selection: GidSelection | None = None
    ) -> Iterator[StepWindow]:
        """Yield consecutive windows over [start_step, stop_step), empty ones included; the last may be shorter.

        Holds one window, and a quarter of a shard per rank, in memory.
        """
        return self._between([*range(start_step, stop_step, window_steps), stop_step], selection)

    def _between(self, edges: list[int], selection: GidSelection | None) -> Iterator[StepWindow]:
        """Yield the window between every two edges, which ascend."""
        cursors = [_Cursor(table, edges[0]) for table in self._tables]
        for start, stop in pairwise(edges):
            steps, gids = _joined([cursor.take_before(min(stop, self.complete_before)) for cursor in cursors])
            if selection is not None:
                chosen = selection.mask(gids)
                steps, gids = steps[chosen], gids[chosen]
            if len(cursors) > 1:
                steps, gids = sort_spikes(steps, gids)
            yield StepWindow(start, stop, steps, gids)

    def chunks(
        self, start_step: int = 0, stop_step: int | None = None, selection: GidSelection | None = None
    ) -> Iterator[StepWindow]:
        """Yield windows of about a million spikes each, also where the network bursts.

        None holds more than that and a shard of each rank, except where so many fall into one step.
        """
        stop = self.complete_before if stop_step is None else min(stop_step, self.complete_before)
        windows = max(1, round(self.rows / _WINDOW_SPIKES))
        edges = {*range(start_step, stop, max(1, -(-self.complete_before // windows)))}
        begun = sorted(step for table in self._tables for step in table.shard_first)
        shards = max(1, _WINDOW_SPIKES // max(table.shard_rows for table in self._tables))
        edges.update(step for step in begun[shards::shards] if start_step < step < stop)
        return self._between([*sorted(edges), max(start_step, stop)], selection)

    def read(
        self, start_step: int = 0, stop_step: int | None = None, selection: GidSelection | None = None
    ) -> tuple[Steps, Gids]:
        """Return steps int64[n] and gids (uint32[n], or int64[n]) of all spikes with start_step <= step < stop_step."""
        return _joined([(window.steps, window.gids) for window in self.chunks(start_step, stop_step, selection)])


def _joined(parts: list[tuple[Steps, Gids]]) -> tuple[Steps, Gids]:
    if len(parts) == 1:
        return parts[0]
    steps = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
    return steps, np.concatenate([np.empty(0, np.uint32), *(part[1] for part in parts)])


class _Cursor:
    """A rank's spikes from a step on, read block by block."""

    def __init__(self, table: TableReader, start_step: int) -> None:
        self._table = table
        self._block = max(1, table.shard_rows // 4)  # rows read at once
        self._row = table.first_row_from("step", start_step)
        self._steps: Steps = np.empty(0, np.int64)
        self._gids: Gids = np.empty(0, np.uint32)

    def take_before(self, stop_step: int) -> tuple[Steps, Gids]:
        """Return the spikes with step < stop_step that were not taken yet."""
        parts = [self._cut(stop_step)]
        while not len(self._steps) and self._row < self._table.rows:
            stop = (self._row // self._block + 1) * self._block
            self._steps = self._table.read("step", self._row, stop)
            self._gids = self._table.read("gid", self._row, stop)
            self._row += len(self._steps)
            parts.append(self._cut(stop_step))
        return _joined(parts)

    def _cut(self, stop_step: int) -> tuple[Steps, Gids]:
        n = int(np.searchsorted(self._steps, stop_step))
        taken = self._steps[:n], self._gids[:n]
        self._steps, self._gids = self._steps[n:], self._gids[n:]
        return taken
