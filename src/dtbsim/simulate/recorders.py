"""What a run keeps, fed chunk by chunk: spikes, their hash, states, rates per bin, correlations, BOLD."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dtbsim.backends.backend import Backend
from dtbsim.clock import steps_of
from dtbsim.config import Locator
from dtbsim.errors import InputError
from dtbsim.mpi import Comm
from dtbsim.record.chunk import Chunk
from dtbsim.record.counts import Bins
from dtbsim.record.spike_hash import SpikeHasher, combined
from dtbsim.record.spike_order import Gids, Steps
from dtbsim.simulate.bold import BoldRegions, BoldStream, bold_bin_steps
from dtbsim.simulate.changes import check_changes, count_units
from dtbsim.simulate.collective import SynchronyStream
from dtbsim.simulate.correlation import CorrelationRecorder, correlations_of
from dtbsim.spec.network import Network
from dtbsim.store import RateWriter, SpikeWriter, StateWriter, WeightWriter


def rate_bin_steps(network: Network) -> int | None:
    """Steps of a bin of the population rates (at least one), None where they are off."""
    bin_ms = network.config.record.rate_bin_ms
    return None if bin_ms is None else steps_of(bin_ms, network.dt_ms)


class Recorders:
    """All recorders of one rank; rates and BOLD live on rank 0.

    `unit` is that of counting (`count_unit_steps`). `seconds` is split into what storing costs and what BOLD does.
    """

    def __init__(
        self, network: Network, comm: Comm, backend: Backend, run_dir: Path, regions: BoldRegions | None, unit: int
    ) -> None:
        self._network, self._comm, self._backend = network, comm, backend
        self._hasher = SpikeHasher()
        self.spikes = 0
        self.seconds = {"record": 0.0, "signals": 0.0}
        stores = run_dir / "stores"
        self._spikes = SpikeWriter(stores / "spikes", comm.rank) if network.config.record.spikes is not None else None
        self._window, self._chosen = _chosen_spikes(network)
        self._states = [
            StateWriter(stores / "states" / str(k), comm.rank, sampled.gids, sampled.variables, sampled.interval)
            for k, sampled in enumerate(backend.sampler.records)
        ]
        self._weights = [
            WeightWriter(stores / "weights" / str(k), comm.rank, kept.source, kept.target, kept.delay, network.dt_ms)
            for k, kept in enumerate(backend.weights)
        ]
        for kept, weight_writer in zip(backend.weights, self._weights, strict=True):
            weight_writer.append(0, kept.now(0))
        self._correlations: CorrelationRecorder | None = None
        if network.config.record.correlations:
            self._correlations = CorrelationRecorder(network, comm, stores / "correlations")
        self._rates: RateWriter | None = None
        self._rate_bins: Bins | None = None
        self.synchrony: SynchronyStream | None = None
        self.bold: BoldStream | None = None
        if comm.is_root and unit:
            self._open_rates(stores, unit)
            self.synchrony = SynchronyStream(network, unit)
            if network.config.bold is not None and regions is not None:
                self.bold = BoldStream(network, network.config.bold, regions, unit, stores / "bold.zarr")

    def _open_rates(self, stores: Path, unit: int) -> None:
        bin_steps = rate_bin_steps(self._network)
        if bin_steps is None:
            return
        populations = self._network.populations
        names, sizes = [p.name for p in populations], [p.size for p in populations]
        self._rates = RateWriter(stores / "rates.zarr", names, sizes, bin_steps * self._network.dt_ms)
        self._rate_bins = Bins(bin_steps // unit, len(populations))

    def share(self, chunk: Chunk) -> None:
        """Hash and count the spikes of a chunk together with those of all other ranks; collective."""
        begin_s = time.perf_counter()
        self.spikes += chunk.steps.size
        self._hasher.update(chunk.steps, chunk.gids)
        if self._correlations is not None:
            self._correlations.count(chunk.start, chunk.stop, chunk.steps, chunk.gids)
        self.seconds["record"] += time.perf_counter() - begin_s

    def store(self, chunk: Chunk) -> None:
        """Store the same spikes, what was sampled meanwhile and the counts, which BOLD follows.

        Raises StorageError and NumericsError on this rank alone.
        """
        begin_s = time.perf_counter()
        start, stop, steps, gids = chunk.start, chunk.stop, chunk.steps, chunk.gids
        if self._spikes is not None:
            keep = self._wanted(start, stop, steps, gids)
            self._spikes.append(steps[keep], gids[keep], stop_step=stop)
        for k, writer in enumerate(self._states):
            at, values = self._backend.sampler.take(k)
            writer.append(at, values)
        for kept, weight_writer in zip(self._backend.weights, self._weights, strict=True):
            if stop == self._network.n_steps or (kept.interval and stop % kept.interval == 0):
                weight_writer.append(stop, kept.now(stop))
        if self._rates is not None and self._rate_bins is not None:
            self._rates.append(self._rate_bins.add(chunk.counts))
        if self.synchrony is not None:
            self.synchrony.take(chunk.counts)
        if self._correlations is not None:
            self._correlations.store()
        stored_s = time.perf_counter()
        if self.bold is not None:
            self.bold.take(chunk.counts)
        self.seconds["record"] += stored_s - begin_s
        self.seconds["signals"] += time.perf_counter() - stored_s

    def _wanted(self, start: int, stop: int, steps: Steps, gids: Gids) -> slice | NDArray[np.bool_]:
        first, last = self._window
        if self._chosen is None and first <= start and stop <= last:
            return slice(None)
        keep = (steps >= first) & (steps < last)
        if self._chosen is not None:
            population = np.searchsorted(self._network.gid_starts, gids, side="right") - 1
            keep &= self._chosen[population]
        return keep

    def spike_hash(self, n_steps: int) -> str:
        """The hash of the spikes of all ranks in `n_steps` steps; collective."""
        mine = self._hasher.table(n_steps).view(np.int64)
        return combined(self._comm.allreduce_sum(mine).view(np.uint64))

    def close(self) -> None:
        """Publish everything that was recorded; every store, also when one of them fails."""
        with contextlib.ExitStack() as stack:
            for store in (self._spikes, *self._states, *self._weights, self._rates, self._correlations, self.bold):
                if store is not None:
                    stack.callback(store.close)


def check_recording(network: Network, locator: Locator | None = None) -> BoldRegions | None:
    """Return the regions of BOLD (None: off). InputError where BOLD, correlations or controllers do not fit.

    Everything else of the recorders needs the built network.
    """
    config = network.config
    try:
        correlations_of(network)
        check_changes(network)
        return BoldRegions(network, config.bold) if config.bold is not None else None
    except InputError as error:
        if locator is not None and error.where is not None:
            error.where = locator.where(error.where)
        raise


def count_unit_steps(network: Network) -> int:
    """The unit in which spikes are counted: the largest that all bins and intervals are multiples of; 0: no counts."""
    config = network.config
    units = [bin_steps for bin_steps in [rate_bin_steps(network)] if bin_steps is not None]
    if config.bold is not None:
        units.append(bold_bin_steps(network, config.bold))
    units += count_units(network)
    return math.gcd(*units) if units else 0


def intervals(network: Network) -> list[int]:
    """Steps after whose multiples something is recorded between two compiled windows: no chunk goes beyond them."""
    given = [item.interval_ms for item in network.config.record.weights if item.interval_ms is not None]
    return [steps_of(interval_ms, network.dt_ms) for interval_ms in given]


def _chosen_spikes(network: Network) -> tuple[tuple[int, int], NDArray[np.bool_] | None]:
    """The window in steps and, unless all are recorded, which populations, bool[n_populations]."""
    item = network.config.record.spikes
    if item is None:
        return (0, 0), None
    first = steps_of(item.start_ms, network.dt_ms)
    last = network.n_steps if item.stop_ms is None else steps_of(item.stop_ms, network.dt_ms)
    if item.populations == "all":
        return (first, last), None
    families = {network.family_index(name) for name in item.populations}
    return (first, last), np.array([population.family in families for population in network.populations])
