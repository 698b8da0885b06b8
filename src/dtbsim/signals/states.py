"""State variables of chosen neurons, in a store of each rank for every entry of record.states."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtbsim.registry import Later
from dtbsim.signals.rank_stores import StoreColumns, steps_before
from dtbsim.signals.stream import Plan, Signal, Site, Stream
from dtbsim.store.run_state import entries_of

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.record.chunk import Chunk
    from dtbsim.spec.network import Network
    from dtbsim.spec.region_network import RegionNetwork
    from dtbsim.store import StateWriter
    from dtbsim.store.run import Run

FOLDER = "states"


class States(Signal):
    """`record.states`."""

    name = "states"
    written = "record: {states: [{population: NAME, variables: [VARIABLE]}]}"
    folder, holds = "states", "states"
    report = Later("dtbsim.report.shown.states:STATES")

    def plans(self, network: Network) -> Sequence[Plan]:
        """One for each entry."""
        found: dict[int, Plan] = {
            int(request.owner): StatePlan(number, int(request.owner))
            for number, request in enumerate(network.samples[: network.records.states])
        }
        regions = network.regions
        for number, sample in enumerate(() if regions is None else regions.samples):
            if isinstance(sample.owner, int) and regions is not None:
                found[sample.owner] = RegionStatePlan(number, sample.owner, regions)
        return [found[k] for k in sorted(found)]

    def stores(self, config: Mapping[str, Any]) -> dict[str, str]:
        """One for each entry."""
        return {f"{FOLDER}/{k}": f"record.states[{k}]" for k in range(len(entries_of(config, "states")))}

    def entries(self, config: Mapping[str, Any]) -> list[Any]:
        """Numbers of the entries."""
        return [*range(len(self.stores(config)))]

    def read(self, run: Run, name: Any = 0, start_ms: float | None = None, stop_ms: float | None = None) -> xr.Dataset:
        """Return the states of an entry, (time_ms, gid), of start_ms < t <= stop_ms; of regions (time_ms, region)."""
        from dtbsim.store.region_reader import read_region_states, region_population
        from dtbsim.store.series_reader import read_states

        population = region_population(run, entries_of(run.config, "states"), name)
        if population is not None:
            folder = run.stored_entry(name, FOLDER)
            return read_region_states(folder, run.ranks, run.network, population, start_ms, stop_ms)
        return read_states(run.stored_entry(name, FOLDER), run.ranks, run.network_table, start_ms, stop_ms)


class StatePlan(Plan):
    """Entry number `entry` of record.states, sample number `k` of the network."""

    def __init__(self, k: int, entry: int) -> None:
        self._k, self._entry = k, entry

    def open(self, site: Site) -> Stream:
        """Every rank has a store, also without a neuron of the entry."""
        from dtbsim.store import StateWriter

        sampled = site.backend.sampler.records[self._k]
        folder = site.stores / FOLDER / str(self._entry)
        columns = StoreColumns(site, folder, {"gid": sampled.gids}, "gid")
        writers = []
        for k, (gids,) in columns.stores:
            writer = StateWriter(folder, k, gids, sampled.variables, sampled.interval)
            if columns.is_new(k):
                steps = steps_before(folder)
                writer.append(steps, np.zeros((steps.size, 0, len(sampled.variables)), np.float32))
            writers.append(writer)
        return StateStream(self._k, columns, writers)


class RegionStatePlan(Plan):
    """Entry number `entry` of record.states, sample number `k` of the regions."""

    def __init__(self, k: int, entry: int, regions: RegionNetwork) -> None:
        self._k, self._entry, self._regions = k, entry, regions

    def open(self, site: Site) -> Stream:
        """Every rank stores its nodes and members: column member * nodes + node."""
        from dtbsim.store import StateWriter

        sample = self._regions.samples[self._k]
        nodes, members = site.backend.region_share(sample.population)
        n_nodes = self._regions.populations[sample.population].n_nodes
        elements = np.add.outer(np.array(members, np.int64) * n_nodes, np.arange(*nodes)).ravel().astype(np.uint32)
        folder = site.stores / FOLDER / str(self._entry)
        columns = StoreColumns(site, folder, {"gid": elements}, "gid")
        writers = []
        for k, (gids,) in columns.stores:
            writer = StateWriter(folder, k, gids, sample.variables, sample.interval)
            if columns.is_new(k):
                steps = steps_before(folder)
                writer.append(steps, np.zeros((steps.size, 0, len(sample.variables)), np.float32))
            writers.append(writer)
        return RegionStateStream(self._k, columns, writers)


class StateStream(Stream):
    """Writes what was sampled; nothing of it is kept between chunks."""

    def __init__(self, k: int, columns: StoreColumns, writers: list[StateWriter]) -> None:
        self._k, self._columns, self._writers = k, columns, writers
        self._due: list[NDArray[np.float32]] = []

    def share(self, chunk: Chunk) -> None:
        """Bring the samples to the ranks that store them."""
        self._due = self._columns.dealt(chunk.samples[self._k][1])

    def take(self, chunk: Chunk) -> None:
        """Store the samples of a chunk."""
        for writer, values in zip(self._writers, self._due, strict=True):
            writer.append(chunk.samples[self._k][0], values)

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def close(self) -> None:
        """Publish the stores."""
        with contextlib.ExitStack() as stack:
            for writer in self._writers:
                stack.callback(writer.close)


class RegionStateStream(StateStream):
    """Writes what was sampled of regions."""

    def share(self, chunk: Chunk) -> None:
        """Bring the samples to the ranks that store them."""
        self._due = self._columns.dealt(elements_of(chunk.regions[self._k].values))

    def take(self, chunk: Chunk) -> None:
        """Store the samples of a chunk."""
        for writer, values in zip(self._writers, self._due, strict=True):
            writer.append(chunk.regions[self._k].steps, values)


def elements_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32[k, members * nodes, variables] of values [k, nodes, members, variables]."""
    k, nodes, members, variables = values.shape
    return values.transpose(0, 2, 1, 3).reshape(k, members * nodes, variables)


STATES = States()
