"""Spikes: their number, their hash, and those of the chosen populations in a store of each rank."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.numerics.ranges import range_of
from dtbsim.record.spike_hash import SpikeHasher, combined
from dtbsim.registry import Later
from dtbsim.signals.rank_stores import rank_stores_of
from dtbsim.signals.stream import Plan, Signal, Site, State, Stream
from dtbsim.store.run_state import record_of

if TYPE_CHECKING:
    from dtbsim.mpi import Comm
    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.store import SpikeWriter
    from dtbsim.store.network_table import PopulationChoice
    from dtbsim.store.run import Run
    from dtbsim.store.spikes import Spikes as StoredSpikes

STORE = "spikes"


class Spikes(Signal):
    """`record.spikes`. All spikes are counted and hashed, also where none are stored."""

    name = "spikes"
    written = "record: {spikes: {populations: [NAME]}}"
    folder, holds = STORE, "spikes"
    report = Later("dtbsim.report.shown.spikes:SPIKES")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One, whatever is stored."""
        return [SpikePlan(network)]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One, unless it is off."""
        return {STORE: "record.spikes"} if record_of(config).get("spikes") is not None else {}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """One, unless it is off."""
        return [None] * len(self.stores(config))

    def stored_until_ms(self, run: Run) -> float | None:
        """The step before which all ranks have stored all spikes."""
        return run.spike_store.complete_before * run.dt_ms

    def read(
        self, run: Run, name: PopulationChoice = None, start_ms: float | None = None, stop_ms: float | None = None
    ) -> StoredSpikes:
        """Return the spikes of start_ms < t <= stop_ms of the population(s) `name`, by default of all."""
        from dtbsim.store.spikes import Spikes as StoredSpikes

        steps, gids = run.spike_steps(name, start_ms, stop_ms)
        table = run.network_table
        return StoredSpikes(steps, gids, table, [str(entry["name"]) for entry in table.named(name)])


class SpikePlan(Plan):
    """Which spikes are stored: `window` in steps, `chosen` bool[n_populations] (None: of all)."""

    def __init__(self, network: Network) -> None:
        item = network.records.spikes
        self.starts, self.gid_dtype = network.gid_starts, network.gid_dtype
        self.window: tuple[int, int] | None = None
        self.chosen: NDArray[np.bool_] | None = None
        if item is None:
            return
        self.window = item.start, item.stop
        if item.families is not None:
            self.chosen = np.array([population.family in item.families for population in network.populations])

    def open(self, site: Site) -> Stream:
        """With a store on every rank where spikes are stored."""
        from dtbsim.store import SpikeWriter

        stores, dtype = [] if self.window is None else rank_stores_of(site), self.gid_dtype
        writers = [SpikeWriter(site.stores / STORE, k, gid_dtype=dtype) for k in stores]
        return SpikeStream(self, site.comm, writers)


class SpikeStream(Stream):
    """Counts, hashes and stores the spikes of this rank: in its first store; others of it get no more spikes."""

    def __init__(self, plan: SpikePlan, comm: Comm, writers: list[SpikeWriter]) -> None:
        self._plan, self._comm, self._writers = plan, comm, writers
        self._hasher = SpikeHasher()
        self._spikes = 0

    def take(self, chunk: Chunk) -> None:
        """Hash all spikes, store those that were asked for."""
        self._spikes += chunk.steps.size
        self._hasher.update(chunk.steps, chunk.gids)
        if self._plan.window is None:
            return
        keep = self._kept(chunk, self._plan.window)
        self._writers[0].append(chunk.steps[keep], chunk.gids[keep], stop_step=chunk.stop)
        for other in self._writers[1:]:
            other.append(chunk.steps[:0], chunk.gids[:0], stop_step=chunk.stop)

    def _kept(self, chunk: Chunk, window: tuple[int, int]) -> slice | NDArray[np.bool_]:
        first, last = window
        chosen = self._plan.chosen
        if chosen is None and first <= chunk.start and chunk.stop <= last:
            return slice(None)
        keep = (chunk.steps >= first) & (chunk.steps < last)
        if chosen is not None:
            keep &= chosen[range_of(self._plan.starts, chunk.gids)]
        return keep

    def summary(self, steps: int) -> dict[str, Any]:
        """Number and hash of the spikes of all ranks."""
        sums = self._comm.allreduce_sum(self._hasher.table(steps).view(np.int64)).view(np.uint64)
        spikes = sum(self._comm.allgather(self._spikes))
        return {"spikes": spikes, "spike_hash": combined(sums)}

    def state(self) -> dict[str, NDArray[Any]]:
        """The sums of the hash, uint64[windows, 2], with the numbers of their windows, and the number of spikes."""
        sums = self._hasher.sums
        words = np.array(list(sums.values()), np.uint64).reshape(-1, 2)
        return {"windows": np.array(list(sums), np.int64), "words": words, "spikes": np.array(self._spikes)}

    def restore(self, state: State) -> None:
        """Go on from there."""
        windows, words = state["windows"].tolist(), state["words"].tolist()
        self._hasher = SpikeHasher({window: (a, b) for window, (a, b) in zip(windows, words, strict=True)})
        self._spikes = int(state["spikes"])

    def branch(self, state: State | None) -> None:
        """Count, hash and store from here on."""

    def merged(self, states: Sequence[State], rank: int) -> State:
        """The sums of all ranks, on rank 0."""
        hasher = SpikeHasher()
        states = states if rank == 0 else []
        for state in states:
            hasher.add_sums(zip(state["windows"].tolist(), state["words"], strict=True))
        spikes = sum(int(state["spikes"]) for state in states)
        words = np.array(list(hasher.sums.values()), np.uint64).reshape(-1, 2)
        return {"windows": np.array(list(hasher.sums), np.int64), "words": words, "spikes": np.array(spikes)}

    def flush(self) -> None:
        """Sort what waits and give it to the stores."""
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        """Publish the stores."""
        with contextlib.ExitStack() as stack:
            for writer in self._writers:
                stack.callback(writer.close)


SPIKES = Spikes()
